"""The levels of the index at which the exchange halts trading on a date, and when the market comes near one.

Levels and the hours until which they hold are those of the date (`engine/market/rules.py`). What stands for the index is described in
`market_seconds.py`; because it shows less than all of a large move, and because the stream holds the last seconds before a halt until
trading goes on, the rule alerts a margin before the level.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from engine.clock import nepal_time
from engine.market.rules import IndexHalt, rules_on
from engine.stream.market_seconds import Seconds
from engine.stream.rules import HALT_SYMBOLS, INDEX_HALT
from engine.stream.ticks import SECOND, Floats
from engine.thresholds import Thresholds

_ALL_DAY = 2**62


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a date, either way."""

    pct: float  # the exchange's
    alert_above: float  # percent, a margin before it
    until: int  # microseconds since 1970, UTC: from then on it does not hold


def levels_of(session: date, thresholds: Thresholds) -> list[Level]:
    """Return the levels of a session, the lowest first; none where the rule is off."""
    if not thresholds[INDEX_HALT.enabled.key]:
        return []
    margin = thresholds[INDEX_HALT.limit.key]
    return [Level(float(halt.move_pct), float(halt.move_pct) - margin, _until(session, halt)) for halt in rules_on(session).index_halts]


def halt_of(session: date, alert_above: float) -> IndexHalt | None:
    """Return the halt that an alert of this limit was about: the lowest at or above it, for a margin is less than levels are apart."""
    halts = sorted(rules_on(session).index_halts, key=lambda halt: halt.move_pct)
    return next((halt for halt in halts if float(halt.move_pct) >= alert_above - 1e-9), None)


def _until(session: date, halt: IndexHalt) -> int:
    if halt.before is None:
        return _ALL_DAY
    return int(nepal_time(session, halt.before.hour, halt.before.minute).timestamp()) * SECOND


@dataclass(slots=True)
class Passing:
    """Which levels the market is beyond."""

    levels: Sequence[Level]
    hysteresis_pct: float
    least_symbols: int
    _beyond: list[bool] = field(init=False)

    def __post_init__(self) -> None:
        self._beyond = [False] * len(self.levels)

    @classmethod
    def of(cls, levels: Sequence[Level], thresholds: Thresholds, hysteresis_pct: float) -> "Passing":
        """Return the state before the first trade."""
        return cls(levels, hysteresis_pct, int(thresholds[HALT_SYMBOLS.key]))

    def turns(self, seconds: Seconds) -> list[tuple[int, int, bool]]:
        """Return where the market goes beyond a level or is well again: (level, place in `seconds`, whether it begins)."""
        if not len(seconds.time):
            return []
        size = np.where(seconds.symbols >= self.least_symbols, np.abs(seconds.move_pct), np.nan)  # nan: cannot be judged
        return [turn for place in range(len(self.levels)) for turn in self._of_level(place, size, seconds)]

    def _of_level(self, place: int, size: Floats, seconds: Seconds) -> list[tuple[int, int, bool]]:
        level = self.levels[place]
        holds = seconds.time < level.until
        beyond = (size > level.alert_above) & holds
        if not self._beyond[place] and not beyond.any():
            return []
        well = (size <= level.alert_above * (1 - self.hysteresis_pct / 100)) | ~holds
        where = np.flatnonzero(beyond | well)
        if not len(where):
            return []
        now = beyond[where]
        before = np.concatenate(([self._beyond[place]], now[:-1]))
        self._beyond[place] = bool(now[-1])
        return [(place, int(at), bool(beyond[at])) for at in where[now != before]]
