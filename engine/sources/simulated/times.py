"""When the trades of a simulated session happen: evenly, with a rush before the closing, and close together where something goes on."""

from datetime import date

import numpy as np

from engine.market.rules import MarketRules, rules_on
from engine.sources.simulated.bits import Ints, Stream, part, raw_bits
from engine.sources.simulated.events import Events

SECOND = 1_000_000  # microseconds
_PRE_OPEN_ONE_IN = 30  # symbols whose first trade is matched before the opening
_RUSH_ONE_IN = 14  # trades drawn anew into the last quarter of an hour: with their even share some 13 % fall there, as measured
_RUSH_SECONDS = 15 * 60
_HALT_SECONDS = 40 * 60  # a session that the index ends is over after so long
_OWNER = 1 << 40  # of a key: more than the microseconds of a session


def times_of(seed: int, ordinal: int, count: Ints, events: Events, *, halted: bool) -> Ints:
    """Return when each trade happens, in microseconds after the opening, rising within a symbol; `count` are the trades of each."""
    rules = rules_on(date.fromordinal(ordinal))
    length = _HALT_SECONDS if halted else _seconds(rules)
    bits = raw_bits(seed, Stream.TIMES, key=ordinal, count=int(count.sum()))
    micros = (bits >> np.uint64(24)).astype(np.int64)  # 40 bits: more than the microseconds of a session
    at = micros % (length * SECOND)
    late = (part(bits, 0) % _RUSH_ONE_IN == 0) & (not halted)
    at[late] = (length - _RUSH_SECONDS) * SECOND + micros[late] % (_RUSH_SECONDS * SECOND)
    ends = np.cumsum(count)
    taken = ends.copy()
    for run in events.runs:  # a handful, and some hundred in a fall of the market
        which = slice(int(taken[run.owner]) - run.size, int(taken[run.owner]))
        at[which] = run.begins * SECOND + micros[which] % (run.seconds * SECOND)
        taken[run.owner] -= run.size
    at = np.sort(np.repeat(np.arange(len(count)), count) * _OWNER + at) % _OWNER

    starts = ends - count
    matched = starts[part(bits, 1)[starts] % _PRE_OPEN_ONE_IN == 0]
    at[matched] = -_before_opening(rules) * SECOND + micros[matched] % SECOND
    return at


def _seconds(rules: MarketRules) -> int:
    return _of_day(rules.closes.hour, rules.closes.minute) - _of_day(rules.hours.opens.hour, rules.hours.opens.minute)


def _before_opening(rules: MarketRules) -> int:
    """Return how many seconds before the opening the pre-open is matched."""
    return _of_day(rules.hours.opens.hour, rules.hours.opens.minute) - _of_day(
        rules.hours.pre_open_ends.hour, rules.hours.pre_open_ends.minute
    )


def _of_day(hour: int, minute: int) -> int:
    return hour * 3600 + minute * 60
