"""Tells whether a runner on this machine is alive: each holds a lock on a file of its own for as long as its process lives.

The kernel drops the lock at the instant the process is gone, however it went; no clock and no heartbeat is involved.
"""

import fcntl
import os
from collections.abc import Container
from contextlib import suppress
from pathlib import Path


class LifeLock:
    """A lock held by a living runner."""

    def __init__(self, folder: Path, runner_id: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = _path(folder, runner_id)
        self._handle = _locked(self.path)

    def release(self) -> None:
        """Give up the lock and remove its file."""
        forget(self.path.parent, self.path.stem)
        os.close(self._handle)


def is_dead(folder: Path, runner_id: str) -> bool:
    """Say whether no process holds the lock of that runner any more; False where there is no lock to be asked.

    A runner that dies leaves its file behind. One without a file works in another home, and may well be alive.
    """
    try:
        handle = os.open(_path(folder, runner_id), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(handle)


def forget(folder: Path, runner_id: str) -> None:
    """Remove the file that a runner left behind."""
    _path(folder, runner_id).unlink(missing_ok=True)


def sweep(folder: Path, known: Container[str]) -> int:
    """Remove the files of runners that died before anybody knew of them; return how many. The others' are their rescuer's to remove."""
    removed = 0
    for path in folder.glob("*.lock"):
        if path.stem not in known:
            with suppress(OSError), path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                removed += 1
    return removed


def _locked(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:  # a sweep may have come between the making and the lock
            return handle
        os.close(handle)


def _path(folder: Path, runner_id: str) -> Path:
    return folder / f"{runner_id}.lock"
