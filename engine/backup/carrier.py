"""Brings lake files into a backup: as links where the disk allows it, else as copies that are compared while they are made."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from engine.backup.manifest import LAKE, Entry

CHUNK = 1024**2


@dataclass(slots=True)
class Carrier:
    """Fills the lake of one backup from the lake itself, and from earlier backups what it has lost or what lies on their disk."""

    origins: Sequence[Path]  # folders that hold lake files by the same paths: the lake, then earlier backups, newest first
    folder: Path  # of the backup
    linked: int = 0
    copied: int = 0
    copied_bytes: int = 0
    lost: list[str] = field(default_factory=list)
    _made: set[Path] = field(default_factory=set)
    _unlinkable: set[Path] = field(default_factory=set)

    def carry(self, entry: Entry) -> bool:
        """Bring one file; where no origin has it whole, it is noted as lost. Returns whether it is there."""
        target = self.folder / entry.path
        if target.parent not in self._made:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(target.parent)
        path = entry.path.removeprefix(f"{LAKE}/")
        if any(self._link(origin, path, target, entry) for origin in self.origins):
            self.linked += 1
        elif any(copy(origin / path, target, entry) for origin in self.origins):
            self.copied += 1
            self.copied_bytes += entry.bytes
        else:
            self.lost.append(path)
            return False
        return True

    def _link(self, origin: Path, path: str, target: Path, entry: Entry) -> bool:
        if origin in self._unlinkable:
            return False
        source = origin / path
        try:
            if source.stat().st_size != entry.bytes:
                return False
            os.link(source, target)
        except FileNotFoundError:
            return False
        except OSError:  # another disk, a file system without links, or too many of them
            self._unlinkable.add(origin)
            return False
        return True


def copy(source: Path, target: Path, entry: Entry, *, durable: bool = True) -> bool:
    """Copy a file; False, and no file, when it is missing or not what is expected. `durable`: it is on the disk then."""
    try:
        reading = source.open("rb")
    except OSError:
        return False
    digest = hashlib.sha256()
    with reading, target.open("wb") as writing:
        while chunk := _read(reading):
            digest.update(chunk)
            writing.write(chunk)
        writing.flush()
        if durable:
            os.fsync(writing.fileno())
    if digest.hexdigest() == entry.sha256:
        return True
    target.unlink()
    return False


def _read(file: BinaryIO) -> bytes:
    """Read on; a disk that cannot ends the file there, so that its sha256 differs."""
    try:
        return file.read(CHUNK)
    except OSError:
        return b""


def digest_of(file: Path) -> str:
    """Return the sha256 of a file, read in pieces."""
    with file.open("rb") as reading:
        return hashlib.file_digest(reading, "sha256").hexdigest()
