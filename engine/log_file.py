"""The file that runners, and the processes that they start, write their lines to: bounded, and any number of processes may write to it.

Each of them appends through its own handle, which a rename does not disturb: a line goes to the old file or to the new one, never lost
and never cut. So whoever finds the file too long renames it, and everybody else moves on to the new one when they look.
"""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 16 * 1024 * 1024  # some 80,000 lines; it may become longer by what is written between two looks
KEPT = 4  # old files: runner.log.1 is the newest of them
STREAMS = (1, 2)  # stdout and stderr of a process


def log_file(home: Path) -> Path:
    """Return where the runners of a home write to."""
    return home / "logs" / "runner.log"


def opened(path: Path, *, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> BinaryIO:
    """Open the file to append to, for a process that is about to start; it is made, or begun anew where it is too long."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rotate(path, most_bytes=most_bytes, kept=kept)
    return path.open("ab")


def rotate(path: Path, *, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> bool:
    """Begin the file anew where it is longer than `most_bytes`, and keep that many old ones; say whether it was done.

    Of several processes that find it too long one does it: the others find a short file behind the lock.
    """
    if _size(path) <= most_bytes:
        return False
    lock = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _size(path) <= most_bytes:
            return False
        for number in range(kept - 1, 0, -1):
            if old(path, number).exists():
                old(path, number).replace(old(path, number + 1))
        path.replace(old(path, 1))
    finally:
        os.close(lock)
    return True


def keep_short(path: Path, *, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> None:
    """Look whether the file that this process prints to is still the one of that name and not too long; go on in the new one where it is.

    A process that prints elsewhere (a terminal, a container's log) is left alone.
    """
    ours = [stream for stream in STREAMS if _is_one_of(stream, path, kept)]
    if not ours:
        return
    rotate(path, most_bytes=most_bytes, kept=kept)
    with path.open("ab") as newest:
        for stream in ours:
            if not _same(stream, newest.fileno()):
                os.dup2(newest.fileno(), stream)


def old(path: Path, number: int) -> Path:
    """Return the name of an old file; 1 is the newest."""
    return path.with_name(f"{path.name}.{number}")


def _is_one_of(stream: int, path: Path, kept: int) -> bool:
    """Say whether a stream goes to the file, or to an old one that another process has renamed meanwhile."""
    try:
        found = os.fstat(stream)
    except OSError:  # it is closed
        return False
    for candidate in (path, *(old(path, number) for number in range(1, kept + 1))):
        try:
            known = candidate.stat()
        except FileNotFoundError:
            continue
        if os.path.samestat(found, known):
            return True
    return False


def _same(one: int, other: int) -> bool:
    return os.path.samestat(os.fstat(one), os.fstat(other))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
