"""Alerts of operations and what became of each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from storage.status import AlertMove
from storage.tables import Alert, AlertEvent
from storage.upsert import insert_of

alerts = Alert.__table__
events = AlertEvent.__table__

MOST_OPEN = 1_000  # more are no list for people; rules group what they find
FRESH: Mapping[str, Any] = {"told": False, "suppressed": 0}


def open_ones(connection: Connection) -> Sequence[RowMapping]:
    """Return the alerts that fire now, the newest first; of those that began at once, the newest date."""
    newest = (alerts.c.fired_at.desc(), alerts.c.subject.desc(), alerts.c.id.desc())
    query = select(alerts).where(alerts.c.resolved_at.is_(None)).order_by(*newest)
    return connection.execute(query.limit(MOST_OPEN)).mappings().all()


def resolved_since(connection: Connection, since: datetime) -> Sequence[RowMapping]:
    """Return the alerts that were resolved at `since` or later, the newest last."""
    query = select(alerts).where(alerts.c.resolved_at >= since).order_by(alerts.c.resolved_at, alerts.c.id)
    return connection.execute(query.limit(MOST_OPEN)).mappings().all()


def resolved(connection: Connection, *, limit: int = 50) -> Sequence[RowMapping]:
    """Return the alerts that were resolved last, the newest first."""
    query = select(alerts).where(alerts.c.resolved_at.is_not(None)).order_by(alerts.c.resolved_at.desc(), alerts.c.id.desc())
    return connection.execute(query.limit(limit)).mappings().all()


def one(connection: Connection, alert_id: int) -> RowMapping | None:
    """Return an alert, or None."""
    return connection.execute(select(alerts).where(alerts.c.id == alert_id)).mappings().one_or_none()


def add(connection: Connection, *, at: datetime, **values: Any) -> int | None:
    """Write that something fires; None where it does already, by the word of another process."""
    row = dict(FRESH) | {"fired_at": at} | values
    new = insert_of(connection.dialect.name, alerts).values(row).on_conflict_do_nothing().returning(alerts.c.id)
    alert_id: int | None = connection.execute(new).scalar_one_or_none()
    return alert_id


def change(connection: Connection, alert_id: int, **values: Any) -> None:
    """Change what is known of an alert."""
    connection.execute(update(alerts).where(alerts.c.id == alert_id).values(values))


def acknowledge(connection: Connection, alert_id: int, *, by: str, at: datetime) -> bool:
    """Write that a person has seen an alert that fires; False where somebody had already, or it is over."""
    unseen = (alerts.c.id == alert_id, alerts.c.acknowledged_at.is_(None), alerts.c.resolved_at.is_(None))
    return connection.execute(update(alerts).where(*unseen).values(acknowledged_by=by, acknowledged_at=at)).rowcount == 1


def add_event(connection: Connection, alert_id: int, move: AlertMove, *, at: datetime, message: str | None = None) -> None:
    """Record one thing that happened to an alert."""
    connection.execute(insert(events).values(alert_id=alert_id, at=at, move=move, message=message))


def events_of(connection: Connection, alert_id: int, *, limit: int = 200) -> Sequence[RowMapping]:
    """Return what happened to an alert, oldest first; the newest `limit` of it."""
    query = select(events).where(events.c.alert_id == alert_id).order_by(events.c.id.desc()).limit(limit)
    return connection.execute(query).mappings().all()[::-1]


def count_open(connection: Connection) -> Mapping[str, int]:
    """Return how many alerts fire now, by severity."""
    query = select(alerts.c.severity, func.count()).where(alerts.c.resolved_at.is_(None)).group_by(alerts.c.severity)
    return {row[0]: row[1] for row in connection.execute(query)}
