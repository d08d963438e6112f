"""Files that are there whole or not at all, and locks that a dead process does not hold."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ASIDE = ".tmp"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_GLANCE = 0.02  # seconds between two tries for a lock


def put(folder: Path, name: str, data: bytes | memoryview) -> None:
    """Write a file aside, flush it, rename it, flush the folder: whatever happens meanwhile, the file is there whole or not at all."""
    aside = f"{folder}/.{name}{ASIDE}"
    try:
        file = _created(aside)
        try:
            left = memoryview(data)
            while left:  # a write may stop half-way without an error when the disk fills up; the next one has it
                left = left[os.write(file, left) :]
            os.fsync(file)
            os.rename(aside, f"{folder}/{name}")  # noqa: PTH104, paths cost more than the call
        finally:
            os.close(file)
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise


def _created(path: str) -> int:
    """Open a new file, locked for as long as its writer has it open: so `Lake.sweep` knows what a killed one has left."""
    while True:
        file = _opened(path)
        fcntl.flock(file, fcntl.LOCK_SH)
        if os.fstat(file).st_nlink:  # a sweep may have come between the opening and the lock
            return file
        os.close(file)


def _opened(path: str) -> int:
    """Open a new file; its folder is made when it is found missing, which is seldom."""
    try:
        return os.open(path, _NEW, 0o666)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, _NEW, 0o666)


@contextmanager
def locked(folder: Path, how: int, *, patience: float) -> Iterator[bool]:
    """Lock a folder, shared or not; says whether it could be had within so many seconds."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield _got(handle, how, time.monotonic() + patience)
    finally:
        os.close(handle)


def _got(handle: int, how: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_GLANCE)
        else:
            return True
