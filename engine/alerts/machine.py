"""The state machine of alerts, without a database: what fires now and what was known give the moves that are to be made.

An alert is told to its channels when it fires, and again, when it has gone and come back or more has joined it, not before its cooldown
is over: until then it is the same alert, and is only counted. One that is silenced or acknowledged is not told; when a silence ends, what
still fires is.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from engine.alerts.limits import COOLDOWN, ESCALATE, GROUP, REPEAT
from engine.alerts.rule import ALERT_RULES, MANY, Firing
from engine.thresholds import Thresholds
from storage.status import AlertMove, AlertSeverity, AlertStanding

NAMED = 10  # members of a group that its text names


@dataclass(frozen=True, slots=True)
class Known:
    """An alert of the database."""

    id: int
    firing: Firing
    fired_at: datetime
    resolved_at: datetime | None
    told: bool
    told_at: datetime | None
    escalated_at: datetime | None
    acknowledged_at: datetime | None
    suppressed: int

    @classmethod
    def of(cls, row: Any) -> "Known":
        """Return what a row says."""
        said = {name: row[name] for name in ("rule", "subject", "title", "detail", "page")}
        members, query = tuple(row["members"] or ()), row["query"] or {}
        firing = Firing(**said, severity=AlertSeverity(row["severity"]), query=query, members=members)
        rest = ("id", "fired_at", "resolved_at", "told", "told_at", "escalated_at", "acknowledged_at", "suppressed")
        return cls(firing=firing, **{name: row[name] for name in rest})

    def says_other(self, firing: Firing) -> bool:
        """Say whether it has something new to say; what moves all the time in its detail is nothing new."""
        mine = self.firing
        return (mine.title, mine.severity, mine.members, mine.query) != (firing.title, firing.severity, firing.members, dict(firing.query))

    def joined(self, firing: Firing) -> frozenset[str]:
        """Return what has joined the group since: of that nobody was told, and nobody has acknowledged it."""
        return frozenset(firing.members) - frozenset(self.firing.members)

    @property
    def heard_of(self) -> bool:
        """Say whether channels know that it fires: also of a group, where they do not know yet who has joined it."""
        return self.told or (bool(self.firing.members) and self.told_at is not None)


@dataclass(frozen=True, slots=True)
class Step:
    """One move to be made: of an alert that is known, or of one that fires for the first time. `tell` says whether channels hear of it."""

    move: AlertMove
    firing: Firing
    known: Known | None = None
    tell: bool = False


@dataclass(frozen=True, slots=True)
class Silences:
    """What nobody wants to hear of now: pairs of rule and subject, each of which may be any."""

    pairs: frozenset[tuple[str | None, str | None]] = frozenset()

    def hold(self, firing: Firing) -> bool:
        """Say whether one of them covers this."""
        return any(rule in (None, firing.rule) and subject in (None, firing.subject) for rule, subject in self.pairs)


def standing(known: Known, silences: Silences) -> AlertStanding:
    """Return where an alert stands for the people who look at it."""
    if known.resolved_at is not None:
        return AlertStanding.RESOLVED
    if known.acknowledged_at is not None:
        return AlertStanding.ACKNOWLEDGED
    return AlertStanding.SILENCED if silences.hold(known.firing) else AlertStanding.OPEN


def steps(
    known: Sequence[Known],
    firings: Sequence[Firing],
    *,
    silences: Silences,
    limits: Thresholds,
    now: datetime,
    unknown: Collection[str] = (),
    can_tell: bool = True,
) -> list[Step]:
    """Return the moves to be made; `known` are the open alerts and those that ended within the cooldown, the newest last.

    Alerts of the rules `unknown`, which could not look, stay as they are. Without `can_tell` (the channels cannot be read) nothing
    counts as told.
    """
    cooldown = timedelta(minutes=limits[COOLDOWN.key])
    open_ones = {one.firing.key: one for one in known if one.resolved_at is None}
    ended = {one.firing.key: one for one in known if one.resolved_at is not None and now - one.resolved_at < cooldown}
    lately = Counter(rule for (rule, _), one in open_ones.items() if now - one.fired_at < cooldown)
    fires = {firing.key: firing for firing in grouped(firings, set(open_ones), most=int(limits[GROUP.key]), lately=lately)}
    made: list[Step] = []
    for key, firing in fires.items():
        quiet = silences.hold(firing) or not can_tell
        if (alert := open_ones.get(key)) is not None:
            made += _of_open(alert, firing, quiet=quiet, limits=limits, now=now)
        elif (before := ended.get(key)) is not None:
            made.append(Step(AlertMove.REOPENED, firing, before))
        else:
            made.append(Step(AlertMove.FIRED, firing, tell=not quiet))
    gone = (one for key, one in open_ones.items() if key not in fires and one.firing.rule not in unknown)
    return made + [Step(AlertMove.RESOLVED, one.firing, one, tell=one.heard_of and can_tell) for one in gone]


def _of_open(alert: Known, firing: Firing, *, quiet: bool, limits: Thresholds, now: datetime) -> Iterator[Step]:
    if alert.says_other(firing):
        yield Step(AlertMove.CHANGED, firing, alert)
        if alert.joined(firing):
            return  # the next look tells of it, when its cooldown is over
    if quiet or alert.acknowledged_at is not None:
        return
    if not alert.told:
        told_at = alert.told_at
        # Told later than now it waits for the end of quiet hours: nobody has heard of it yet, and what it says then is to be the newest.
        if told_at is None or told_at > now or now - told_at >= timedelta(minutes=limits[COOLDOWN.key]):
            yield Step(AlertMove.TOLD, firing, alert, tell=True)
    elif firing.severity is AlertSeverity.ERROR and _is_forgotten(alert, limits, now):
        yield Step(AlertMove.ESCALATED, firing, alert, tell=True)


def _is_forgotten(alert: Known, limits: Thresholds, now: datetime) -> bool:
    """Say whether nobody has acknowledged an alert for so long that it is told again: escalated, and then repeated."""
    if not limits[ESCALATE.key]:
        return False
    if alert.escalated_at is None:
        return now - (alert.told_at or now) >= timedelta(minutes=limits[ESCALATE.key])
    return bool(limits[REPEAT.key]) and now - alert.escalated_at >= timedelta(hours=limits[REPEAT.key])


def grouped(
    firings: Sequence[Firing], open_keys: Collection[tuple[str, str]], *, most: int, lately: Mapping[str, int] | None = None
) -> Iterator[Firing]:
    """Yield firings; where more than `most` of a rule are new, or began `lately`, or are one alert already, one stands for the new ones."""
    for rule, of_rule in groupby(sorted(firings, key=lambda firing: firing.key), key=lambda firing: firing.rule):
        mine = list(of_rule)
        new = [firing for firing in mine if firing.key not in open_keys]
        if new and ((rule, MANY) in open_keys or len(new) + (lately or {}).get(rule, 0) > most):
            yield _group(new)
            yield from (firing for firing in mine if firing.key in open_keys)
        else:
            yield from mine


def _group(firings: Sequence[Firing]) -> Firing:
    firings = sorted(firings, key=lambda firing: firing.key, reverse=True)  # the newest dates are named
    members = tuple(firing.subject for firing in firings)
    first = firings[0]
    if len(firings) == 1:
        return replace(first, subject=MANY, members=members)
    page = ALERT_RULES[first.rule].page if first.rule in ALERT_RULES else first.page
    more = f"; and {len(firings) - NAMED:,} more" if len(firings) > NAMED else ""
    detail = "; ".join(firing.title for firing in firings[:NAMED]) + more
    title = f"{len(firings):,} alerts of the rule {first.rule.replace('_', ' ')}"
    gravest = min((firing.severity for firing in firings), key=lambda severity: severity.rank)
    return replace(first, subject=MANY, severity=gravest, title=title, detail=detail, page=page, query={}, members=members)
