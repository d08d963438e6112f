"""Folders that are made aside and renamed: whatever happens meanwhile, one of that name is there whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex

SUFFIX = ".aside"


@contextmanager
def aside(final: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a hidden folder beside `final` that becomes it at the end of the block; on an error it is removed.

    `durable` waits until the disk has it. It is locked while its maker lives, so that `sweep` knows what a killed one has left.
    """
    folder, handle = _locked(final)
    try:
        yield folder
        if durable:
            flush(folder)
        folder.rename(final)  # onto an empty folder too, never onto one that holds something
        if durable:
            _flush_one(final.parent)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def _locked(final: Path) -> tuple[Path, int]:
    final.parent.mkdir(parents=True, exist_ok=True)
    while True:
        folder = final.with_name(f".{final.name}.{token_hex(4)}{SUFFIX}")
        folder.mkdir()
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if folder.exists():  # a sweep may have come between the making and the lock
            return folder, handle
        os.close(handle)


def sweep(parent: Path, name: str | None = None) -> None:
    """Remove what killed makers of a folder of that name, or of any, have left."""
    for folder in parent.glob(f".{'*' if name is None else escape(name)}.*{SUFFIX}"):
        remove(folder)


def remove(folder: Path) -> bool:
    """Remove a folder that nobody makes or reads: under another name first, so that a killed removal leaves nothing half; say whether."""
    with suppress(FileNotFoundError), lock(folder, exclusive=True) as free:
        if free:
            gone = folder if folder.name.endswith(SUFFIX) else folder.with_name(f".{folder.name}.gone{SUFFIX}")
            folder.rename(gone)
            shutil.rmtree(gone)
            return True
    return False


@contextmanager
def lock(folder: Path, *, exclusive: bool = False) -> Iterator[bool]:
    """Hold a folder that is read, so that nobody removes it meanwhile; says whether it could be had at once."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def flush(folder: Path) -> None:
    """Have the names of everything below a folder on the disk; what the files hold is flushed by who writes them."""
    for where, _folders, _files in os.walk(folder):
        _flush_one(Path(where))


def _flush_one(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
