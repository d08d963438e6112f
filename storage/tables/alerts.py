"""Alerts of operations, what became of each, and the outbox of what channels are told."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index

from storage.status import AlertMove, AlertSeverity, NotificationKind, NotificationState
from storage.tables.base import Base, count, document, identity, instant, long_text, only_where, required, word


class Alert(Base, table=True):
    """Something that a rule found wrong with a subject; open until the rule finds it no more. At most one is open of each."""

    __tablename__ = "alert"
    id: int | None = identity()
    rule: str = word(48, nullable=False)
    subject: str = word(32, nullable=False)  # what it is about; with the rule, the key by which it is known again
    severity: AlertSeverity = word(16, nullable=False)
    title: str = long_text(nullable=False)
    detail: str = long_text(nullable=False)
    page: str = word(48, nullable=False)  # that shows its cause
    query: Any = document()
    members: Any = document()  # subjects, where one alert stands for many
    fired_at: datetime = instant(nullable=False)
    resolved_at: datetime | None = instant()
    told: bool = False  # its channels know that it fires
    told_at: datetime | None = instant()  # when they were told last, or the first of them will be, at the end of its quiet hours
    escalated_at: datetime | None = instant()
    acknowledged_at: datetime | None = instant()
    acknowledged_by: str | None = word(80)
    suppressed: int = count(0)  # how often it fired again within the cooldown
    __table_args__: ClassVar[Any] = (
        Index("uq_alert_open", "rule", "subject", unique=True, **only_where("resolved_at IS NULL")),
        Index("ix_alert_resolved", "resolved_at"),
    )


class AlertEvent(Base, table=True):
    """One thing that happened to an alert."""

    __tablename__ = "alert_event"
    id: int | None = identity()
    alert_id: int = required()
    at: datetime = instant(nullable=False)
    move: AlertMove = word(16, nullable=False)
    message: str | None = long_text()
    __table_args__: ClassVar[Any] = (Index("ix_alert_event_alert", "alert_id", "id"),)


class Notification(Base, table=True):
    """One thing that one channel is told: written with the fact, sent later, at least once."""

    __tablename__ = "notification"
    id: int | None = identity()
    key: str = word(160, nullable=False)  # what is told to whom: it is never written twice
    channel: str = word(32, nullable=False)
    kind: NotificationKind = word(16, nullable=False)
    severity: AlertSeverity = word(16, nullable=False)
    alert_id: int | None = count()
    title: str = long_text(nullable=False)
    body: str = long_text(nullable=False)
    state: NotificationState = word(16, nullable=False)
    attempts: int = count(0)
    created_at: datetime = instant(nullable=False)
    due_at: datetime = instant(nullable=False)  # waiting: of its next try; sending: when another process may take it
    ended_at: datetime | None = instant()
    note: str | None = long_text()  # why the last try failed, or why it was dropped; secrets are masked
    __table_args__: ClassVar[Any] = (
        Index("uq_notification_key", "key", unique=True),
        Index("ix_notification_due", "due_at", "id", **only_where("ended_at IS NULL")),
        Index("ix_notification_channel_due", "channel", "due_at", **only_where("ended_at IS NULL")),
        Index("ix_notification_alert", "alert_id", "id"),
        Index("ix_notification_channel", "channel", "id"),
    )
