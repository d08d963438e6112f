"""Makes a backup while runners work: one snapshot of the database, then every lake file that this snapshot names.

Lake files are written before a transaction names them and never change, so all of them are there when the copy of the database is; and
while it is made, the lifecycle removes none. What lies in a cold folder is saved too; what lies in a bucket stays there and is named.
"""

import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from engine.backup import manifest, shelf
from engine.backup.carrier import Carrier, digest_of
from engine.backup.manifest import DATABASE, LAKE, Entry, Manifest
from engine.errors import BackupError, NoSpace, UsageError
from engine.runtime import Runtime
from engine.version import VERSION
from storage import marks, packs
from storage.aside import aside, sweep
from storage.cold import is_folder
from storage.database import Database, free_bytes, nearest, open_read_only
from storage.identity import FILE, identities
from storage.migrate import schema_version
from storage.packs import Stored
from storage.tables import Run, TradingSession

MARGIN = 64 * 1024**2  # what a backup leaves free: the runner goes on writing meanwhile
SERVER = (
    "The database is a PostgreSQL server, and its own tool makes the consistent copy of it. Run pg_dump first, then "
    "`python -m engine backup --lake-only`: in this order, the lake that is saved holds every file that the dump names."
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was made, and what that took."""

    folder: Path
    manifest: Manifest
    linked: int
    copied: int
    new_bytes: int  # that it takes beside what was there
    seconds: float

    def figures(self) -> dict[str, Any]:
        """Return it as plain values."""
        made = self.manifest
        counts = {"files": len(made.files), "bytes": made.bytes, "linked": self.linked, "copied": self.copied, "new_bytes": self.new_bytes}
        about = {"schema": made.schema, "simulated": made.simulated, "lake_only": made.lake_only, "mark": made.mark.as_json()}
        what = {"backup": str(self.folder), "taken_at": made.taken_at.isoformat(), **counts}
        return what | {
            "runs": made.runs,
            "sessions": made.sessions,
            "lost": list(made.lost),
            "cold": len(made.cold),
            "seconds": round(self.seconds, 3),
            **about,
        }


def take(runtime: Runtime, place: Path, *, lake_only: bool = False) -> Taken:
    """Make a backup in a new folder of `place`; raises `NoSpace`, and `UsageError` for a database that it cannot copy."""
    if runtime.database.dialect != "sqlite" and not lake_only:
        raise UsageError(SERVER)
    began, at = time.monotonic(), runtime.clock.now()
    with _no_space_told(place):
        place.mkdir(parents=True, exist_ok=True)
        sweep(place)
        earlier = shelf.backups(place)
        _refuse_another_home(runtime, earlier)
        final = shelf.free_place(place, at)
        with runtime.lake.kept(), aside(final) as folder:
            own = [] if lake_only else [_copy_database(runtime, folder)]
            with _snapshot(runtime, folder, lake_only=lake_only) as (database, connection):
                stored = packs.stored(connection)
                wanted = [Entry(f"{LAKE}/{file.path}", file.bytes, file.sha256, file.rows) for file in stored]
                about = _about(runtime, database, connection)
            carrier = Carrier((runtime.lake.folder, *(backup / LAKE for backup in earlier[:2]), *_cold_folders(stored)), folder)
            in_buckets = {file.path for file in stored if file.cold is not None and not is_folder(file.cold)}
            _refuse_a_full_disk(
                place, _to_copy(carrier, [entry for entry in wanted if entry.path.removeprefix(f"{LAKE}/") not in in_buckets])
            )
            carried = [entry for entry in wanted if carrier.carry(entry)]
            lost, cold = (tuple(path for path in carrier.lost if (path in in_buckets) is it_is) for it_is in (False, True))
            own.append(_copy_identity(runtime.lake.folder, folder))
            named: dict[str, Any] = {"files": tuple(own + carried), "lost": lost, "cold": cold}
            made = Manifest(taken_at=at, lake_only=lake_only, product=VERSION, **named, **about)
            manifest.write(folder, made)
    new = carrier.copied_bytes + sum(entry.bytes for entry in own)
    return Taken(final, made, carrier.linked, carrier.copied, new, time.monotonic() - began)


def _refuse_another_home(runtime: Runtime, earlier: Sequence[Path]) -> None:
    """Refuse a folder that holds the backups of another lake: each would count, and remove, those of the other."""
    with runtime.database.reading() as connection:
        own = connection.execute(select(identities.c.id)).scalar_one()
    for backup in earlier[:1]:
        try:
            found = manifest.read(backup).lake
        except BackupError:
            continue  # it is damaged, which is no reason to make none
        if found != own:
            raise UsageError(f"{backup.parent} holds backups of another home (its lake is {found}): give each home a folder of its own")


def _copy_database(runtime: Runtime, folder: Path) -> Entry:
    file = Path(runtime.database.pool.url.database or "")
    _refuse_a_full_disk(folder, file.stat().st_size)
    copied = folder / DATABASE
    runtime.database.copy_to(copied)
    flush_file(copied)
    return Entry(DATABASE, copied.stat().st_size, digest_of(copied))


def flush_file(file: Path) -> None:
    """Have a file on the disk that somebody else has written."""
    with file.open("rb") as handle:
        os.fsync(handle.fileno())


@contextmanager
def _snapshot(runtime: Runtime, folder: Path, *, lake_only: bool) -> Iterator[tuple[Database, Connection]]:
    """Give the database that is backed up: its copy, or where there is none itself."""
    database = runtime.database if lake_only else open_read_only(f"sqlite:///{(folder / DATABASE).absolute()}")
    assert database is not None  # noqa: S101, it was written a moment ago
    try:
        with database.reading() as connection:
            yield database, connection
    finally:
        if not lake_only:
            database.close()


def _cold_folders(stored: Sequence[Stored]) -> list[Path]:
    """Return the folders in the cold that hold packs by the same paths as the lake."""
    folders = {file.cold.removesuffix(file.path) for file in stored if file.cold is not None and is_folder(file.cold)}
    return [Path(folder) for folder in sorted(folders)]


def _about(runtime: Runtime, database: Database, connection: Connection) -> dict[str, Any]:
    def counted(table: Any) -> int:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    return {
        "schema": schema_version(database) or "",
        "lake": str(connection.execute(select(identities.c.id)).scalar_one()),
        "source": runtime.source.name,
        "simulated": runtime.simulated,
        "mark": marks.newest(connection),
        "runs": counted(Run.__table__),
        "sessions": counted(TradingSession.__table__),
    }


def _copy_identity(lake: Path, folder: Path) -> Entry:
    target = folder / LAKE / FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes((lake / FILE).read_bytes())
    flush_file(target)
    return Entry(f"{LAKE}/{FILE}", target.stat().st_size, digest_of(target))


def _to_copy(carrier: Carrier, wanted: Sequence[Entry]) -> int:
    """Return how many bytes cannot be linked, at most."""
    device = carrier.folder.stat().st_dev
    beside = [origin for origin in carrier.origins if origin.is_dir() and origin.stat().st_dev == device]
    if carrier.origins[0] in beside:
        return 0
    paths = [entry.path.removeprefix(f"{LAKE}/") for entry in wanted]
    return sum(entry.bytes for entry, path in zip(wanted, paths, strict=True) if not any((o / path).exists() for o in beside))


def _refuse_a_full_disk(place: Path, needed: int) -> None:
    free = free_bytes(place)
    if free < needed + MARGIN:
        raise NoSpace(
            f"a backup needs {needed / 1e6:,.0f} MB and leaves {MARGIN / 1e6:.0f} MB free, and the disk of {nearest(place)} has "
            f"{free / 1e6:,.0f} MB; nothing was written. Free some space, or give NEPSE_BACKUP_DIR a folder on another disk."
        )


@contextmanager
def _no_space_told(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(f"the disk of {place} is full; no backup was made. Free some space, or set NEPSE_BACKUP_DIR.") from error
        raise BackupError(f"no backup could be made in {place}: {error}. Is it a folder that this user may write?") from error
