"""Circuits of sources, one row each; every change says which version of the row it has seen, so that no two can make the same one."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, case, func, insert, select, update

from storage.prepared import Prepared
from storage.status import CircuitState
from storage.tables import Breaker, BreakerEvent
from storage.upsert import insert_of

breakers = Breaker.__table__
events = BreakerEvent.__table__

ASK = -1  # instead of a generation: the circuit is not closed, or its last call failed, and the whole row has to be looked at
_untroubled = and_(breakers.c.state == CircuitState.CLOSED, breakers.c.failures == 0)
_calm = select(func.coalesce(func.max(case((_untroubled, breakers.c.generation), else_=ASK)), 0).label("generation"))
_calm_of = Prepared(_calm.where(breakers.c.name == bindparam("name")))


def calm(connection: Connection, name: str) -> int:
    """Return the generation of a circuit that lets every call through, 0 where there is none yet, else `ASK`: the cheapest look."""
    return int(_calm_of.the_one(connection, {"name": name})["generation"])


def one(connection: Connection, name: str) -> Mapping[str, Any] | None:
    """Return the circuit of a source, or None: it never failed."""
    row = connection.execute(select(breakers).where(breakers.c.name == name)).mappings().one_or_none()
    return None if row is None else dict(row)


def every(connection: Connection) -> Sequence[RowMapping]:
    """Return all circuits by the names of their sources."""
    return connection.execute(select(breakers).order_by(breakers.c.name)).mappings().all()


def swap(connection: Connection, name: str, version: int | None, values: Mapping[str, Any]) -> bool:
    """Change a circuit whose row is still at `version` (None: has no row); say whether it was."""
    if version is None:
        new = insert_of(connection.dialect.name, breakers).values(name=name, version=0, **values)
        added = new.on_conflict_do_nothing(index_elements=["name"]).returning(breakers.c.name)
        return connection.execute(added).one_or_none() is not None
    seen = update(breakers).where(breakers.c.name == name, breakers.c.version == version)
    return connection.execute(seen.values(version=version + 1, **values)).rowcount == 1


def add_event(connection: Connection, **values: Any) -> None:
    """Record what became of a circuit."""
    connection.execute(insert(events), values)


def history(connection: Connection, name: str, *, limit: int = 20) -> Sequence[RowMapping]:
    """Return the newest events of a circuit first."""
    return connection.execute(select(events).where(events.c.name == name).order_by(events.c.id.desc()).limit(limit)).mappings().all()
