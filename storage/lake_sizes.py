"""How much the lake holds, by layer: every version counts, also those that are not current any more, for all are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, RowMapping, case, exists, func, select, type_coerce, union_all

from storage.tables import LakeFile, LakeMember, LakePack
from storage.types import EPOCH, MICROSECOND

files, members, packs = LakeFile.__table__, LakeMember.__table__, LakePack.__table__

DAY = timedelta(days=1)
NEPAL_AHEAD = timedelta(hours=5, minutes=45)


@dataclass(frozen=True, slots=True)
class Held:
    """What lies of a dataset in one way: in files of their own, in packs of whole months, or in packs in the cold."""

    dataset: str
    is_current: bool  # of files of their own; a pack holds versions of both kinds
    packed: bool
    cold: bool
    files: int
    bytes: int


def by_layer(connection: Connection, *, since: date | None = None, until: date | None = None) -> list[Held]:
    """Return what lies where, by dataset; of partitions of a range where one is given, of packs those of its months."""
    counted = (func.count().label("files"), func.sum(files.c.bytes).label("bytes"))
    loose = _within(select(files.c.dataset, files.c.is_current, *counted).where(*_loose(connection)), files.c.partition, since, until)
    is_cold = packs.c.cold.is_not(None)
    packed = select(packs.c.dataset, is_cold.label("cold"), func.count().label("files"), func.sum(packs.c.bytes).label("bytes"))
    packed = _within(packed, packs.c.month, since and since.replace(day=1), until)
    found = [
        Held(row.dataset, bool(row.is_current), packed=False, cold=False, files=row.files, bytes=int(row.bytes))
        for row in connection.execute(loose.group_by(files.c.dataset, files.c.is_current))
    ]
    return found + [
        Held(row.dataset, is_current=True, packed=True, cold=bool(row.cold), files=row.files, bytes=int(row.bytes))
        for row in connection.execute(packed.group_by(packs.c.dataset, is_cold))
    ]


def _within(query: Any, column: Any, since: date | None, until: date | None) -> Any:
    if since is not None:
        query = query.where(column >= since)
    return query if until is None else query.where(column <= until)


def _loose(connection: Connection) -> tuple[Any, ...]:
    """Return the condition that a version has a file of its own; nothing is asked of each where there is no pack at all."""
    if connection.execute(select(packs.c.path).limit(1)).first() is None:
        return ()
    return (~exists().where(members.c.path == files.c.path),)


def by_partition(connection: Connection, *, since: date, until: date) -> Sequence[RowMapping]:
    """Return what each partition of a range added when it was written: `dataset, partition, files, bytes`, oldest first."""
    counted = (func.count().label("files"), func.sum(files.c.bytes).label("bytes"))
    query = select(files.c.dataset, files.c.partition, *counted).where(files.c.partition.between(since, until))
    return connection.execute(query.group_by(files.c.dataset, files.c.partition).order_by(files.c.partition)).mappings().all()


def by_date(connection: Connection) -> Sequence[RowMapping]:
    """Return the files there are by the date that they are of, packs by the first day of their month: `partition, files, bytes`."""
    counted = (func.count().label("files"), func.sum(files.c.bytes).label("bytes"))
    loose = select(files.c.partition, *counted).where(*_loose(connection)).group_by(files.c.partition)
    packed = select(packs.c.month, func.count(), func.sum(packs.c.bytes)).group_by(packs.c.month)
    return connection.execute(union_all(loose, packed)).mappings().all()


def span(connection: Connection) -> tuple[date, date] | None:
    """Return the first and the last partition of the lake, or None while it is empty."""
    found = connection.execute(select(func.min(files.c.partition), func.max(files.c.partition))).one()
    return None if found[0] is None else (found[0], found[1])


def written_since(connection: Connection, begin: datetime) -> Mapping[str, Mapping[date | None, int]]:
    """Return the bytes of each dataset by the day (in Nepal) on which they were written, those before `begin` under None.

    What lies in packs counts as what its packs take. Every file is looked at, a few thousand a year.
    """
    written = type_coerce(files.c.created_at, BigInteger)
    number = case((written < (begin - EPOCH) // MICROSECOND, None), else_=(written + NEPAL_AHEAD // MICROSECOND) // (DAY // MICROSECOND))
    query = select(files.c.dataset, number.label("number"), func.sum(files.c.bytes).label("bytes")).where(*_loose(connection))
    found: dict[str, dict[date | None, int]] = {}
    for row in connection.execute(query.group_by(files.c.dataset, number)):
        day = None if row.number is None else (EPOCH + int(row.number) * DAY).date()
        found.setdefault(row.dataset, {})[day] = int(row.bytes)
    for dataset, size in connection.execute(select(packs.c.dataset, func.sum(packs.c.bytes)).group_by(packs.c.dataset)):
        days = found.setdefault(dataset, {})
        days[None] = days.get(None, 0) + int(size)  # what a pack holds was written before
    return found
