"""The outbox: what channels are told. A row is written with the fact; a process claims it for a time, sends it and says so.

A process that dies between sending and saying so has its row taken by another one when its time is over: at least once, and at most
one duplicate for each death.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, select, update

from storage.prepared import Prepared
from storage.status import NotificationKind, NotificationState
from storage.tables import Notification
from storage.upsert import insert_of

notifications = Notification.__table__
MOST_DUE = 10_000  # rows that are looked through for their channels
_unended = notifications.c.ended_at.is_(None)
_alert = func.coalesce(notifications.c.alert_id, -notifications.c.id)  # what is of none stands for itself
_first = select(func.min(notifications.c.id)).where(_unended).group_by(notifications.c.channel, _alert)
_in_turn = notifications.c.id.in_(_first)  # of what a channel is told of one alert, the oldest: nobody hears of an end first
_channels_due = Prepared(
    select(notifications.c.channel)
    .where(_unended, _in_turn, notifications.c.due_at <= bindparam("at", type_=notifications.c.due_at.type))
    .order_by(notifications.c.due_at, notifications.c.id)
    .limit(MOST_DUE)
)


def add(connection: Connection, *, key: str, at: datetime, due_at: datetime, **values: Any) -> int | None:
    """Write what a channel is to be told; None where that was written before."""
    row = {"key": key, "state": NotificationState.WAITING, "attempts": 0, "created_at": at, "due_at": due_at} | values
    new = insert_of(connection.dialect.name, notifications).values(row)
    added: int | None = connection.execute(new.on_conflict_do_nothing().returning(notifications.c.id)).scalar_one_or_none()
    return added


def has(connection: Connection, key: str) -> bool:
    """Say whether this was written before."""
    return connection.execute(select(notifications.c.id).where(notifications.c.key == key)).one_or_none() is not None


def channels_due(connection: Connection, *, at: datetime) -> Sequence[str]:
    """Return the channels that something is to be sent to now, the one that waits longest first."""
    return list(dict.fromkeys(row["channel"] for row in _channels_due.all(connection, {"at": at})))


def due(connection: Connection, channel: str, *, at: datetime, limit: int = 50) -> Sequence[RowMapping]:
    """Return what is to be sent to a channel now, oldest first; what it is told of one alert comes in its order."""
    query = select(notifications).where(_unended, _in_turn, notifications.c.channel == channel, notifications.c.due_at <= at)
    return connection.execute(query.order_by(notifications.c.id).limit(limit)).mappings().all()


def claim(connection: Connection, row: RowMapping, *, until: datetime) -> bool:
    """Take a due notification until some time; False where another process was quicker."""
    taken = {"state": NotificationState.SENDING, "attempts": row["attempts"] + 1, "due_at": until}
    return connection.execute(_as_seen(row["id"], row["attempts"], row["state"]).values(taken)).rowcount == 1


def settle(connection: Connection, row: RowMapping, **values: Any) -> bool:
    """Write what became of a try (of `row` as it was before `claim`); what a process says that has lost it meanwhile is dropped."""
    return connection.execute(_as_seen(row["id"], row["attempts"] + 1, NotificationState.SENDING).values(values)).rowcount == 1


def put_off(connection: Connection, channel: str, *, at: datetime, until: datetime) -> int:
    """Let what a channel is due now wait until some time, tests excepted; return how much that is."""
    waiting = (_unended, notifications.c.channel == channel, notifications.c.due_at <= at, notifications.c.kind != NotificationKind.TEST)
    return int(connection.execute(update(notifications).where(*waiting).values(due_at=until)).rowcount)


def drop(connection: Connection, ids: Sequence[int], *, at: datetime, note: str) -> None:
    """Take notifications out of the outbox that nobody need be sent any more."""
    unended = (_unended, notifications.c.id.in_(ids))
    connection.execute(update(notifications).where(*unended).values(state=NotificationState.DROPPED, ended_at=at, note=note))


def of_alert(connection: Connection, alert_id: int, *, limit: int = 200) -> Sequence[RowMapping]:
    """Return what was told of an alert, oldest first."""
    query = select(notifications).where(notifications.c.alert_id == alert_id).order_by(notifications.c.id.desc()).limit(limit)
    return connection.execute(query).mappings().all()[::-1]


def of_alerts(connection: Connection, alert_ids: Sequence[int], *, limit: int = 2_000) -> Sequence[RowMapping]:
    """Return what was told of these alerts, oldest first."""
    if not alert_ids:
        return []
    query = select(notifications).where(notifications.c.alert_id.in_(alert_ids)).order_by(notifications.c.id.desc()).limit(limit)
    return connection.execute(query).mappings().all()[::-1]


def last_words(
    connection: Connection, alert_ids: Sequence[int], *, without: Collection[NotificationState]
) -> Mapping[tuple[int, str], NotificationKind]:
    """Return what each channel was told last of each of these alerts, by (alert, channel); what is in a state of `without` is nothing."""
    of_them = (notifications.c.alert_id.in_(alert_ids), notifications.c.state.not_in(without))
    last = select(func.max(notifications.c.id)).where(*of_them).group_by(notifications.c.alert_id, notifications.c.channel)
    query = select(notifications.c.alert_id, notifications.c.channel, notifications.c.kind).where(notifications.c.id.in_(last))
    return {(row.alert_id, row.channel): NotificationKind(row.kind) for row in connection.execute(query)}


def one(connection: Connection, notification_id: int) -> RowMapping:
    """Return a notification."""
    return connection.execute(select(notifications).where(notifications.c.id == notification_id)).mappings().one()


def recent(connection: Connection, *, channel: str | None = None, limit: int = 50) -> Sequence[RowMapping]:
    """Return the newest notifications first."""
    query = select(notifications).order_by(notifications.c.id.desc()).limit(limit)
    return connection.execute(query if channel is None else query.where(notifications.c.channel == channel)).mappings().all()


def open_test(connection: Connection, channel: str) -> int | None:
    """Return the test of a channel that is under way, or None."""
    query = select(notifications.c.id).where(_unended, notifications.c.channel == channel, notifications.c.kind == NotificationKind.TEST)
    return connection.execute(query.limit(1)).scalar_one_or_none()


def last_ended(connection: Connection, channel: str) -> RowMapping | None:
    """Return the newest notification of a channel that was sent or given up, or None."""
    ended = notifications.c.state.in_((NotificationState.SENT, NotificationState.GIVEN_UP))
    query = select(notifications).where(notifications.c.channel == channel, ended).order_by(notifications.c.id.desc()).limit(1)
    return connection.execute(query).mappings().one_or_none()


def _as_seen(notification_id: int, attempts: int, state: str) -> Any:
    there = (notifications.c.id == notification_id, notifications.c.attempts == attempts, notifications.c.state == state)
    return update(notifications).where(*there)
