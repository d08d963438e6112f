"""Reads a backup or a home from end to end and compares it with what is written of it: nothing is believed."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from engine.backup import manifest
from engine.backup.carrier import digest_of
from engine.backup.manifest import DATABASE, LAKE, Entry, Manifest
from engine.backup.shelf import held
from storage import cold, packs
from storage.database import Database, open_read_only
from storage.identity import FILE, identities
from storage.lake import files as catalog
from storage.migrate import schema_version
from storage.packs import Stored
from storage.tables import TradingSession

PARQUET = ".parquet"
_current_twice = (
    select(catalog.c.dataset, catalog.c.partition)
    .where(catalog.c.is_current)
    .group_by(catalog.c.dataset, catalog.c.partition)
    .having(func.count() > 1)
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was written."""

    path: str
    what: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was read, and what was found wrong."""

    subject: str
    files: int
    bytes: int
    rows: int  # of the Parquet files
    faults: tuple[Fault, ...]
    seconds: float

    def figures(self) -> dict[str, Any]:
        """Return it as plain values."""
        wrong = [{"path": fault.path, "what": fault.what} for fault in self.faults]
        counts = {"files": self.files, "bytes": self.bytes, "rows": self.rows}
        return {"subject": self.subject, **counts, "seconds": round(self.seconds, 3), "wrong": len(wrong), "faults": wrong}

    def sentence(self) -> str:
        """Say it."""
        if not self.faults:
            return f"{self.files:,} files ({self.bytes / 1e6:,.1f} MB, {self.rows:,} rows) are what they were"
        first, more = self.faults[0], len(self.faults) - 1
        return f"{first.path}: {first.what}{f'; and {more:,} more' if more else ''}"


def inspect_backup(backup: Path) -> Inspection:
    """Read every file of a backup; raises `BackupError` when there is none, or its manifest is not what was written."""
    began = time.monotonic()
    with held(backup):
        made = manifest.read(backup)
        faults = [*_wrong_files(backup, made.files)]
        faults += [Fault(f"{LAKE}/{path}", "was lost before the backup was made") for path in made.lost]
        if not made.lake_only:
            faults += _wrong_copy(backup, made)
    return _inspection(str(backup), made.files, faults, began)


def inspect_home(database: Database, lake: Path, *, look_cold: bool = False) -> Inspection:
    """Read every file that a database's catalog names, while others may write, and the database itself.

    With `look_cold` also look whether what lies in the cold is there, whole by its size; else it is left out.
    """
    began = time.monotonic()
    named: tuple[Entry, ...] = ()
    try:
        with database.reading() as connection:
            stored = packs.stored(connection)
            faults = [*_wrong_catalog(connection), *_wrong_identity(connection, lake)]
        faults += [Fault(DATABASE, what) for what in database.faults()]
    except DBAPIError as error:
        faults, stored = [Fault(DATABASE, f"cannot be read: {error.orig}")], []
    cold = [file for file in stored if file.cold is not None and not (lake / file.path).is_file()]
    named = tuple(entry_of(file) for file in stored if file not in cold)
    faults += _wrong_files(lake, named)
    faults += [Fault(file.path, what) for file in cold if look_cold and (what := wrong_in_cold(file))]
    return _inspection(str(lake.parent), named, faults, began)


def _inspection(subject: str, read: Sequence[Entry], faults: Sequence[Fault], began: float) -> Inspection:
    rows = sum(entry.rows or 0 for entry in read)
    return Inspection(subject, len(read), sum(entry.bytes for entry in read), rows, tuple(faults), time.monotonic() - began)


def wrong(file: Path, entry: Entry) -> str | None:
    """Read a file whole and return how it differs from what is written of it, or None."""
    try:
        size = file.stat().st_size
        if size != entry.bytes:
            return f"has {size:,} bytes instead of {entry.bytes:,}"
        if digest_of(file) != entry.sha256:
            return "is not what was written (sha256 differs)"
        if entry.rows is not None and file.suffix == PARQUET:
            rows = pq.read_metadata(file).num_rows
            return None if rows == entry.rows else f"holds {rows:,} rows instead of {entry.rows:,}"
    except FileNotFoundError:
        return "is missing"
    except (OSError, pa.ArrowException) as error:
        return f"cannot be read: {error}"
    return None


def entry_of(file: Stored) -> Entry:
    """Return what is written of a file of the lake."""
    return Entry(file.path, file.bytes, file.sha256, file.rows)


def wrong_in_cold(file: Stored) -> str | None:
    """Return how a file in the cold differs from what is written of it, or None: in a folder it is read, of a bucket its size is asked."""
    where = file.cold or ""
    if cold.is_folder(where):
        found = wrong(Path(where), entry_of(file))
        return f"in the cold ({where}) {found}" if found else None
    try:
        size = cold.size(where)
    except OSError as error:
        return f"in the cold ({where}) cannot be looked at: {error}"
    if size is None:
        return f"in the cold ({where}) is missing"
    return None if size == file.bytes else f"in the cold ({where}) has {size:,} bytes instead of {file.bytes:,}"


def _wrong_files(folder: Path, entries: Sequence[Entry]) -> Iterator[Fault]:
    for entry in entries:
        if what := wrong(folder / entry.path, entry):
            yield Fault(entry.path, what)


def _wrong_copy(backup: Path, made: Manifest) -> list[Fault]:
    """Look at the copied database: whole, one current version of everything, and it names what the manifest does."""
    database = open_read_only(f"sqlite:///{(backup / DATABASE).absolute()}")
    if database is None:
        return []  # missing, which was said
    try:
        faults = [Fault(DATABASE, what) for what in database.faults()]
        if schema_version(database) != made.schema:
            faults.append(Fault(DATABASE, f"is at schema {schema_version(database)} instead of {made.schema}"))
        with database.reading() as connection:
            faults += [*_wrong_catalog(connection), *_wrong_identity(connection, backup / LAKE)]
            faults += _not_in_manifest(connection, {entry.path: entry for entry in made.files}, {*made.lost, *made.cold})
    except DBAPIError as error:
        faults = [Fault(DATABASE, f"cannot be read: {error.orig}")]
    finally:
        database.close()
    return faults


def _not_in_manifest(connection: Connection, listed: Mapping[str, Entry], elsewhere: Collection[str]) -> Iterator[Fault]:
    for row in packs.stored(connection):
        entry = listed.get(f"{LAKE}/{row.path}")
        if entry is None and row.path not in elsewhere:
            yield Fault(f"{LAKE}/{row.path}", "is named by the database and not in the manifest")
        elif entry is not None and (entry.bytes, entry.sha256) != (row.bytes, row.sha256):
            yield Fault(entry.path, "is another file in the database's catalog than in the manifest")


def _wrong_catalog(connection: Connection) -> Iterator[Fault]:
    for path in packs.astray(connection):
        yield Fault(path, "lies in a pack that the catalog does not have")
    for row in connection.execute(_current_twice):
        yield Fault(DATABASE, f"{row.dataset} of {row.partition} has more than one current version")
    sessions = TradingSession.__table__
    for column in (sessions.c.silver_path, sessions.c.gold_path):
        unknown = select(sessions.c.session, column).where(column.is_not(None), column.not_in(select(catalog.c.path)))
        for row in connection.execute(unknown):
            yield Fault(DATABASE, f"session {row.session} names {row[1]}, which the catalog does not have")


def _wrong_identity(connection: Connection, lake: Path) -> Iterator[Fault]:
    own = connection.execute(select(identities.c.id)).scalar_one_or_none()
    try:
        found = (lake / FILE).read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        yield Fault(FILE, f"cannot be read: {error}")
        return
    if found != own:
        yield Fault(FILE, f"is that of lake {found}, and the database belongs to {own}")
