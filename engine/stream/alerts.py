"""From trades that break a rule to alerts: pending, firing, resolved; one a cooldown, one for the market where many would come at once.

All of it in event time and in the order of trading, so that a replay raises the same alerts under the same keys.
"""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from engine.stream.index_halt import Level, Passing
from engine.stream.market_seconds import Seconds
from engine.stream.rules import INDEX_HALT, Rule
from engine.stream.ticks import SECOND, Floats, Mask
from engine.stream.trailing import Grouped
from engine.thresholds import Thresholds, ThresholdSpec, threshold

COOLDOWN = threshold(
    ThresholdSpec(
        "stream.cooldown_s", 300, 0, 86_400, 10, "seconds", "how long a rule is quiet about a symbol after an alert; it counts on"
    )
)
PENDING = threshold(ThresholdSpec("stream.pending_s", 0, 0, 600, 1, "seconds", "how long a rule must be broken before it alerts"))
HYSTERESIS = threshold(
    ThresholdSpec("stream.hysteresis_pct", 20, 0, 90, 5, "% of the limit", "how far below its limit a score must fall to be well again")
)
GROUP = threshold(
    ThresholdSpec("stream.group_symbols", 10, 2, 500, 1, "symbols", "so many symbols with one rule broken make one alert of the market")
)
GROUP_SECONDS = threshold(ThresholdSpec("stream.group_s", 60, 1, 3600, 1, "seconds", "within so long"))
MARKET = "MARKET"  # stands in the place of a symbol
_WHOLE = -1  # and in that of a symbol's code


class AlertState(StrEnum):
    """Where an alert stands."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(slots=True)
class StreamAlert:
    """One alert; times in microseconds since 1970, UTC, prices in paisa."""

    key: str  # the same in every replay
    rule: str
    symbol: str
    began: int  # the first trade that broke the rule
    fired: int
    score: float  # of the whole market: its move, below nought where it fell
    limit: float
    contract: int  # the trade that began it
    rate: int
    state: AlertState = AlertState.FIRING
    resolved: int | None = None
    suppressed: int = 0  # times that it was broken anew within the cooldown
    group: str | None = None  # the key of the market's alert that it belongs to
    members: int = 0  # of an alert that stands for many: symbols


def alert_key(rule: Rule, symbol: str, fired: int) -> str:
    """Return the name of an alert: rule and version, symbol and second."""
    return sha256(f"{rule.id}|{rule.version}|{symbol}|{fired // SECOND}".encode()).hexdigest()[:24]


class Turn(NamedTuple):
    """A trade at which a symbol begins to break a rule, or is well again; in the order of trading."""

    time: int
    contract: int
    rule: int
    symbol: int
    begins: bool
    score: float
    rate: int


class _Due(NamedTuple):
    time: int  # when it fires, unless it is well again before
    contract: int
    rule: int
    symbol: int


@dataclass(slots=True)
class _Group:
    """The latest alerts of one rule, over all symbols."""

    recent: deque[StreamAlert] = field(default_factory=deque)
    market: StreamAlert | None = None
    last: int = 0  # when the market's alert was joined last


class Alerts:
    """The state of every (rule, symbol)."""

    def __init__(self, rules: list[Rule], names: list[str], thresholds: Thresholds, levels: Sequence[Level] = ()) -> None:
        self._rules, self._names, self._thresholds, self.levels = rules, names, thresholds, levels
        limits = [thresholds[rule.limit.key] for rule in rules]
        self._limits = [(limit, limit * (1 - thresholds[HYSTERESIS.key] / 100)) for limit in limits]
        self._passing = Passing.of(levels, thresholds, thresholds[HYSTERESIS.key])
        self._broken = np.zeros((len(rules), 0), np.bool_)  # by rule and symbol
        self._any = np.zeros(len(rules), np.bool_)
        self._due: list[_Due] = []
        self._began: dict[tuple[int, int], Turn] = {}  # broken, and not yet fired
        self._firing: dict[tuple[int, int], StreamAlert] = {}
        self._last: dict[tuple[int, int], StreamAlert] = {}
        self._groups = [_Group() for _ in rules]
        self._changed: dict[str, StreamAlert] = {}
        self.suppressed = 0

    def add(self, group: Grouped, scores: list[Floats], watermark: int, seconds: Seconds | None = None) -> None:
        """Take a batch's scores in, one array a rule; all trades before `watermark` must have come, in this batch or before.

        `seconds` are those of the whole market that are over by now.
        """
        self._reach(int(group.ticks.symbol[-1]) + 1)
        turns = self._of_market(seconds)
        for position, score in enumerate(scores):
            turns += self._turns(position, group, score)
        self._play(sorted(turns), watermark)

    def changed(self) -> list[StreamAlert]:
        """Return the alerts that are new or changed since this was last asked, each once."""
        changed, self._changed = list(self._changed.values()), {}
        return changed

    def close(self, at: int, seconds: Seconds | None = None) -> None:
        """End the session: what fires is resolved at `at`; `seconds` as in `add`."""
        self._play(sorted(self._of_market(seconds)), at)
        for alert in self._firing.values():
            self._resolve(alert, at)
        for group in self._groups:
            if group.market and group.market.resolved is None:
                self._resolve(group.market, at)
        self._firing.clear()
        self._began.clear()
        self._due.clear()

    def _of_market(self, seconds: Seconds | None) -> list[Turn]:
        """Return where the market passes a level: each level has a place behind the rules."""
        if seconds is None:
            return []
        return [
            Turn(
                int(seconds.time[at]),
                int(seconds.contract[at]),
                len(self._rules) + level,
                _WHOLE,
                begins,
                float(seconds.move_pct[at]),
                int(seconds.rate[at]),
            )
            for level, at, begins in self._passing.turns(seconds)
        ]

    def _turns(self, position: int, group: Grouped, score: Floats) -> list[Turn]:
        limit, well = self._limits[position]
        broken = score > limit
        if not self._any[position] and not broken.any():
            return []
        # A trade of a symbol that was well and is not broken here changes nothing.
        concerned = np.zeros(self._broken.shape[1], np.bool_)
        concerned[group.ticks.symbol[broken]] = True
        concerned |= self._broken[position]
        where = np.flatnonzero((broken | (score <= well)) & concerned[group.ticks.symbol])
        if not len(where):
            return []
        symbol = group.ticks.symbol[where]
        now = broken[where]
        before = np.empty_like(now)
        before[1:] = now[:-1]
        first = np.concatenate(([True], symbol[1:] != symbol[:-1]))
        before[first] = self._broken[position, symbol[first]]
        last = np.append(first[1:], True)
        self._broken[position, symbol[last]] = now[last]
        self._any[position] = bool(self._broken[position].any())
        return self._listed(position, group, where[now != before], broken, score)

    @staticmethod
    def _listed(position: int, group: Grouped, where: np.ndarray, broken: Mask, score: Floats) -> list[Turn]:
        ticks = group.ticks.take(where)
        columns = (ticks.time, ticks.contract, ticks.symbol, broken[where], score[where], ticks.rate)
        return [
            Turn(time, contract, position, symbol, begins, value, rate)
            for time, contract, symbol, begins, value, rate in zip(*(column.tolist() for column in columns), strict=True)
        ]

    def _play(self, turns: list[Turn], watermark: int) -> None:
        pending = int(self._thresholds[PENDING.key] * SECOND)
        for turn in turns:
            self._fire_due(turn.time, turn.contract)
            key = turn.rule, turn.symbol
            if turn.begins:
                self._began[key] = turn
                heapq.heappush(self._due, _Due(turn.time + pending, turn.contract, turn.rule, turn.symbol))
                continue
            self._began.pop(key, None)
            firing = self._firing.pop(key, None)
            if firing:
                self._resolve(firing, turn.time)
        self._fire_due(watermark, 0)

    def _fire_due(self, time: int, contract: int) -> None:
        while self._due and self._due[0][:2] < (time, contract):
            due = heapq.heappop(self._due)
            turn = self._began.get((due.rule, due.symbol))
            if turn and turn.contract == due.contract:  # it may have been well and broken again in between
                del self._began[due.rule, due.symbol]
                self._fire(turn, due.time)

    def _fire(self, turn: Turn, at: int) -> None:
        key = turn.rule, turn.symbol
        last = self._last.get(key)
        if last and at - last.fired < self._thresholds[COOLDOWN.key] * SECOND:
            last.suppressed += 1
            self.suppressed += 1
            self._changed[last.key] = last
            return
        if turn.symbol == _WHOLE:  # of the market itself: no group
            level = self.levels[turn.rule - len(self._rules)]
            alert = _alert(INDEX_HALT, MARKET, turn, at, level.alert_above, f"{MARKET} {level.pct:g}")
        else:
            rule, symbol = self._rules[turn.rule], self._names[turn.symbol]
            alert = _alert(rule, symbol, turn, at, self._limits[turn.rule][0], symbol)
            self._join(self._groups[turn.rule], rule, alert)
        self._last[key] = self._firing[key] = self._changed[alert.key] = alert

    def _join(self, group: _Group, rule: Rule, alert: StreamAlert) -> None:
        """Put an alert under the market's, where enough symbols break the rule at once."""
        span = int(self._thresholds[GROUP_SECONDS.key] * SECOND)
        if group.market and alert.fired - group.last > span:
            self._resolve(group.market, group.last + span)
            group.market = None
        group.recent.append(alert)
        while alert.fired - group.recent[0].fired > span:
            group.recent.popleft()
        if group.market is None and len({each.symbol for each in group.recent}) >= self._thresholds[GROUP.key]:
            first = group.recent[0]
            key = alert_key(rule, MARKET, alert.fired)
            group.market = StreamAlert(key, rule.id, MARKET, first.began, alert.fired, alert.score, alert.limit, first.contract, first.rate)
        if group.market:
            joining = [each for each in group.recent if each.group is None]
            for each in joining:
                each.group = group.market.key
                self._changed[each.key] = each
            group.market.members += len(joining)
            group.market.score = max(group.market.score, *(each.score for each in joining))
            group.last = alert.fired
            self._changed[group.market.key] = group.market

    def _resolve(self, alert: StreamAlert, at: int) -> None:
        alert.state, alert.resolved = AlertState.RESOLVED, at
        self._changed[alert.key] = alert

    def _reach(self, symbols: int) -> None:
        more = symbols - self._broken.shape[1]
        if more > 0:
            self._broken = np.pad(self._broken, ((0, 0), (0, max(more, 64))))


def _alert(rule: Rule, symbol: str, turn: Turn, at: int, limit: float, named: str) -> StreamAlert:
    return StreamAlert(alert_key(rule, named, at), rule.id, symbol, turn.time, at, turn.score, limit, turn.contract, turn.rate)
