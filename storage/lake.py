"""The lake: immutable files, and the catalog that says which of them is current.

A file is written aside, flushed to the disk and renamed; only then may a transaction make it the current
version of its (dataset, partition). A reader therefore sees a whole version or the one before.
"""

import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

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
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
ASIDE = ".tmp"
NAMED_DIGITS = 12  # of the sha256 that a file's name carries: a flipped bit goes unseen once in 2^48

_OURS = re.compile(rf"\.?\d{{4}}-\d\d-\d\d-[0-9a-f]{{{NAMED_DIGITS}}}-[0-9a-f]{{8}}\..+")


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
    """A folder of immutable files."""

    folder: Path

    def write(self, dataset: str, partition: date, content: Content) -> Version:
        """Write a file aside, flush it, rename it, flush the folder; return the version, not yet published."""
        month = f"{partition:%Y-%m}"
        folder = _month(self.folder, dataset, month)
        name = _file_name(partition, content)
        try:
            put(folder, name, content.data)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(f"no room for {len(content.data):,} bytes in {folder}; free some space, nothing was published") from error
            raise
        path = f"{dataset}/{month}/{name}"
        return Version(path, dataset, partition, content.sha256, len(content.data), content.rows, content.schema_version)

    def holds(self, version: Version) -> bool:
        """Say whether the file of a version stands in its place and is what was published."""
        try:
            self.read_bytes(version)
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
        """Return the bytes of a file."""
        return (self.folder / path).stat().st_size

    def read_table(self, path: str) -> pa.Table:
        """Read a Parquet file; `LakeFileLost` when it is missing or not what was written.

        Page checksums do not cover a file's footer, so the whole is compared with the sha256 that its name begins with.
        """
        content = self._read(path, _named_sha256(path))
        return pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)

    def read_bytes(self, version: Version) -> bytes:
        """Read a file as it came, checking its sha256; `LakeFileLost` when it is missing or differs."""
        return self._read(version.path, version.sha256)

    def _read(self, path: str, sha256: str) -> bytes:
        try:
            content = (self.folder / path).read_bytes()
        except OSError as error:
            raise LakeFileLost(f"lake file {path} cannot be read: {error}. Rerun its date to write it again.") from error
        if not hashlib.sha256(content).hexdigest().startswith(sha256):
            raise LakeFileLost(f"lake file {path} is not what was published (sha256 differs). Rerun its date to write it again.")
        return content


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


@lru_cache(maxsize=64)
def _month(lake: Path, dataset: str, month: str) -> Path:
    return lake / dataset / month


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


def _file_name(partition: date, content: Content) -> str:
    return f"{partition:%Y-%m-%d}-{content.sha256[:NAMED_DIGITS]}-{uuid4().hex[:8]}{content.suffix}"


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
