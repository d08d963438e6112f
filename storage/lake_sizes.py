"""How much the lake holds, by layer: every version counts, also those that are not current any more, for all are kept."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import BigInteger, Connection, RowMapping, case, func, select, type_coerce

from storage.tables import LakeFile
from storage.types import EPOCH, MICROSECOND

files = LakeFile.__table__

DAY = timedelta(days=1)
NEPAL_AHEAD = timedelta(hours=5, minutes=45)


def by_layer(connection: Connection, *, since: date | None = None, until: date | None = None) -> Sequence[RowMapping]:
    """Return files and bytes of each dataset: `dataset, is_current, files, bytes`; of partitions of a range where one is given."""
    counted = (func.count().label("files"), func.sum(files.c.bytes).label("bytes"))
    query = select(files.c.dataset, files.c.is_current, *counted).group_by(files.c.dataset, files.c.is_current)
    if since is not None:
        query = query.where(files.c.partition >= since)
    if until is not None:
        query = query.where(files.c.partition <= until)
    return connection.execute(query.order_by(files.c.dataset, files.c.is_current.desc())).mappings().all()


def by_partition(connection: Connection, *, since: date, until: date) -> Sequence[RowMapping]:
    """Return what each partition of a range added: `dataset, partition, files, bytes`, oldest first."""
    counted = (func.count().label("files"), func.sum(files.c.bytes).label("bytes"))
    query = select(files.c.dataset, files.c.partition, *counted).where(files.c.partition.between(since, until))
    return connection.execute(query.group_by(files.c.dataset, files.c.partition).order_by(files.c.partition)).mappings().all()


def span(connection: Connection) -> tuple[date, date] | None:
    """Return the first and the last partition of the lake, or None while it is empty."""
    found = connection.execute(select(func.min(files.c.partition), func.max(files.c.partition))).one()
    return None if found[0] is None else (found[0], found[1])


def written_since(connection: Connection, begin: datetime) -> Mapping[str, Mapping[date | None, int]]:
    """Return the bytes of each dataset by the day (in Nepal) on which they were written, those before `begin` under None.

    Every file is looked at, a few thousand a year.
    """
    written = type_coerce(files.c.created_at, BigInteger)
    number = case((written < (begin - EPOCH) // MICROSECOND, None), else_=(written + NEPAL_AHEAD // MICROSECOND) // (DAY // MICROSECOND))
    query = select(files.c.dataset, number.label("number"), func.sum(files.c.bytes).label("bytes")).group_by(files.c.dataset, number)
    found: dict[str, dict[date | None, int]] = {}
    for row in connection.execute(query):
        day = None if row.number is None else (EPOCH + int(row.number) * DAY).date()
        found.setdefault(row.dataset, {})[day] = int(row.bytes)
    return found
