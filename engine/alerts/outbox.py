"""Writes what channels are to be told, within the transaction of the fact."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from engine.alerts.channels import Channel
from engine.alerts.messages import Message
from storage import notifications
from storage.status import NotificationKind, NotificationState


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


def withdraw(connection: Connection, alert_id: int, *, at: datetime) -> set[str]:
    """Drop what was not sent yet of an alert that is over, where nothing was tried; return the channels that thus never heard of it."""
    rows = notifications.of_alert(connection, alert_id)
    untold = [row for row in rows if row["state"] == NotificationState.WAITING and not row["attempts"]]
    notifications.drop(connection, [row["id"] for row in untold], at=at, note="resolved before it was told")
    heard = {row["channel"] for row in rows if row not in untold and row["state"] != NotificationState.DROPPED}
    return {row["channel"] for row in untold} - heard
