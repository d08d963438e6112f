"""A whole session made ready to be replayed under one set of thresholds after another, each time with what `replayed` would give.

What no rule's threshold touches is done once: what is set aside, the order of trading, the bars. Windows and scores are remembered for the
last few turns, so that a slider pays only for what it moves.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar, cast

import numpy as np

from engine.clock import nepal_time
from engine.market.rules import rules_on
from engine.stream.alert_diff import by_time
from engine.stream.alerts import COOLDOWN, GROUP, GROUP_SECONDS, HYSTERESIS, PENDING, Alerts
from engine.stream.index_halt import levels_of
from engine.stream.intake import Hours, Reason
from engine.stream.market_seconds import MarketSeconds, Seconds
from engine.stream.panes import MarketBars, market_at, market_bars
from engine.stream.processor import BAR_SECONDS, LATENESS
from engine.stream.replay import Replay, replayed
from engine.stream.rules import HALT_SYMBOLS, RULES, Known, Moment, Rule, active, moment
from engine.stream.ticks import Floats, Symbols, Ticks, no_ticks
from engine.stream.trailing import Before, Grouped, Sums, WholeTape, grouped
from engine.thresholds import SPECS, Thresholds, snapshot

_MOST_KEPT = 24  # windows and scores: 2 MB each on the heaviest day so far
Made = TypeVar("Made")


@dataclass(slots=True)
class _Shelf:
    """The last things that were made, by what they were made of."""

    kept: dict[Hashable, object] = field(default_factory=dict)

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what was made of `key`, made now where it is not there; two threads may both make it, which does no harm."""
        made = self.kept.pop(key, None)
        if made is None:
            made = make()
        self.kept[key] = made  # the oldest stands first
        for old in list(self.kept)[:-_MOST_KEPT]:
            self.kept.pop(old, None)
        return cast("Made", made)


class _KnownWindows(WholeTape):
    """The sums over the windows that were asked for last; there is one `Before`, that of the whole tape."""

    def __init__(self, shelf: _Shelf) -> None:
        super().__init__()
        self._shelf = shelf

    def within(self, before: Before, seconds: int) -> Sums:
        """Return the sums over a window of so many seconds before each tick."""
        return self._shelf.get(seconds, lambda: WholeTape.within(self, before, seconds))


@dataclass(frozen=True, slots=True)
class _Sorted:
    """What is done once for an allowed lateness."""

    lateness: float
    quiet: Replay  # with every rule switched off
    group: Grouped | None  # None where no trade was accepted
    before: Before | None
    windows: _KnownWindows
    seconds: Seconds | None  # of the whole market
    known: Known
    shelf: _Shelf


class PreparedTape:
    """The trades of one session, in the order of their arrival; `previous_closes` (paisa) as far as they are known."""

    def __init__(self, session: date, ticks: Ticks, symbols: Symbols, previous_closes: Mapping[str, int] | None = None) -> None:
        self.session, self.ticks, self.symbols = session, ticks, symbols
        self.previous_closes = previous_closes or {}
        self._done = self._sorted(LATENESS.default)

    def replay(self, thresholds: Thresholds) -> Replay:
        """Return what `replayed` returns."""
        done = self._for(thresholds)
        if done.group is None:
            return done.quiet
        rules = active(thresholds)
        alerts = Alerts(rules, self.symbols.names, thresholds, levels_of(self.session, thresholds))
        alerts.add(done.group, _scores(done, rules, thresholds), int(done.group.ticks.time.max()), done.seconds)
        alerts.close(Hours.of(self.session).closes)
        return replace(done.quiet, alerts=sorted(alerts.changed(), key=by_time), suppressed=alerts.suppressed)

    def market(self, thresholds: Thresholds) -> tuple[MarketBars, Floats]:
        """Return the market minute by minute, and how far it stood from the closes before at the end of each; nan where none is known."""
        done = self._for(thresholds)
        minutes = market_bars(done.quiet.bars)
        if done.seconds is None:
            return minutes, np.full(len(minutes.start), np.nan)
        return minutes, market_at(done.seconds, (minutes.start + 1) * BAR_SECONDS)

    def ticks_of(self, symbol: str, thresholds: Thresholds) -> Ticks:
        """Return a symbol's trades in order, without those that were set aside."""
        group = self._for(thresholds).group
        return no_ticks() if group is None else group.ticks.take(self._span(group, symbol))

    def scores_of(self, symbol: str, rule: str, thresholds: Thresholds) -> Floats:
        """Return the score of each of a symbol's trades by a rule, on or off; nan where it cannot judge."""
        done = self._for(thresholds)
        if done.group is None:
            return np.empty(0)
        (scores,) = _scores(done, [RULES[rule]], thresholds)
        return scores[self._span(done.group, symbol)]

    def _span(self, group: Grouped, symbol: str) -> slice:
        code = self.symbols.names.index(symbol) if symbol in self.symbols.names else -1
        places = np.flatnonzero(group.symbols == code)
        if not len(places):
            return slice(0, 0)
        first = int(group.first[places[0]])
        return slice(first, first + int(group.size[places[0]]))

    def _for(self, thresholds: Thresholds) -> _Sorted:
        if self._done.lateness != thresholds[LATENESS.key]:
            self._done = self._sorted(thresholds[LATENESS.key])
        return self._done

    def _sorted(self, lateness: float) -> _Sorted:
        off = {rule.enabled.key: 0.0 for rule in RULES.values()}
        quiet = replayed(self.session, self.ticks, self.symbols, snapshot(off | {LATENESS.key: lateness}, 0), self.previous_closes)
        released = self.ticks.take(quiet.reasons == Reason.ACCEPTED).in_order()
        group = grouped(released) if len(released) else None
        shelf = _Shelf()
        windows = _KnownWindows(shelf)
        before = windows.add(group) if group else None
        known = self._known()
        seconds = self._seconds(released, group, before, known) if group and before else None
        return _Sorted(lateness, quiet, group, before, windows, seconds, known, shelf)

    def _seconds(self, released: Ticks, group: Grouped, before: Before, known: Known) -> Seconds:
        of_market = MarketSeconds(rules_on(self.session).board_lot)
        over = of_market.add(released, group, before.pane, known.previous_closes[before.symbol])
        return Seconds(*(np.concatenate(pair) for pair in zip(over, of_market.close(), strict=True)))

    def _known(self) -> Known:
        rules = rules_on(self.session)
        opening = nepal_time(self.session, rules.hours.opens.hour, rules.hours.opens.minute)
        closes = np.array([self.previous_closes.get(name, np.nan) for name in self.symbols.names], np.float64)
        return Known(int(opening.timestamp()), float(rules.band_pct), closes)


def _scores(done: _Sorted, rules: Sequence[Rule], thresholds: Thresholds) -> list[Floats]:
    """Return the scores by each rule, made anew only where a threshold that they may depend on was turned."""
    of = tuple(thresholds[key] for key in _scoring())
    seen: list[Moment] = []

    def scored(rule: Rule) -> Floats:
        if not seen and done.group is not None and done.before is not None:  # one for all rules, and none where every score is known
            seen.append(moment(done.group, done.before, done.windows, done.known, thresholds))
        return rule.score(seen[0])

    return [done.shelf.get((rule.id, of), lambda rule=rule: scored(rule)) for rule in rules]  # type: ignore[misc]


def _scoring() -> Sequence[str]:
    """Return the thresholds that a score may depend on: the stream's without those of alerts, limits and switches."""
    others = {spec.key for spec in (COOLDOWN, PENDING, HYSTERESIS, GROUP, GROUP_SECONDS, HALT_SYMBOLS)}
    others |= {spec.key for rule in RULES.values() for spec in (rule.limit, rule.enabled)}
    return [key for key in SPECS if key.startswith("stream.") and key not in others]
