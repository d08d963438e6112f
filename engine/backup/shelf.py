"""The folder of the backups: which there are, which is the newest, which go."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from engine.backup import manifest
from engine.errors import BackupError
from storage.aside import lock, remove
from storage.durable import put

STAMP = "%Y%m%dT%H%M%SZ"
_NAMED = re.compile(r"\d{8}T\d{6}Z(-\d+)?")
_VERIFIED = "verified.json"  # says when all of a backup was last read and found right


def free_place(shelf: Path, at: datetime) -> Path:
    """Return the folder of a backup of that instant that is not there yet."""
    name, number = f"{at:{STAMP}}", 1
    place = shelf / name
    while place.exists():
        number += 1
        place = shelf / f"{name}-{number}"
    return place


def backups(shelf: Path) -> Sequence[Path]:
    """Return the whole backups of a folder, newest first; what a killed one has left is none."""
    if not shelf.is_dir():
        return []
    found = [folder for folder in shelf.iterdir() if _NAMED.fullmatch(folder.name) and (folder / manifest.NAME).is_file()]
    return sorted(found, key=_order, reverse=True)


def _order(folder: Path) -> tuple[str, int]:
    stamp, _, number = folder.name.partition("-")
    return stamp, int(number or 1)


def newest(shelf: Path) -> Path:
    """Return the newest backup; raises `BackupError` when there is none."""
    found = backups(shelf)
    if not found:
        raise BackupError(f"there is no backup in {shelf}; make one: python -m engine backup")
    return found[0]


def find(shelf: Path, name: str | None) -> Path:
    """Return the backup of that name or path; without one the newest."""
    if name is None:
        return newest(shelf)
    return shelf / name if _NAMED.fullmatch(name) and (shelf / name).is_dir() else Path(name)


def mark_verified(backup: Path, at: datetime | None) -> None:
    """Note that a backup was read whole and found right, or that it was not; one that cannot be written stays unmarked."""
    with suppress(OSError):
        if at is None:
            (backup / _VERIFIED).unlink(missing_ok=True)
        else:
            put(backup, _VERIFIED, json.dumps({"verified_at": at.isoformat()}).encode())


def verified_at(backup: Path) -> datetime | None:
    """Return when a backup was last found right, or None."""
    try:
        return datetime.fromisoformat(json.loads((backup / _VERIFIED).read_bytes())["verified_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def held(backup: Path) -> Iterator[None]:
    """Keep a backup from being removed while it is read."""
    if not backup.is_dir():
        raise BackupError(f"there is no backup {backup}")
    with lock(backup) as free:
        if not free:
            raise BackupError(f"backup {backup} is being removed; take another one")
        yield


def prune(shelf: Path, *, keep: int) -> Sequence[str]:
    """Remove the backups behind the newest `keep`, but never the newest verified one; return the names of those that went."""
    found = backups(shelf)
    verified = next((backup for backup in found if verified_at(backup) is not None), None)
    return [backup.name for backup in found[keep:] if backup != verified and remove(backup)]
