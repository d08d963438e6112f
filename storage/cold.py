"""The cold: a folder on a slow disk, or a bucket by its URL, where packs lie that are hardly read.

What was put there is never changed and never removed by the product: an old backup may name it.
"""

import importlib
from pathlib import Path
from typing import Any

from storage.durable import put as put_durably


class NoColdDriver(OSError):
    """A URL whose storage needs a package that is not installed."""


def is_folder(location: str) -> bool:
    """Say whether a location is a path of this machine rather than a URL."""
    return "://" not in location


def put(location: str, data: bytes) -> None:
    """Write a file that is not there yet; whatever happens meanwhile, under its name it is whole or not there."""
    if is_folder(location):
        file = Path(location)
        file.parent.mkdir(parents=True, exist_ok=True)
        put_durably(file.parent, file.name, data)
        return
    system, path = _of(location)
    system.makedirs(path.rpartition("/")[0], exist_ok=True)
    system.pipe_file(path, data)  # an object store has an object whole or not at all


def get(location: str) -> bytes:
    """Read a file; raises `OSError` when it cannot be had now, as from an archive that must be asked for days before."""
    if is_folder(location):
        return Path(location).read_bytes()
    system, path = _of(location)
    content: bytes = system.cat_file(path)
    return content


def size(location: str) -> int | None:
    """Return the bytes of a file; None when it is not there. Raises `OSError` when that cannot be told."""
    if is_folder(location):
        file = Path(location)
        return file.stat().st_size if file.is_file() else None
    system, path = _of(location)
    try:
        return int(system.info(path)["size"])
    except FileNotFoundError:
        return None


def _of(location: str) -> tuple[Any, str]:
    try:
        fsspec = importlib.import_module("fsspec")  # only who has a bucket needs it
        system, path = fsspec.core.url_to_fs(location)
    except ImportError as error:
        scheme = location.partition("://")[0]
        raise NoColdDriver(
            f"{scheme}:// needs a package that is not installed ({error.name}): pip install -r requirements-cold.txt"
        ) from error
    return system, path
