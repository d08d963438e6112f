"""Samples, reports and distances of drift, and what people said of its alarms."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, delete, func, or_, select, update

from storage.prepared import Prepared
from storage.status import DriftCause
from storage.tables import DriftDistance, DriftLabelled, DriftReport, DriftSample, TradingSession
from storage.upsert import upsert, upsert_columns

samples = DriftSample.__table__
reports = DriftReport.__table__
distances = DriftDistance.__table__
labelled = DriftLabelled.__table__
sessions = TradingSession.__table__

_stale = or_(reports.c.basis.is_(None), reports.c.basis != sessions.c.silver_path)
_due = Prepared(
    select(sessions.c.session)
    .select_from(sessions.outerjoin(reports, reports.c.session == sessions.c.session))
    .where(_stale)
    .order_by(sessions.c.session)
    .limit(1)
)
_orphan = Prepared(
    select(reports.c.session)
    .select_from(reports.outerjoin(sessions, reports.c.session == sessions.c.session))
    .where(sessions.c.session.is_(None))
    .order_by(reports.c.session)
    .limit(1)
)
_samples = Prepared(select(samples).where(samples.c.session < bindparam("day")).order_by(samples.c.session.desc()).limit(bindparam("most")))
_report = Prepared(select(reports).where(reports.c.session == bindparam("session")))
_labels = Prepared(select(labelled).order_by(labelled.c.session))
_gone = select(reports.c.session).where(reports.c.session.not_in(select(sessions.c.session))).scalar_subquery()
_forget = tuple(
    Prepared(delete(table).where(table.c.session.in_(_gone))) for table in (distances, samples, reports)
)  # reports say what is gone
_wait_from = Prepared(update(reports).where(reports.c.session >= bindparam("day")).values(basis=None))
_reports = select(reports).where(reports.c.session.between(bindparam("since"), bindparam("until"))).order_by(reports.c.session)
_distances = Prepared(
    select(distances.c.session, distances.c.feature, distances.c.statistic, distances.c.value, distances.c.limit, distances.c.verdict)
    .where(distances.c.session.between(bindparam("since"), bindparam("until")))
    .order_by(distances.c.session)
)


def first_due(connection: Connection) -> date | None:
    """Return the first session whose report is missing, waits to be made anew, or is of a session that is accepted no more; or None."""
    found = [row["session"] for row in (_due.one(connection, {}), _orphan.one(connection, {})) if row is not None]
    return min(found, default=None)


def forget_from(connection: Connection, day: date) -> None:
    """Remove what stands of sessions that are accepted no more, and have every report from `day` on wait to be made anew."""
    for statement in _forget:
        statement.write(connection, {})
    _wait_from.write(connection, {"day": day})


def write(connection: Connection, sample: Mapping[str, Any], report: Mapping[str, Any], measured: Mapping[str, Sequence[Any]]) -> None:
    """Store what is known of a session; what stood of it before is replaced. `measured` are columns of distances."""
    upsert(connection, samples, [sample], key=["session"])
    upsert(connection, reports, [report], key=["session"])
    upsert_columns(connection, distances, measured, key=["session", "feature", "statistic"])


def write_report(connection: Connection, report: Mapping[str, Any]) -> None:
    """Store a report alone: of a session that cannot be measured."""
    upsert(connection, reports, [report], key=["session"])


def samples_before(connection: Connection, day: date, *, limit: int) -> Sequence[Mapping[str, Any]]:
    """Return the newest samples of sessions before `day`, newest first."""
    return _samples.all(connection, {"day": day, "most": limit})


def samples_between(connection: Connection, since: date, until: date) -> Sequence[RowMapping]:
    """Return the samples of a range of sessions, oldest first."""
    query = select(samples).where(samples.c.session.between(since, until)).order_by(samples.c.session)
    return connection.execute(query).mappings().all()


def sample(connection: Connection, session: date) -> RowMapping | None:
    """Return the sample of one session, or None."""
    return connection.execute(select(samples).where(samples.c.session == session)).mappings().one_or_none()


def report(connection: Connection, session: date) -> Mapping[str, Any] | None:
    """Return the report of one session, or None."""
    return _report.one(connection, {"session": session})


def reports_between(connection: Connection, since: date, until: date) -> Sequence[RowMapping]:
    """Return the reports of a range, oldest first."""
    return connection.execute(_reports, {"since": since, "until": until}).mappings().all()


def mark(connection: Connection) -> tuple[Any, ...]:
    """Return what is another value once any report or label has changed."""
    made = select(func.count(), func.max(reports.c.reported_at), func.max(reports.c.session), func.count(reports.c.basis))
    said = select(func.count(), func.max(labelled.c.labelled_at))
    return (*connection.execute(made).one(), *connection.execute(said).one())


def levels_between(connection: Connection, since: date, until: date) -> Mapping[date, Mapping[str, float]]:
    """Return the levels of each session of a range."""
    query = select(samples.c.session, samples.c.levels).where(samples.c.session.between(since, until))
    return {row.session: json.loads(row.levels) for row in connection.execute(query)}


def newest(connection: Connection, *, limit: int) -> Sequence[RowMapping]:
    """Return the newest reports, newest first."""
    return connection.execute(select(reports).order_by(reports.c.session.desc()).limit(limit)).mappings().all()


def alarms(connection: Connection, *, limit: int) -> Sequence[RowMapping]:
    """Return the newest reports that have a cause, newest first."""
    query = select(reports).where(reports.c.cause.is_not(None)).order_by(reports.c.session.desc()).limit(limit)
    return connection.execute(query).mappings().all()


def counts(connection: Connection) -> Mapping[str | None, int]:
    """Return how many sessions have a report that holds, by its cause."""
    query = select(reports.c.cause, func.count()).where(reports.c.basis.is_not(None)).group_by(reports.c.cause)
    return {row[0]: row[1] for row in connection.execute(query)}


def open_alarms(connection: Connection, since: date, until: date) -> Sequence[RowMapping]:
    """Return the reports of a range that are an alarm and of which nobody has said what it was, oldest first."""
    said = {row["session"] for row in labels(connection)}
    found = reports_between(connection, since, until)
    return [row for row in found if row["cause"] == DriftCause.ALARM and row["session"] not in said]


def values_between(connection: Connection, since: date, until: date) -> Sequence[Mapping[str, Any]]:
    """Return value, limit and verdict of every series of a range of sessions, oldest first."""
    return _distances.all(connection, {"since": since, "until": until})


def distances_of(connection: Connection, session: date) -> Sequence[RowMapping]:
    """Return everything that was measured of one session."""
    return connection.execute(select(distances).where(distances.c.session == session)).mappings().all()


def labels(connection: Connection) -> Sequence[Mapping[str, Any]]:
    """Return what people said, oldest session first."""
    return _labels.all(connection, {})


def set_label(connection: Connection, session: date, **values: Any) -> None:
    """Record a person's word on a session's alarms; the one before is replaced."""
    upsert(connection, labelled, [{"session": session} | values], key=["session"])


def clear_label(connection: Connection, session: date) -> bool:
    """Take a person's word back; say whether there was one."""
    return bool(connection.execute(delete(labelled).where(labelled.c.session == session)).rowcount)


def reports_behind(connection: Connection, day: date) -> int:
    """Have the reports behind a session made anew; return how many wait."""
    behind = and_(reports.c.session > day, reports.c.basis.is_not(None))
    return int(connection.execute(update(reports).where(behind).values(basis=None)).rowcount)
