"""Alerts of the stream as a list that a person filters and pages through; every query walks an index by the time at which they fired."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, case, func, literal, or_, select

from storage.status import AlertStanding
from storage.tables import AlertSilence, TickAlert

alerts = TickAlert.__table__
silences = AlertSilence.__table__

FIRING, RESOLVED = "firing", "resolved"  # words of the column `state`
MOST_COUNTED = 10_000
MOST_SILENCES = 100


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts are listed; members of a market's alert are left out unless a symbol is asked for: they are folded under it."""

    standings: tuple[AlertStanding, ...] = ()
    rule: str | None = None
    symbol: str | None = None
    session: date | None = None


def page(connection: Connection, chosen: AlertFilter, *, at: datetime, before: str | None = None, limit: int = 50) -> Sequence[RowMapping]:
    """Return up to `limit` alerts behind alert `before` (the last one of the page above), newest first, each with its `standing`."""
    query = _shown(connection, at).where(*_chosen(connection, chosen, at))
    if before is not None:
        edge = connection.execute(select(alerts.c.fired_us).where(alerts.c.key == before)).scalar_one_or_none()
        if edge is None:
            return []
        query = query.where(or_(alerts.c.fired_us < edge, and_(alerts.c.fired_us == edge, alerts.c.key < before)))
    if chosen.session is not None:
        return _newest(connection, query, limit)
    # One walk of (state, fired_us) a state, merged: without it every alert there is would be sorted.
    found = [row for state in (FIRING, RESOLVED) for row in _newest(connection, query.where(alerts.c.state == state), limit)]
    return sorted(found, key=lambda row: (row["fired_us"], row["key"]), reverse=True)[:limit]


def by_keys(connection: Connection, keys: Sequence[str], *, at: datetime) -> Sequence[RowMapping]:
    """Return these alerts as they are now, in the order of `keys`; those that do not exist are left out."""
    found = {row["key"]: row for row in connection.execute(_shown(connection, at).where(alerts.c.key.in_(keys))).mappings()}
    return [found[key] for key in keys if key in found]


def members_of(connection: Connection, market: RowMapping, *, at: datetime, limit: int = 200) -> Sequence[RowMapping]:
    """Return the alerts that belong to one of the whole market, newest first; they fired while it did, which an index knows."""
    while_it_fired = alerts.c.fired_us >= market["began_us"]
    if market["resolved_us"] is not None:
        while_it_fired = and_(while_it_fired, alerts.c.fired_us <= market["resolved_us"])
    query = _shown(connection, at).where(alerts.c.session == market["session"], while_it_fired, alerts.c.market_key == market["key"])
    return _newest(connection, query, limit)


def of_symbol(connection: Connection, session: date, symbol: str, *, limit: int = 200) -> Sequence[RowMapping]:
    """Return a symbol's alerts of a session, newest first."""
    query = select(alerts).where(alerts.c.session == session, alerts.c.symbol == symbol)
    return connection.execute(query.order_by(alerts.c.fired_us.desc()).limit(limit)).mappings().all()


def counts(connection: Connection, chosen: AlertFilter, *, at: datetime) -> dict[AlertStanding, tuple[int, int]]:
    """Return how many alerts there are of each standing, and how often they were kept quiet; counting ends at `MOST_COUNTED`."""
    some = select(_standing(connection, at).label("standing"), alerts.c.suppressed).where(*_chosen(connection, chosen, at))
    if chosen.session is None:
        some = some.where(alerts.c.state.in_((FIRING, RESOLVED)))  # every alert, by an index
    counted = some.limit(MOST_COUNTED).subquery()
    sums = select(counted.c.standing, func.count(), func.sum(counted.c.suppressed)).group_by(counted.c.standing)
    found = {AlertStanding(row[0]): (int(row[1]), int(row[2] or 0)) for row in connection.execute(sums)}
    return {standing: found.get(standing, (0, 0)) for standing in AlertStanding}


def open_by_rule(connection: Connection, *, at: datetime, limit: int = 200) -> Sequence[RowMapping]:
    """Return how many alerts are open of each (session, rule), those of one market's alert counted once: `session, rule, alerts`."""
    firing = select(alerts.c.session, alerts.c.rule, _standing(connection, at).label("standing"))
    some = firing.where(alerts.c.state == FIRING, alerts.c.market_key.is_(None)).limit(MOST_COUNTED).subquery()
    query = select(some.c.session, some.c.rule, func.count().label("alerts")).where(some.c.standing == AlertStanding.OPEN.value)
    query = query.group_by(some.c.session, some.c.rule).order_by(some.c.session.desc(), some.c.rule).limit(limit)
    return connection.execute(query).mappings().all()


def silences_of(connection: Connection, *, limit: int = 20) -> Sequence[RowMapping]:
    """Return the newest silences first, those that are over too."""
    return connection.execute(select(silences).order_by(silences.c.id.desc()).limit(limit)).mappings().all()


def _shown(connection: Connection, at: datetime) -> Any:
    return select(alerts, _standing(connection, at).label("standing"))


def _newest(connection: Connection, query: Any, limit: int) -> Sequence[RowMapping]:
    found: Sequence[RowMapping] = (
        connection.execute(query.order_by(alerts.c.fired_us.desc(), alerts.c.key.desc()).limit(limit)).mappings().all()
    )
    return found


def _chosen(connection: Connection, chosen: AlertFilter, at: datetime) -> list[Any]:
    conditions: list[Any] = []
    if chosen.session is not None:
        conditions.append(alerts.c.session == chosen.session)
    if chosen.rule is not None:
        conditions.append(alerts.c.rule == chosen.rule)
    conditions.append(alerts.c.market_key.is_(None) if chosen.symbol is None else alerts.c.symbol == chosen.symbol)
    if chosen.standings:
        conditions.append(_standing(connection, at).in_([standing.value for standing in chosen.standings]))
        if not {AlertStanding.RESOLVED, AlertStanding.ACKNOWLEDGED} & set(chosen.standings) and chosen.session is None:
            conditions.append(alerts.c.state == FIRING)
    return conditions


def _standing(connection: Connection, at: datetime) -> Any:
    """Return what says where an alert stands, silences of this moment included."""
    whens: list[Any] = [
        (alerts.c.acknowledged_at.is_not(None), literal(AlertStanding.ACKNOWLEDGED.value)),
        (alerts.c.state == RESOLVED, literal(AlertStanding.RESOLVED.value)),
    ]
    if (muted := _silenced(connection, at)) is not None:
        whens.append((muted, literal(AlertStanding.SILENCED.value)))
    return case(*whens, else_=literal(AlertStanding.OPEN.value))


def _silenced(connection: Connection, at: datetime) -> Any | None:
    holds = select(silences.c.rule, silences.c.symbol).where(silences.c.until > at, silences.c.lifted_at.is_(None))
    said = connection.execute(holds.order_by(silences.c.until).limit(MOST_SILENCES)).all()
    parts = [
        and_(
            *([alerts.c.rule == rule] if rule is not None else []),
            *([alerts.c.symbol == symbol] if symbol is not None else []),
        )
        for rule, symbol in said
    ]
    return or_(*parts) if parts else None
