"""What-if scenarios that people kept, by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from storage.tables import CostScenario

scenarios = CostScenario.__table__
MOST = 200


def listed(connection: Connection) -> Sequence[RowMapping]:
    """Return those that are kept, by name."""
    query = select(scenarios).where(scenarios.c.dropped.is_(False)).order_by(scenarios.c.name)
    return connection.execute(query.limit(MOST)).mappings().all()


def named(connection: Connection, name: str) -> RowMapping | None:
    """Return the scenario of that name, also one that was dropped, or None."""
    return connection.execute(select(scenarios).where(scenarios.c.name == name)).mappings().one_or_none()


def put(connection: Connection, known: RowMapping | None, values: Mapping[str, Any]) -> int:
    """Write a scenario, or over the `known` one of its name; return its number."""
    if known is None:
        number: int = connection.execute(insert(scenarios).values(**values, dropped=False).returning(scenarios.c.id)).scalar_one()
        return number
    connection.execute(update(scenarios).where(scenarios.c.id == known["id"]).values(**values, dropped=False))
    return int(known["id"])


def drop(connection: Connection, number: int) -> None:
    """Keep a scenario no longer; its row stays, so that its name can be taken up again under the same number."""
    connection.execute(update(scenarios).where(scenarios.c.id == number).values(dropped=True))
