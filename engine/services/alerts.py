"""Commands about the alerts of operations and the channels that are told of them; `silence_alerts` serves these alerts too."""

from secrets import token_hex

from engine.alerts.channels import channels_of
from engine.alerts.messages import Message, body, link, marked
from engine.alerts.outbox import SERIAL, tell, withdraw_escalation
from engine.errors import UnknownName
from engine.services.base import Commands
from storage import alerts, notifications
from storage.status import AlertMove, AlertSeverity, NotificationKind


class AlertCommands(Commands):
    """Acknowledge; try a channel."""

    def acknowledge(self, alert_id: int) -> str:
        """Write that somebody takes care of an alert, which is escalated no more; the first one stays."""
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, SERIAL)  # or it would be escalated at the same moment
            found, at = alerts.one(connection, alert_id), self.runtime.clock.now()
            if found is None:
                raise UnknownName(f"there is no alert {alert_id}; list them with: python -m engine alerts")
            said = f"Alert {alert_id} is acknowledged: {found['title']}."
            if found["resolved_at"] is not None:
                return f"Alert {alert_id} is over: {found['title']}."
            if not alerts.acknowledge(connection, alert_id, by=self.actor, at=at):
                return said
            withdraw_escalation(connection, alert_id, at=at)
            alerts.add_event(connection, alert_id, AlertMove.ACKNOWLEDGED, at=at, message=f"by {self.actor}")
            return self._audited(connection, "acknowledge", {"alert": alert_id}, said)

    def test_channel(self, name: str) -> str:
        """Send a test to a channel, whatever its filter and hours; one that is under way is not sent twice. A runner does it."""
        self.ask_for_test(name)
        return f"A test is on its way to {name}; what becomes of it stands below."

    def ask_for_test(self, name: str) -> int:
        """Write a test into the outbox and return its number; `UnknownName`, or `ChannelsError` where the file cannot be used."""
        named = channels_of(self.runtime.settings)
        if name not in named:
            there = ", ".join(named) or f"none; name some in {self.runtime.settings.channels_file}"
            raise UnknownName(f"there is no channel {name!r}; there are: {there}")
        text = body("This is a test: the channel works.", f"Asked for by {self.actor}.", link(self.runtime, "alerts"))
        message = Message(AlertSeverity.INFO, f"{marked(self.runtime)}Test of channel {name}", text)
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "channel test")
            if (open_one := notifications.open_test(connection, name)) is not None:
                return open_one
            at, key = self.runtime.clock.now(), token_hex(8)
            self._audited(connection, "test_channel", {"channel": name}, f"A test is on its way to {name}.")
            return tell(connection, [named[name]], message, kind=NotificationKind.TEST, key=key, at=at)[name]
