"""Looks what is wrong now and writes it down: alerts, what became of them and what channels are to be told, in one transaction.

It looks without a lock first, which is all there is to do while nothing changes; what it would write it finds again inside the
transaction, so that any number of runners may look at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from engine.alerts import rules as _rules  # noqa: F401, which registers them
from engine.alerts.audience import audience, newcomers, of_escalation, of_its_end
from engine.alerts.channels import Channel, channels_of
from engine.alerts.limits import COOLDOWN
from engine.alerts.machine import NAMED, Known, Silences, Step, steps
from engine.alerts.messages import Message, message_of
from engine.alerts.outbox import SERIAL, supersede, tell, withdraw
from engine.alerts.reports import reports
from engine.alerts.rule import ALERT_RULES, Firing, Look
from engine.errors import ChannelsError, SourceError
from engine.pipelines.thresholds import load
from engine.runtime import Runtime
from storage import alerts, notifications, speed_layer, thresholds
from storage.status import AlertMove, NotificationKind

_UNSEEN = {"told": False, "escalated_at": None, "acknowledged_at": None, "acknowledged_by": None}  # what somebody said was of the others
_KINDS = {AlertMove.ESCALATED: NotificationKind.ESCALATED, AlertMove.RESOLVED: NotificationKind.RESOLVED}


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be written."""

    steps: Sequence[Step]
    reports: Sequence[tuple[str, Channel, Message]]  # with the key under which each is written once
    late: Sequence[tuple[Known, list[Channel]]]  # with the channels that are told after the others
    unknown: tuple[str, ...] = ()  # rules that could not look

    def __bool__(self) -> bool:
        return bool(self.steps or self.reports or self.late)


@dataclass(slots=True)
class Evaluator:
    """Keeps alerts up to now; `tick` reads only, unless something changes."""

    runtime: Runtime
    trouble: str = ""  # with the channels, which is said once
    log: structlog.stdlib.BoundLogger = field(default_factory=structlog.get_logger)

    def tick(self) -> int:
        """Look, and write what has changed; return how many moves that were."""
        named = self._channels()
        with self.runtime.database.reading() as connection:
            if not self._found(connection, named):
                return 0
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, SERIAL)
            found = self._found(connection, named)
            at = self.runtime.clock.now()
            for step in found.steps:
                self._make(connection, step, named or {}, at)
            for known, new in found.late:
                if not notifications.of_alert(connection, known.id, limit=1):  # there was nobody to be told, or to be escalated to
                    alerts.change(connection, known.id, told_at=_first_open(new, at), escalated_at=None)
                self._tell(connection, known.id, known.firing, NotificationKind.FIRED, new, since=known.fired_at, at=at)
            for key, channel, message in found.reports:
                tell(connection, [channel], message, kind=NotificationKind.REPORT, key=key, at=at)
        for step in found.steps:
            said = step.firing
            self.log.info("alert_moved", move=step.move, rule=said.rule, subject=said.subject, severity=said.severity, title=said.title)
        return len(found.steps)

    def _channels(self) -> Mapping[str, Channel] | None:
        """Return the channels; None while their file cannot be used."""
        try:
            named, trouble = channels_of(self.runtime.settings), ""
        except ChannelsError as error:
            named, trouble = None, str(error)
        if trouble and trouble != self.trouble:
            self.log.error("channels_broken", error=trouble)
        self.trouble = trouble
        return named

    def _found(self, connection: Connection, named: Mapping[str, Channel] | None) -> Found:
        now = self.runtime.clock.now()
        look = Look(connection, self.runtime, load(connection, thresholds.version(connection)), now)
        firings, unknown = [], []
        for rule in ALERT_RULES.values():
            try:
                firings += rule.firings(look)
            except SourceError as error:
                unknown.append(rule.name)
                self.log.warning("alert_rule_put_off", rule=rule.name, error=str(error))
        cooldown = timedelta(minutes=look.limits[COOLDOWN.key])
        silences = silences_now(connection, now)
        known = [Known.of(row) for row in (*alerts.resolved_since(connection, now - cooldown), *alerts.open_ones(connection))]
        moves = steps(
            known,
            firings,
            silences=silences,
            limits=look.limits,
            now=now,
            unknown=unknown,
            can_tell=named is not None,
        )
        moving = {step.known.id for step in moves if step.known is not None}
        late = newcomers(connection, named or {}, known, silences=silences, moving=moving)
        return Found(moves, list(reports(look, named or {})), list(late), tuple(unknown))

    def _make(self, connection: Connection, step: Step, named: Mapping[str, Channel], at: datetime) -> None:
        alert_id = _written(connection, step, at)
        if alert_id is None:
            return
        if step.move is not AlertMove.TOLD:
            alerts.add_event(connection, alert_id, step.move, at=at, message=_event(step))
        if not step.tell:
            return
        kind = _KINDS.get(step.move, NotificationKind.FIRED)
        since = step.known.fired_at if step.known is not None else at
        if kind is NotificationKind.RESOLVED:
            withdraw(connection, alert_id, at=at)  # who was not told need not hear that it is over
            hear = of_its_end(connection, named, alert_id, step.firing)
        elif kind is NotificationKind.ESCALATED:
            hear = of_escalation(connection, named, alert_id, step.firing)
        else:
            hear = audience(named, step.firing, kind)
            alerts.change(connection, alert_id, told=True, told_at=_first_open(hear, at))
        self._tell(connection, alert_id, step.firing, kind, hear, since=since, at=at)

    def _tell(
        self,
        connection: Connection,
        alert_id: int,
        firing: Firing,
        kind: NotificationKind,
        hear: Sequence[Channel],
        *,
        since: datetime,
        at: datetime,
    ) -> None:
        message = message_of(self.runtime, firing, kind, since=since, at=at)
        told = tell(connection, hear, message, kind=kind, key=f"{alert_id}:{at.timestamp():.0f}", at=at, alert_id=alert_id)
        if kind is not NotificationKind.RESOLVED:
            supersede(connection, alert_id, told, at=at)
            alerts.add_event(connection, alert_id, AlertMove.TOLD, at=at, message=", ".join(told) or "no channel wants to hear of it")


def silences_now(connection: Connection, now: datetime) -> Silences:
    """Return the silences that hold at an instant."""
    return Silences(frozenset((row["rule"], row["symbol"]) for row in speed_layer.silenced(connection, at=now)))


def _first_open(channels: Sequence[Channel], at: datetime) -> datetime:
    """Return when the first of some channels hears of what they are told now: quiet hours are no time in which somebody could have."""
    return min((channel.opens(at) for channel in channels), default=at)


def _written(connection: Connection, step: Step, at: datetime) -> int | None:
    """Write a move, and return the alert; None where another process has written it."""
    firing, known = step.firing, step.known
    said = {name: getattr(firing, name) for name in ("severity", "title", "detail", "page")}
    said |= {"query": dict(firing.query), "members": list(firing.members)}
    if known is None:
        return alerts.add(connection, at=at, rule=firing.rule, subject=firing.subject, **said)
    new = said | (_UNSEEN if known.joined(firing) else {})
    changed = {
        AlertMove.CHANGED: new,
        AlertMove.REOPENED: new | {"resolved_at": None, "told": False, "escalated_at": None, "suppressed": known.suppressed + 1},
        AlertMove.RESOLVED: {"resolved_at": at},
        AlertMove.ESCALATED: {"escalated_at": at},
        AlertMove.TOLD: {},
    }[step.move]
    if changed:
        alerts.change(connection, known.id, **changed)
    return known.id


def _event(step: Step) -> str | None:
    joined = sorted(step.known.joined(step.firing), reverse=True) if step.known is not None else []
    new = f"; new: {', '.join(joined[:NAMED])}{', ...' if len(joined) > NAMED else ''}" if joined else ""
    if step.move is AlertMove.REOPENED:
        return f"within the cooldown: the same alert goes on, and its channels are not told again yet{new}"
    return f"{step.firing.title}{new}" if step.move in (AlertMove.FIRED, AlertMove.CHANGED) else None
