"""Who is to hear of an alert: what each channel wants, what it was told last, and whether the alert is about the channel itself."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from engine.alerts.channels import Channel
from engine.alerts.machine import Known, Silences
from engine.alerts.outbox import BEGINNINGS, hold_back, untried
from engine.alerts.rule import ALERT_RULES, Firing
from storage import alerts, notifications
from storage.status import NotificationKind, NotificationState

_UNHEARD = (NotificationState.DROPPED, NotificationState.GIVEN_UP)


def audience(named: Mapping[str, Channel], firing: Firing, kind: NotificationKind) -> list[Channel]:
    """Return the channels that want to hear this of an alert; one that is out of reach is not told so itself."""
    rule = ALERT_RULES.get(firing.rule)
    about = {firing.subject, *firing.members} if rule is not None and rule.of_channels else set()
    return [channel for channel in named.values() if channel.hears(kind, firing.severity) and channel.name not in about]


def of_its_end(connection: Connection, named: Mapping[str, Channel], alert_id: int, firing: Firing) -> list[Channel]:
    """Return the channels that are to hear that an alert is over: those that know that it fired, and those that want ends only."""
    last = notifications.last_words(connection, [alert_id], without=_UNHEARD)
    wanting = audience(named, firing, NotificationKind.RESOLVED)
    return [channel for channel in wanting if not channel.wants & BEGINNINGS or last.get((alert_id, channel.name)) in BEGINNINGS]


def of_escalation(connection: Connection, named: Mapping[str, Channel], alert_id: int, firing: Firing) -> list[Channel]:
    """Return the channels that an alert is escalated to: not those whose quiet hours still keep from them that it fires."""
    untold = {row["channel"] for row in untried(connection, alert_id) if row["kind"] == NotificationKind.FIRED}
    return [channel for channel in audience(named, firing, NotificationKind.ESCALATED) if channel.name not in untold]


def newcomers(
    connection: Connection, named: Mapping[str, Channel], known: Sequence[Known], *, silences: Silences, moving: Collection[int]
) -> Iterator[tuple[Known, list[Channel]]]:
    """Yield the alerts that others were told of, with the channels that were not: they are new, or want to hear more than they did.

    What is acknowledged, silenced or `moving` now is left out.
    """
    told = [
        one
        for one in known
        if one.told and one.resolved_at is None and one.acknowledged_at is None and one.id not in moving and not silences.hold(one.firing)
    ]
    if not named or not told:
        return
    last = notifications.last_words(connection, [one.id for one in told], without=(NotificationState.DROPPED,))
    for one in told:
        hear = audience(named, one.firing, NotificationKind.FIRED)
        if new := [channel for channel in hear if last.get((one.id, channel.name)) not in BEGINNINGS]:
            yield one, new


def hush(connection: Connection, rule: str | None, subject: str | None, *, at: datetime) -> None:
    """Take back what waits to say that an alert fires, quiet hours for one, now that it is silenced; its channels hear when that ends."""
    silence = Silences(frozenset({(rule, subject)}))
    for row in alerts.open_ones(connection):
        if silence.hold(Known.of(row).firing) and hold_back(connection, row["id"], at=at):
            alerts.change(connection, row["id"], told=False, told_at=None, escalated_at=None)
