"""Reads of alerts of operations, of what channels were told, and of the channels themselves; nothing here writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import engine.runtime
from engine.alerts.channels import Channel, channels_of
from engine.alerts.evaluation import silences_now
from engine.alerts.machine import Known, standing
from engine.alerts.sending import trouble
from engine.errors import ChannelsError
from pages.ui import data
from pages.ui.shared import shared
from pages.ui.views import View
from storage import alerts, notifications
from storage.status import AlertMove, AlertSeverity, AlertStanding, NotificationKind, NotificationState

OVER, LOGGED = 20, 50


@dataclass(frozen=True, slots=True)
class OperationView(View):
    """An alert of operations."""

    id: int
    standing: AlertStanding
    rule: str
    subject: str
    severity: AlertSeverity
    title: str
    detail: str
    page: str
    query: Any
    members: Any
    fired_at: datetime
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    suppressed: int


@dataclass(frozen=True, slots=True)
class MoveView(View):
    """One thing that happened to an alert."""

    at: datetime
    move: AlertMove
    message: str | None


@dataclass(frozen=True, slots=True)
class NotificationView(View):
    """One thing that a channel was, or is to be, told."""

    id: int
    channel: str
    kind: NotificationKind
    alert_id: int | None
    title: str
    state: NotificationState
    attempts: int
    created_at: datetime
    due_at: datetime
    ended_at: datetime | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Named:
    """The channels of the file, or what is wrong with it."""

    channels: Mapping[str, Channel]
    trouble: str = ""


@shared(seconds=data.LIVE, entries=1)
def open_ones() -> tuple[OperationView, ...]:
    """Return the alerts that fire now, the gravest first, then the newest."""
    runtime = engine.runtime.runtime()
    with runtime.database.reading() as connection:
        silences = silences_now(connection, runtime.clock.now())
        found = [OperationView.of(dict(row) | {"standing": standing(Known.of(row), silences)}) for row in alerts.open_ones(connection)]
    asks = (AlertStanding.OPEN, AlertStanding.ACKNOWLEDGED, AlertStanding.SILENCED)
    return tuple(sorted(found, key=lambda one: (asks.index(one.standing), one.severity.rank)))


def waiting() -> tuple[OperationView, ...]:
    """Return the alerts that nobody has acknowledged or silenced."""
    return tuple(alert for alert in open_ones() if alert.standing is AlertStanding.OPEN)


@shared(seconds=data.CALM, entries=1)
def over() -> tuple[OperationView, ...]:
    """Return the alerts that ended last, the newest first."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = alerts.resolved(connection, limit=OVER)
    return tuple(OperationView.of(dict(row) | {"standing": AlertStanding.RESOLVED}) for row in rows)


@shared(seconds=data.LIVE, entries=50)
def told_of(alert_ids: tuple[int, ...]) -> Mapping[int, tuple[NotificationView, ...]]:
    """Return what channels were told of these alerts, oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = [NotificationView.of(row) for row in notifications.of_alerts(connection, alert_ids)]
    return {number: tuple(row for row in rows if row.alert_id == number) for number in alert_ids}


@shared(seconds=data.LIVE, entries=50)
def moves_of(alert_id: int) -> tuple[MoveView, ...]:
    """Return what happened to an alert, oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(MoveView.of(row) for row in alerts.events_of(connection, alert_id))


@shared(seconds=data.LIVE, entries=20)
def log(channel: str | None = None) -> tuple[NotificationView, ...]:
    """Return what channels, or one of them, were told, the newest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(NotificationView.of(row) for row in notifications.recent(connection, channel=channel, limit=LOGGED))


@shared(seconds=data.CALM, entries=1)
def named() -> Named:
    """Return the channels."""
    try:
        return Named(channels_of(data.settings()))
    except ChannelsError as error:
        return Named({}, str(error))


@shared(seconds=data.CALM, entries=1)
def troubles() -> Mapping[str, str]:
    """Return why channels cannot work as they stand in the file, by their names; nothing is sent."""
    found = {channel.name: trouble(channel) for channel in named().channels.values()}
    return {name: why for name, why in found.items() if why}
