"""The process that delivers what is due to one channel: takes a notification for a time, sends it, says what became of it."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Any

import structlog
from sqlalchemy import RowMapping

from engine.alerts.channels import Channel, channels_of
from engine.alerts.messages import Message
from engine.alerts.outbox import BEGINNINGS, withdraw_end
from engine.alerts.sending import NoAnswer, NotDelivered, send
from engine.billing.metering import Metering
from engine.costs.measured import Usage
from engine.errors import ChannelsError
from engine.pipeline.interrupts import set_from_handler
from engine.pipeline.retry import RetryPolicy
from engine.runtime import Runtime
from storage import notifications
from storage.status import AlertSeverity, CostWork, NotificationKind, NotificationState

LEASE = timedelta(seconds=90)  # longer than a try may take: then another process may take it
TRIES = 8
BACKOFF = RetryPolicy(first=timedelta(seconds=15), longest=timedelta(minutes=15))  # full jitter

Send = Callable[[str, Message, NotificationKind], None]


@dataclass(slots=True)
class Courier:
    """This process as the one that delivers to a channel."""

    runtime: Runtime
    channel: str
    send: Send = send
    backoff: RetryPolicy = BACKOFF
    stopping: Event = field(default_factory=Event)
    metering: Metering = field(default_factory=Metering)
    hangs: bool = False  # a try goes on in a thread that nobody can end: this process has to

    def serve(self) -> int:
        """Deliver what is due, until nothing is or the service does not answer; return how much was sent."""
        sent = 0
        while not self.stopping.is_set() and not self.hangs and (rows := self._due()):
            for row in rows:
                if self.stopping.is_set() or self.hangs:
                    break
                sent += self._deliver(row)
        return sent

    def until_told(self) -> "Courier":
        """End after the try that is under way when the process is told to."""
        signal.signal(signal.SIGTERM, lambda *_: set_from_handler(self.stopping))
        return self

    def _due(self) -> Any:
        """Return what is to be sent now; what came into quiet hours waits for their end."""
        at = self.runtime.clock.now()
        channel = self._named()
        with self.runtime.database.reading() as connection:
            found = notifications.due(connection, self.channel, at=at)
        opens = at if channel is None else channel.opens(at)
        if found and opens > at:
            with self.runtime.database.transaction() as connection:
                notifications.put_off(connection, self.channel, at=at, until=opens)
            found = [row for row in found if row["kind"] == NotificationKind.TEST]
        return found

    def _named(self) -> Channel | None:
        try:
            return channels_of(self.runtime.settings).get(self.channel)
        except ChannelsError:
            return None

    def _deliver(self, row: RowMapping) -> bool:
        at = self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            if not notifications.claim(connection, row, until=at + LEASE):
                return False
        trouble = self._try(row) if row["attempts"] < TRIES else "its process died at every try"
        if trouble is None:
            outcome: dict[str, Any] = {"state": NotificationState.SENT, "ended_at": self.runtime.clock.now(), "note": None}
        else:
            outcome = self._after(row, trouble)
        with self.runtime.database.transaction() as connection:
            own = notifications.settle(connection, row, **outcome)
            if own and row["kind"] in BEGINNINGS and outcome["state"] is NotificationState.GIVEN_UP:
                withdraw_end(connection, row, at=at)
            if trouble is None:  # it was delivered, whoever has it now
                self.metering.outside(connection, CostWork.MESSAGE, self.channel, Usage(messages=1), at=at)
        log = structlog.get_logger().bind(channel=self.channel, notification=row["id"], attempt=row["attempts"] + 1)
        log.info("notification_tried", state=outcome["state"] if own else "lost", error=trouble)
        return trouble is None

    def _try(self, row: RowMapping) -> str | None:
        """Send a notification; return what is wrong, without a secret, or None."""
        message = Message(AlertSeverity(row["severity"]), row["title"], row["body"])
        try:
            channel = channels_of(self.runtime.settings).get(self.channel)
            if channel is None:
                return f"no channel is called {self.channel} any more"
            self.send(channel.target(), message, NotificationKind(row["kind"]))
        except NoAnswer as error:
            self.hangs = True
            return str(error)
        except (ChannelsError, NotDelivered) as error:
            return str(error)
        return None

    def _after(self, row: RowMapping, trouble: str) -> dict[str, Any]:
        """Return what follows from a try that failed: another one later, or none. A person who tests a channel wants to know now."""
        at, tries = self.runtime.clock.now(), row["attempts"] + 1
        if tries >= (1 if row["kind"] == NotificationKind.TEST else TRIES):
            return {"state": NotificationState.GIVEN_UP, "ended_at": at, "note": trouble}
        wait = timedelta(seconds=self.backoff.wait(tries))
        return {"state": NotificationState.WAITING, "due_at": at + wait, "note": trouble}
