"""The manifest of a backup: what it holds, of when, and a seal over all of it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.errors import BackupError
from storage.durable import put
from storage.marks import Mark

NAME, DATABASE, LAKE = "manifest.json", "console.db", "lake"  # inside a backup, as in a home
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a backup; `path` is relative to it."""

    path: str
    bytes: int
    sha256: str
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds."""

    taken_at: datetime
    product: str  # version of the code that made it
    schema: str  # of the database
    lake: str  # the identity that database and lake share
    source: str
    simulated: bool
    lake_only: bool  # the database is a server's: its own tools back it up
    mark: Mark  # the newest write that is in it
    runs: int
    sessions: int
    files: tuple[Entry, ...]
    lost: tuple[str, ...] = ()  # files of the catalog that were nowhere whole any more when it was made
    cold: tuple[str, ...] = ()  # those that lie in a bucket, where the restored home finds them again

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(entry.bytes for entry in self.files)


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a backup; it is the last thing that is written."""
    body = asdict(manifest) | {"taken_at": manifest.taken_at.isoformat(), "mark": manifest.mark.as_json()}
    body = {"format": FORMAT, **{name: value for name, value in body.items() if name != "files"}}
    files = [asdict(entry) for entry in manifest.files]
    sealed = {"seal": _seal(body, files), **body, "counts": {"files": len(files), "bytes": manifest.bytes}, "files": files}
    put(folder, NAME, json.dumps(sealed, indent=1).encode())


def read(folder: Path) -> Manifest:
    """Read the manifest of a backup; raises `BackupError` when there is none, or it is not what was written."""
    try:
        found = json.loads((folder / NAME).read_bytes())
    except FileNotFoundError as error:
        raise BackupError(f"{folder} is no backup: it has no {NAME}") from error
    except (OSError, ValueError) as error:
        raise BackupError(f"the manifest of backup {folder} cannot be read: {error}. Take another backup.") from error
    try:
        return _trusted(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackupError(f"the manifest of backup {folder} is not what was written ({error}). Take another backup.") from error


def _trusted(found: dict[str, Any]) -> Manifest:
    seal, files = found.pop("seal"), found.pop("files")
    found.pop("counts")
    if found["format"] != FORMAT:
        raise ValueError(f"format {found['format']}: another version of the product made it")
    if _seal(found, files) != seal:
        raise ValueError("its seal differs")
    del found["format"]
    found["taken_at"], found["mark"] = datetime.fromisoformat(found["taken_at"]), Mark.of_json(found["mark"])
    return Manifest(
        **found | {"files": tuple(Entry(**entry) for entry in files), "lost": tuple(found["lost"]), "cold": tuple(found.get("cold", ()))}
    )


def _seal(body: dict[str, Any], files: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps([body, files], sort_keys=True, default=list).encode()).hexdigest()
