"""The lake: immutable files, and the catalog that says which of them is current.

A file is written aside, flushed to the disk and renamed; only then may a transaction make it the current
version of its (dataset, partition). A reader therefore sees a whole version or the one before. Versions of a closed
month may lie together in one file, a pack (`packs.py`): a path is what a version is called, wherever its content is.
"""

import errno
import fcntl
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from storage import packing
from storage.durable import ASIDE, locked, put
from storage.packing import Place, Places
from storage.prepared import Prepared
from storage.tables import LakeFile

files = LakeFile.__table__

_current = Prepared(
    select(files).where(files.c.dataset == bindparam("dataset"), files.c.partition == bindparam("partition"), files.c.is_current)
)
_withdraw = Prepared(
    update(files)
    .where(files.c.dataset == bindparam("b_dataset"), files.c.partition == bindparam("b_partition"), files.c.is_current)
    .values(is_current=False, superseded_at=bindparam("at", type_=files.c.superseded_at.type))
)
_publish = Prepared(insert(files))

_WHOLE = (pa.types.is_integer, pa.types.is_date, pa.types.is_decimal)
NAMED_DIGITS = 12  # of the sha256 that a file's name carries: a flipped bit goes unseen once in 2^48

_LOOKS = 4  # for a version that is moved from its file into a pack, or back, between two looks
_REMEMBERED = 3  # packs that were opened last: what reads a month day by day, of some datasets, opens it once
_PATIENCE = 10.0  # seconds until a reader goes on beside one that removes files, or was stopped while it did

_OURS = re.compile(rf"\.?\d{{4}}-\d\d-(?:\d\d|pack)-[0-9a-f]{{{NAMED_DIGITS}}}-[0-9a-f]{{8}}\..+")


class LakeFileLost(Exception):
    """A file of the catalog is missing, torn or not the one that was published."""


class DiskFull(Exception):
    """There is no room for a new file; nothing was published."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a (dataset, partition)."""

    path: str  # relative to the lake
    dataset: str
    partition: date
    sha256: str
    bytes: int
    rows: int | None
    schema_version: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """What a file will hold, with its sha256: the same content is recognised before it is written again."""

    data: memoryview
    sha256: str
    suffix: str
    rows: int | None = None
    schema_version: str | None = None


def table_content(table: pa.Table, *, schema_version: str | None = None) -> Content:
    """Encode a table as Parquet with page checksums; the same rows always give the same bytes."""
    buffer = pa.BufferOutputStream()
    pq.write_table(table.combine_chunks(), buffer, **encoding(table.schema))  # one chunk a column: bytes depend on the rows alone
    data = memoryview(buffer.getvalue())
    return Content(data, hashlib.sha256(data).hexdigest(), ".parquet", table.num_rows, schema_version)


@cache
def encoding(schema: pa.Schema) -> Mapping[str, Any]:
    """Return how tables of a schema are written.

    Whole numbers, dates and decimals as differences, packed: as small as zstd makes them plain, and half the time to write and to read.
    """
    packed = [field.name for field in schema if any(is_it(field.type) for is_it in _WHOLE)]
    return {
        "column_encoding": dict.fromkeys(packed, "DELTA_BINARY_PACKED"),
        "store_decimal_as_integer": True,
        "use_dictionary": [field.name for field in schema if pa.types.is_string(field.type)],
        "write_statistics": ["session", "symbol"],  # what a query picks rows by
        "compression": "snappy",
        "write_page_checksum": True,
    }


def bytes_content(data: bytes, *, suffix: str) -> Content:
    """Take bytes exactly as they came."""
    return Content(memoryview(data), hashlib.sha256(data).hexdigest(), suffix)


@dataclass(frozen=True, slots=True)
class Lake:
    """A folder of immutable files; without `places`, only what has a file of its own can be read."""

    folder: Path
    places: Places | None = None
    _opened: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def write(self, dataset: str, partition: date, content: Content) -> Version:
        """Write a file aside, flush it, rename it, flush the folder; return the version, not yet published."""
        month = f"{partition:%Y-%m}"
        name = _file_name(f"{partition:%Y-%m-%d}", content.sha256, content.suffix)
        self._put(_month(self.folder, dataset, month), name, content.data)
        path = f"{dataset}/{month}/{name}"
        return Version(path, dataset, partition, content.sha256, len(content.data), content.rows, content.schema_version)

    def write_pack(self, dataset: str, month: date, data: bytes | memoryview, *, suffix: str) -> tuple[str, str]:
        """`write` a pack; return its path and its sha256."""
        sha256, folder = hashlib.sha256(data).hexdigest(), f"{month:%Y-%m}"
        name = _file_name(f"{folder}-pack", sha256, suffix)
        self._put(_month(self.folder, dataset, folder), name, data)
        return f"{dataset}/{folder}/{name}", sha256

    def write_again(self, path: str, data: bytes | memoryview) -> None:
        """Put a file into the place that its path names, as it lay there before."""
        place = self.folder / path
        self._put(place.parent, place.name, data)

    def _put(self, folder: Path, name: str, data: bytes | memoryview) -> None:
        try:
            put(folder, name, data)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(f"no room for {len(data):,} bytes in {folder}; free some space, nothing was published") from error
            raise

    def holds(self, version: Version) -> bool:
        """Say whether a version can be read and is what was published."""
        try:
            found, place = self._find(version.path, version.sha256, remembered={})
            if place is not None and place.rows is None:
                self._member(found, place, version)
        except LakeFileLost:
            return False
        return True

    def files_before(self, instant: datetime) -> set[str]:
        """Return the paths of our files, those written aside too, that were last written before an instant."""
        found = set()
        for file in self.folder.glob("*/*/*"):
            try:
                if _OURS.fullmatch(file.name) and file.stat().st_mtime < instant.timestamp():
                    found.add(str(file.relative_to(self.folder)))
            except FileNotFoundError:  # it got its name at this moment
                continue
        return found

    def sweep(self) -> int:
        """Remove what killed writers have left aside, nothing of a living one; return how many files that were."""
        removed = 0
        for aside in self.folder.glob(f"*/*/.*{ASIDE}"):
            with suppress(OSError), aside.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                aside.unlink()
                removed += 1
        return removed

    def size(self, path: str) -> int:
        """Return the bytes that are read for a version: those of its file, or of its pack."""
        try:
            return (self.folder / path).stat().st_size
        except FileNotFoundError:
            place = self.places.place_of(path) if self.places is not None else None
            return place.bytes if place is not None else 0

    def read_table(self, path: str) -> pa.Table:
        """Read a version that is a table; `LakeFileLost` when it is missing or not what was written.

        Page checksums do not cover a file's footer, so the whole is compared with the sha256 that its name begins with.
        """
        found, place = self._find(path, _named_sha256(path))
        if place is not None:
            return packing.table_in(found, place)
        return pq.ParquetFile(pa.BufferReader(found)).read(use_threads=False)

    def read_bytes(self, version: Version) -> bytes:
        """Read a version that is bytes as they came, checking their sha256; `LakeFileLost` when they are missing or differ."""
        found, place = self._find(version.path, version.sha256)
        content: bytes = found if place is None else self._member(found, place, version)
        return content

    def read_pack(self, place: Place) -> bytes:
        """Read a pack, out of the cold when it is not here; `LakeFileLost` when it cannot be had or is not what was written."""
        content = self._pack(place)
        if content is None:
            raise LakeFileLost(f"pack {place.pack} of the lake is missing. Take it back from a backup, or rerun its dates.")
        return content

    def _find(self, path: str, sha256: str, *, remembered: dict[str, Any] | None = None) -> tuple[Any, Place | None]:
        """Return the bytes of a version's file, or the opened pack that it lies in and where; it may be on its way between the two."""
        packs = self._opened if remembered is None else remembered
        for _ in range(_LOOKS):
            content = self._file(path)
            if content is not None:
                return _compared(path, content, sha256), None
            place = self.places.place_of(path) if self.places is not None else None
            if place is None:
                continue
            if (pack := packs.get(place.sha256)) is None and (content := self._pack(place)) is not None:
                pack = packs[place.sha256] = packing.opened(content, place.pack)
                for name in list(packs)[:-_REMEMBERED]:
                    packs.pop(name, None)
            if pack is not None:
                return pack, place
        raise LakeFileLost(f"lake file {path} cannot be read: it is missing. Rerun its date to write it again.")

    def _member(self, pack: Any, place: Place, version: Version) -> bytes:
        if place.rows is not None:
            content = bytes(table_content(packing.table_in(packing.as_written(self.read_pack(place)), place)).data)
        else:
            content = packing.bytes_in(pack, version.path.rpartition("/")[2])
        return _compared(version.path, content, version.sha256)

    def _file(self, path: str) -> bytes | None:
        try:
            return (self.folder / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LakeFileLost(f"lake file {path} cannot be read: {error}. Rerun its date to write it again.") from error

    def _pack(self, place: Place) -> bytes | None:
        """Return a pack, compared with what was written; one that was fetched out of the cold stays here until the lifecycle tidies up."""
        content = self._file(place.pack)
        if content is not None or place.cold is None:
            return None if content is None else _compared(place.pack, content, place.sha256, "Take it back from a backup")
        try:
            content = self.places.fetch(place) if self.places is not None else b""
        except OSError as error:
            raise LakeFileLost(
                f"{place.pack} is in the cold ({place.cold}) and cannot be had now: {error}. "
                "Where it has to be asked for first, do that; then: python -m engine lifecycle restore"
            ) from error
        _compared(place.pack, content, place.sha256, "Take it back from a backup")
        with suppress(OSError):  # what was asked for is at hand; that the next one has to fetch it again is no failure
            put(self.folder / Path(place.pack).parent, Path(place.pack).name, content)
        return content

    @contextmanager
    def kept(self) -> Iterator[bool]:
        """Keep every file that the catalog names now in its place until the end of the block; says whether that could be had.

        For who reads files by their names, or writes one and then books it. Does not wait for ever for one that removes files.
        """
        with locked(self.folder, fcntl.LOCK_SH, patience=_PATIENCE) as held:
            yield held

    @contextmanager
    def removing(self, *, patience: float) -> Iterator[bool]:
        """Hold the lake as nobody else reads it by names; says whether it could be had in so many seconds."""
        with locked(self.folder, fcntl.LOCK_EX, patience=patience) as held:
            yield held


def _compared(path: str, content: bytes, sha256: str, advice: str = "Rerun its date to write it again") -> bytes:
    if not hashlib.sha256(content).hexdigest().startswith(sha256):
        raise LakeFileLost(f"lake file {path} is not what was published (sha256 differs). {advice}.")
    return content


@lru_cache(maxsize=64)
def _month(lake: Path, dataset: str, month: str) -> Path:
    return lake / dataset / month


def _file_name(begin: str, sha256: str, suffix: str) -> str:
    return f"{begin}-{sha256[:NAMED_DIGITS]}-{uuid4().hex[:8]}{suffix}"


def _named_sha256(path: str) -> str:
    """Return the first digits of the sha256 that `_file_name` wrote."""
    return path.rsplit("/", 1)[-1].split("-")[3]


def as_version(row: RowMapping | Mapping[str, Any]) -> Version:
    """Return the version that a catalog row describes."""
    return Version(row["path"], row["dataset"], row["partition"], row["sha256"], row["bytes"], row["rows"], row["schema_version"])


def current(connection: Connection, dataset: str, partition: date) -> Version | None:
    """Return the current version of a (dataset, partition), or None."""
    row = _current.one(connection, {"dataset": dataset, "partition": partition})
    return None if row is None else as_version(row)


def by_path(connection: Connection, path: str) -> Version | None:
    """Return the version of that path, current or not, or None."""
    row = connection.execute(select(files).where(files.c.path == path)).mappings().one_or_none()
    return None if row is None else as_version(row)


def snapshot(connection: Connection, dataset: str, *, since: date | None = None, until: date | None = None) -> Sequence[Version]:
    """Return the current versions of a dataset, oldest partition first."""
    query = select(files).where(files.c.dataset == dataset, files.c.is_current).order_by(files.c.partition)
    if since is not None:
        query = query.where(files.c.partition >= since)
    if until is not None:
        query = query.where(files.c.partition <= until)
    return [as_version(row) for row in connection.execute(query).mappings()]


def versions(connection: Connection, dataset: str, partition: date) -> Sequence[RowMapping]:
    """Return every version that a (dataset, partition) ever had, newest first."""
    query = select(files).where(files.c.dataset == dataset, files.c.partition == partition).order_by(files.c.created_at.desc())
    return connection.execute(query).mappings().all()


def publish(connection: Connection, version: Version, *, run_id: int | None, at: datetime, simulated: bool) -> None:
    """Make `version` the current one of its (dataset, partition); the version before stays in the catalog."""
    withdraw(connection, version.dataset, version.partition, at=at)
    row = {name: getattr(version, name) for name in Version.__slots__}
    _publish.write(connection, row | {"is_current": True, "run_id": run_id, "created_at": at, "simulated": simulated})


def withdraw(connection: Connection, dataset: str, partition: date, *, at: datetime) -> None:
    """Leave a (dataset, partition) without a current version; nothing is deleted."""
    _withdraw.write(connection, {"b_dataset": dataset, "b_partition": partition, "at": at})
