"""How much the lake holds, by layer: every version counts, also those that are not current any more, for all are kept."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, RowMapping, func, select

from storage.tables import LakeFile

files = LakeFile.__table__


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
