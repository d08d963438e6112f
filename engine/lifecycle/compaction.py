"""Packs a month: every version read and compared, written as one file, proven to come out of it again, and booked in one transaction.

Nothing is removed here. Until the booking, readers have the files of before; from then on the pack, which is on the disk.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
from sqlalchemy import RowMapping

from engine.errors import LakeError
from engine.lifecycle.policy import behind
from engine.runtime import Runtime
from storage import packs
from storage.lake import LakeFileLost, as_version, encoding, table_content
from storage.packing import PARQUET, ZIP, Place, as_written, bytes_in, packed_bytes, packed_tables


@dataclass(frozen=True, slots=True)
class Group:
    """Versions of a month that lie in one pack: all current or all not, of one schema."""

    rows: Sequence[RowMapping]  # of the catalog
    data: bytes | memoryview
    firsts: Sequence[int]  # where the rows of each begin
    files: int  # that they lay in before
    bytes: int  # of these
    total: int | None  # rows of all of them; None for bytes

    @property
    def suffix(self) -> str:
        """The suffix of the pack."""
        return ZIP if self.total is None else PARQUET


def packed_anew(runtime: Runtime, dataset: str, month: date) -> Sequence[Group]:
    """Return what packing a month gives, proven and not stored; a version that would be alone in its pack is left where it is.

    Raises `LakeFileLost` when a version cannot be read, `LakeError` when it does not come out of its pack as it went in.
    """
    with runtime.database.reading() as connection:
        rows = packs.month_of(connection, dataset, month, behind(month))
        sizes = {row["path"]: (row["members"], row["bytes"]) for row in packs.listed(connection, packs.packs.c.dataset == dataset)}
        lies_in = packs.places(connection, dataset)
    groups: dict[tuple[bool, bytes], list[tuple[RowMapping, Any]]] = {}
    opened: dict[str, Any] = {}  # packs that the month lies in so far
    for row in rows:
        content = _content(runtime, row, lies_in.get(row["path"]), opened)
        schema = content.schema.serialize().to_pybytes() if isinstance(content, pa.Table) else b""
        groups.setdefault((bool(row["is_current"]), schema), []).append((row, content))
    counted: set[str] = set()  # packs whose versions go into several: they are counted once
    made = []
    for pairs in groups.values():
        holders = {row["pack"] for row, _ in pairs}
        alone = len(pairs) == 1 and holders == {None}
        as_it_is = len(holders) == 1 and None not in holders and sizes[next(iter(holders))][0] == len(pairs)
        if not alone and not as_it_is:
            made.append(_group(pairs, {name: sizes[name][1] for name in holders - {None} - counted}))
            counted |= holders - {None}
    return made


def _content(runtime: Runtime, row: RowMapping, place: Place | None, opened: dict[str, Any]) -> pa.Table | bytes:
    version = as_version(row)
    if not version.path.endswith(PARQUET):
        return runtime.lake.read_bytes(version)
    if place is None:
        return as_written(runtime.lake.read_bytes(version))
    if place.pack not in opened:
        opened[place.pack] = as_written(runtime.lake.read_pack(place))
    return opened[place.pack].slice(place.first_row, place.rows)


def _group(pairs: Sequence[tuple[RowMapping, Any]], holders: Mapping[str, int]) -> Group:
    rows = [row for row, _ in pairs]
    loose = [row for row in rows if row["pack"] is None]
    firsts, total = [], 0
    if isinstance(pairs[0][1], pa.Table):
        tables = [content for _, content in pairs]
        for table in tables:
            firsts.append(total)
            total += table.num_rows
        data: bytes | memoryview = packed_tables(tables, encoding(tables[0].schema))
    else:
        data, firsts = packed_bytes({_name(row): content for row, content in pairs}), [0] * len(pairs)
    whole = as_written(bytes(data)) if isinstance(pairs[0][1], pa.Table) else bytes(data)
    for (row, content), first in zip(pairs, firsts, strict=True):
        if not _comes_out(whole, row, content, first):
            raise LakeError(f"{row['path']} does not come out of its pack as it went in; the month stays as it was")
    size = sum(row["bytes"] for row in loose) + sum(holders.values())
    return Group(rows, data, firsts, len(loose) + len(holders), size, total if isinstance(pairs[0][1], pa.Table) else None)


def _name(row: RowMapping) -> str:
    return str(row["path"]).rpartition("/")[2]


def _comes_out(whole: pa.Table | bytes, row: RowMapping, content: pa.Table | bytes, first: int) -> bool:
    """Say whether a version comes out as it was published: its bytes, or a table that is written as the same bytes."""
    if isinstance(whole, bytes) or isinstance(content, bytes):
        return isinstance(whole, bytes) and hashlib.sha256(bytes_in(whole, _name(row))).hexdigest() == row["sha256"]
    found = table_content(whole.slice(first, content.num_rows)).sha256
    # A file that another version of Arrow has written differs in its bytes; then what went in is written anew too.
    return bool(found == row["sha256"] or found == table_content(content).sha256)


def compact(runtime: Runtime, dataset: str, month: date, *, step_id: int) -> bool:
    """Pack a month and book it; False where somebody has published or moved one of its versions meanwhile: then all is as it was.

    Raises `LakeError`, `LakeFileLost` or `DiskFull`, and all is as it was too.
    """
    with runtime.lake.kept() as held:
        if not held:
            raise LakeError("another process removes files of the lake and does not end; ask again when it has")
        with runtime.database.reading() as connection:
            before = _where(packs.month_of(connection, dataset, month, behind(month)))
        groups = packed_anew(runtime, dataset, month)
        written = [_written(runtime, dataset, month, group) for group in groups]
        with runtime.database.transaction() as connection:
            if _where(packs.month_of(connection, dataset, month, behind(month))) != before:
                return False  # the files that were written are named by nobody, and are taken away with all such
            for group, (path, sha256) in zip(groups, written, strict=True):
                about = {"path": path, "dataset": dataset, "month": month, "sha256": sha256, "bytes": len(group.data), "rows": group.total}
                counts = {"members": len(group.rows), "replaced_files": group.files, "replaced_bytes": group.bytes}
                when = {"step_id": step_id, "created_at": runtime.clock.now()}
                holds = [(row["path"], first) for row, first in zip(group.rows, group.firsts, strict=True)]
                packs.book(connection, about | counts | when, holds)
    return True


def _where(rows: Sequence[RowMapping]) -> set[tuple[Any, ...]]:
    return {(row["path"], row["is_current"], row["pack"]) for row in rows}


def _written(runtime: Runtime, dataset: str, month: date, group: Group) -> tuple[str, str]:
    path, sha256 = runtime.lake.write_pack(dataset, month, group.data, suffix=group.suffix)
    try:
        runtime.lake.read_pack(Place(path, sha256, len(group.data), 0, None))
    except LakeFileLost as error:
        raise LakeError(f"{path} is not on the disk what was written; the month stays as it was") from error
    return path, sha256
