"""Changes of thresholds: nothing is overwritten, and the number of a change is the version of all thresholds from then on."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select

from storage.tables import ThresholdChange

changes = ThresholdChange.__table__

_version = select(func.coalesce(func.max(changes.c.id), 0))
_newest_by_key = select(func.max(changes.c.id)).group_by(changes.c.key)
_newest = select(changes).where(changes.c.id.in_(_newest_by_key))
_values_at = select(changes.c.key, changes.c.value).where(changes.c.id.in_(_newest_by_key.where(changes.c.id <= bindparam("version"))))


def add_change(connection: Connection, **values: Any) -> int:
    """Record a change and return its id: the version of the thresholds that holds it."""
    change_id: int = connection.execute(insert(changes).values(values).returning(changes.c.id)).scalar_one()
    return change_id


def version(connection: Connection) -> int:
    """Return the id of the newest change; 0 when nothing was ever changed."""
    return int(connection.execute(_version).scalar_one())


def newest(connection: Connection) -> Mapping[str, RowMapping]:
    """Return the newest change of each threshold that was ever changed."""
    return {row["key"]: row for row in connection.execute(_newest).mappings()}


def values_at(connection: Connection, version: int) -> dict[str, float]:
    """Return the values as they stood after change `version`, of those thresholds that had been changed by then."""
    return {row.key: row.value for row in connection.execute(_values_at, {"version": version})}


def one(connection: Connection, change_id: int) -> RowMapping | None:
    """Return a change, or None."""
    return connection.execute(select(changes).where(changes.c.id == change_id)).mappings().one_or_none()


def by_request_key(connection: Connection, key: str) -> RowMapping | None:
    """Return the change that this request made, or None."""
    return connection.execute(select(changes).where(changes.c.request_key == key)).mappings().one_or_none()


def history(connection: Connection, key: str | None = None, limit: int = 50) -> Sequence[RowMapping]:
    """Return the newest changes first, of one threshold or of all."""
    query = select(changes).order_by(changes.c.id.desc()).limit(limit)
    if key is not None:
        query = query.where(changes.c.key == key)
    return connection.execute(query).mappings().all()
