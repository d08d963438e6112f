"""How two contents of one session differ: bars, days, alerts and letters that are equal, on one side alone, or on both and not the same."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from engine.clock import NEPAL
from engine.stream.alert_diff import Side, alert_diff
from engine.stream.alerts import COOLDOWN, MARKET, StreamAlert
from engine.stream.content import Content
from engine.stream.rules import RULES
from engine.stream.ticks import SECOND
from engine.thresholds import Thresholds
from storage.stream_content import VALUES, Columns, bars_by_minute, by_key, rows_of
from storage.types import EPOCH

_ALERT = ("state", "began_us", "fired_us", "resolved_us", "score", "bound", "contract", "rate_paisa", "suppressed", "market_key", "members")
_IN_PAISA = frozenset((*VALUES[:4], "turnover_paisa", "rate_paisa", "previous_close_paisa"))
_MOST_NAMED = 3
_A, _B = "what was served", "the version"


class Part(StrEnum):
    """What a session comes to."""

    BARS = "bars"
    DAYS = "days"
    ALERTS = "alerts"
    LETTERS = "letters"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of one part are where."""

    equal: int = 0
    only_a: int = 0
    only_b: int = 0
    differ: int = 0

    @property
    def different(self) -> int:
        """How many are not equal on both sides."""
        return self.only_a + self.only_b + self.differ


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same on both sides; `at` in microseconds since 1970, UTC."""

    part: Part
    side: Side  # BOTH: it is on both, and not the same
    symbol: str | None
    at: int | None  # the start of a bar, or when an alert fired
    name: str  # of a rule; of a letter its offset
    said: str  # which values differ, or why it is on one side alone


@dataclass(frozen=True, slots=True)
class Compared:
    """Two contents of a session side by side."""

    counts: Mapping[Part, Counts]
    differences: Sequence[Difference]
    other_closes: int  # symbols whose previous close one side knew otherwise

    @property
    def equal(self) -> bool:
        """Whether every bar, day, alert and letter is the same."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class Given:
    """What a content was computed under."""

    content: Content
    limits: Thresholds
    code_version: str | None


def compared(a: Given, b: Given) -> Compared:
    """Compare what is served (A) with a shadow version (B)."""
    parts = {Part.BARS: _bars(a, b), Part.DAYS: _days(a, b), Part.ALERTS: _alerts(a, b), Part.LETTERS: _letters(a, b)}
    sizes = {part: len(next(iter(b.content.parts()[part].values()))) for part in Part} | {Part.BARS: len(_traded(b.content.bars))}
    found = {part: list(differences) for part, differences in parts.items()}
    counts = {part: _counted(found[part], sizes[part]) for part in Part}
    return Compared(counts, [one for part in Part for one in found[part]], len(_other_closes(a, b)))


def _counted(differences: Sequence[Difference], in_b: int) -> Counts:
    only_a, only_b, differ = (sum(one.side is side for one in differences) for side in Side)
    return Counts(in_b - only_b - differ, only_a, only_b, differ)


def _traded(bars: Columns) -> dict[tuple[str, int], tuple[Any, ...]]:
    """Return the newest bar of each minute in which something was traded: of a trade that was taken out again, an empty one is left."""
    return {key: bar for key, bar in bars_by_minute(bars).items() if bar[-1]}


def _bars(a: Given, b: Given) -> Iterator[Difference]:
    old, new = _traded(a.content.bars), _traded(b.content.bars)
    for key in sorted(old.keys() | new.keys()) if old != new else ():
        if old.get(key) != new.get(key):
            symbol, start = key
            side, said = _values(old.get(key), new.get(key), VALUES)
            yield Difference(Part.BARS, side, symbol, start, "bar", said)


def _days(a: Given, b: Given) -> Iterator[Difference]:
    old, new = by_key(a.content.days, "symbol", VALUES), by_key(b.content.days, "symbol", VALUES)
    for symbol in sorted(old.keys() | new.keys()):
        if old.get(symbol) != new.get(symbol):
            side, said = _values(old.get(symbol), new.get(symbol), VALUES)
            yield Difference(Part.DAYS, side, symbol, None, "day", said)


def _letters(a: Given, b: Given) -> Iterator[Difference]:
    named = ("reason", "symbol")
    old, new = by_key(a.content.letters, "line", named), by_key(b.content.letters, "line", named)
    for line in sorted(old.keys() | new.keys()):
        before, after = old.get(line), new.get(line)
        if before is None or after is None or before[0] != after[0]:
            side = Side.ONLY_B if before is None else Side.ONLY_A if after is None else Side.BOTH
            symbol = (after or before or (None, None))[1]
            said = " → ".join(each[0].replace("_", " ") if each else "in the session" for each in (before, after))
            yield Difference(Part.LETTERS, side, symbol, None, f"offset {line:,}", said)


def _alerts(a: Given, b: Given) -> Iterator[Difference]:
    old = {row["key"]: row for row in rows_of(a.content.alerts)}
    new = {row["key"]: row for row in rows_of(b.content.alerts)}
    closes = _other_closes(a, b)
    a_alerts, b_alerts = a.content.stream_alerts(), b.content.stream_alerts()
    for one in alert_diff(a_alerts, b_alerts).alerts:
        key = one.alert.key
        if one.side is Side.ONLY_A:
            said = _quiet(one.alert, b_alerts, b.limits) or _why_not(one.alert, b, a, _B, closes)
        elif one.side is Side.ONLY_B:
            said = _quiet(one.alert, a_alerts, a.limits) or _why_not(one.alert, a, b, _A, closes)
        elif all(old[key][name] == new[key][name] for name in _ALERT):
            continue
        else:
            before, after = ([rows[key][name] for name in _ALERT] for rows in (old, new))
            _, said = _values(before, after, _ALERT)
        yield Difference(Part.ALERTS, one.side, one.alert.symbol, one.alert.fired, one.alert.rule, said)


def _quiet(alert: StreamAlert, there: Sequence[StreamAlert], limits: Thresholds) -> str | None:
    """Say which alert of the other side stood for this one, where one did: it fired still, or its cooldown was not over."""
    for other in there:
        if (other.rule, other.symbol) != (alert.rule, alert.symbol) or other.fired > alert.fired:
            continue
        if other.resolved is None or other.resolved > alert.fired:
            return f"the one of {_clock(other.fired)} still fired"
        if alert.fired - other.fired < limits[COOLDOWN.key] * SECOND:
            return f"kept quiet by the cooldown of the one of {_clock(other.fired)}"
    return None


def _why_not(alert: StreamAlert, there: Given, own: Given, side: str, closes: frozenset[str]) -> str:
    """Say why an alert of `own` was not raised on the other side."""
    rule, others = RULES.get(alert.rule), _other_limits(own.limits, there.limits)
    if rule is None:
        why = f"the code has no rule {alert.rule} any more"
    elif not there.limits[rule.enabled.key]:
        why = f"the rule is off for {side}"
    elif alert.symbol != MARKET and alert.score <= there.limits[rule.limit.key]:
        why = f"its score {alert.score:,.6g} is not above {there.limits[rule.limit.key]:,.6g}, the limit of {side}"
    elif alert.symbol in closes:
        why = "the previous close was known otherwise"
    elif others:
        why = f"{side} has another {', '.join(others[:_MOST_NAMED])}" + (", ..." if len(others) > _MOST_NAMED else "")
    elif there.code_version != own.code_version:
        why = "the code was another"
    else:
        why = "log, thresholds and code are the same: please report this"
    return why


def _other_limits(one: Thresholds, other: Thresholds) -> list[str]:
    both = one.values.keys() & other.values.keys()
    return sorted(key for key in both if key.startswith("stream.") and one[key] != other[key])


def _other_closes(a: Given, b: Given) -> frozenset[str]:
    """Return the symbols on both sides whose previous close they knew otherwise."""
    old, new = a.content.closes(), b.content.closes()
    return frozenset(symbol for symbol in old.keys() & new.keys() if old[symbol] != new[symbol])


def _values(old: Sequence[Any] | None, new: Sequence[Any] | None, names: Sequence[str]) -> tuple[Side, str]:
    """Return on which side rows are, and the values that differ; of a row on one side alone its trades."""
    if old is None or new is None:
        trades = dict(zip(names, old or new or (), strict=True)).get("trades", 0)
        return (Side.ONLY_B if old is None else Side.ONLY_A), f"{trades:,} {'trade' if trades == 1 else 'trades'}"
    changed = [(name, before, after) for name, before, after in zip(names, old, new, strict=True) if before != after]
    return Side.BOTH, "; ".join(f"{_named(name)} {_told(name, before)} → {_told(name, after)}" for name, before, after in changed)


def _clock(microseconds: int) -> str:
    return f"{(EPOCH + timedelta(microseconds=microseconds)).astimezone(NEPAL):%H:%M:%S}"


def _named(name: str) -> str:
    return "limit" if name == "bound" else name.removesuffix("_paisa").removesuffix("_us").replace("_", " ")


def _told(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if name in _IN_PAISA:
        return f"{value // 100:,}.{value % 100:02d}"
    if name.endswith("_us"):
        return _clock(value)
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
