"""Writes what channels are to be told, within the transaction of the fact."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from engine.alerts.channels import Channel
from engine.alerts.messages import Message
from storage import notifications
from storage.status import NotificationKind, NotificationState

SERIAL = "alerts"  # at most one transaction of this name at a time says what becomes of alerts
BEGINNINGS = frozenset({NotificationKind.FIRED, NotificationKind.ESCALATED})  # what tells a channel that an alert fires


def tell(
    connection: Connection,
    channels: Iterable[Channel],
    message: Message,
    *,
    kind: NotificationKind,
    key: str,
    at: datetime,
    alert_id: int | None = None,
) -> dict[str, int]:
    """Put a message into the outbox of each channel, for now or the end of its quiet hours; return what is new, by channel."""
    told = {}
    for channel in channels:
        due_at = at if kind is NotificationKind.TEST else channel.opens(at)
        row = {"kind": kind, "severity": message.severity, "alert_id": alert_id, "title": message.title, "body": message.body}
        added = notifications.add(connection, key=f"{kind}:{key}:{channel.name}", at=at, due_at=due_at, channel=channel.name, **row)
        if added is not None:
            told[channel.name] = added
    return told


def untried(connection: Connection, alert_id: int) -> list[RowMapping]:
    """Return what is to be told of an alert and was not tried yet."""
    rows = notifications.of_alert(connection, alert_id)
    return [row for row in rows if row["state"] == NotificationState.WAITING and not row["attempts"]]


def supersede(connection: Connection, alert_id: int, told: Mapping[str, int], *, at: datetime) -> None:
    """Drop what channels were to be told of an alert before what they are `told` now: after quiet hours they hear one thing, the newest."""
    older = [row["id"] for row in untried(connection, alert_id) if row["kind"] in BEGINNINGS and row["id"] < told.get(row["channel"], 0)]
    notifications.drop(connection, older, at=at, note="a newer message took its place")


def hold_back(connection: Connection, alert_id: int, *, at: datetime) -> bool:
    """Drop what was not tried yet of an alert that is silenced now; say whether there was any, and nobody has heard of the alert."""
    waiting = [row["id"] for row in untried(connection, alert_id) if row["kind"] in BEGINNINGS]
    notifications.drop(connection, waiting, at=at, note="silenced before it was told")
    rest = notifications.of_alert(connection, alert_id)
    return bool(waiting) and all(row["state"] == NotificationState.DROPPED for row in rest)


def withdraw(connection: Connection, alert_id: int, *, at: datetime) -> None:
    """Drop what was not tried yet of an alert that is over."""
    untold = [row["id"] for row in untried(connection, alert_id)]
    notifications.drop(connection, untold, at=at, note="resolved before it was told")


def withdraw_escalation(connection: Connection, alert_id: int, *, at: datetime) -> None:
    """Drop what still waits to say that nobody has acknowledged an alert: now somebody has."""
    rows = notifications.of_alert(connection, alert_id)
    untrue = [row["id"] for row in rows if row["kind"] == NotificationKind.ESCALATED and row["state"] == NotificationState.WAITING]
    notifications.drop(connection, untrue, at=at, note="acknowledged before it was told")


def withdraw_end(connection: Connection, beginning: RowMapping, *, at: datetime) -> None:
    """Drop what waits for a channel about the end of an alert whose `beginning` was given up, unless it heard of the alert otherwise."""
    rows = [row for row in notifications.of_alert(connection, beginning["alert_id"]) if row["channel"] == beginning["channel"]]
    if not any(row["state"] == NotificationState.SENT and row["kind"] in BEGINNINGS for row in rows):
        ends = [row["id"] for row in rows if row["kind"] == NotificationKind.RESOLVED and row["ended_at"] is None]
        notifications.drop(connection, ends, at=at, note="it never arrived that the alert had fired")
