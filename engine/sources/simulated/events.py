"""What breaks a rule of the stream on a simulated day: a price jumps, trades come in a burst, one is huge, rarely the whole market falls.

Decided before a session's trades are drawn and then part of them, so that the daily file is still their sum. First and last prices of a
session stay what they were: the market goes its way as it would have gone without.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.market.rules import MarketRules
from engine.sources.simulated.bits import Bits, Floats, Ints, Stream, raw_bits, uniform

FALL_ONE_IN = 20  # sessions
SECOND_JUMP, BURST, BLOCK = 0.6, 0.6, 0.5  # of the sessions have one; each has a first jump
_LIVELY = 20  # trades of a symbol in which something happens
_BURST_TRADES = 75
_SPIKE_TRADES, _SPIKE_SECONDS = 12, 200  # of the symbol before the jump: an average to be far from
_BURST_SECONDS = 8
_BLOCK_SHARES = 100_000
_FALL_TRADES, _FEW_TRADES, _FALL_SECONDS = 10, 4, 300  # of a lively symbol when everybody sells, and of another
_FALLING, _STAYING, _RECOVERING = 60, 600, 1500  # seconds
_DRAWN = 16


class Run(NamedTuple):
    """Trades of one symbol that come close together; the last one jumps by a share of its price."""

    owner: int  # position among the traded symbols
    size: int
    begins: int  # seconds after the opening
    seconds: int
    jump: float = 0.0


class Block(NamedTuple):
    """One trade of very many shares."""

    owner: int
    share: float  # of the symbol's trades before it
    quantity: int


class Fall(NamedTuple):
    """The whole market falls within a minute, stays there, and comes back."""

    begins: int  # seconds after the opening
    depth: float  # of a usual price


@dataclass(frozen=True, slots=True)
class Events:
    """The events of one session."""

    runs: tuple[Run, ...] = ()
    block: Block | None = None
    fall: Fall | None = None

    def more(self, symbols: int) -> Ints:
        """Return how many trades they add to each symbol."""
        added = np.zeros(symbols, np.int64)
        for run in self.runs:  # a handful
            added[run.owner] += run.size
        return added


NONE = Events()


def events_of(seed: int, rules: MarketRules, count: Ints, price: Ints, moves: tuple[float, float]) -> Events:
    """Draw the events of a session.

    `count` and `price` are the usual number of trades and the first price of its symbols, `moves` the market's mean at opening and end.
    """
    bits = raw_bits(seed, Stream.EVENTS, key=rules.day.toordinal(), count=_DRAWN)
    lively = np.flatnonzero(count >= _LIVELY)
    if not len(lively):
        return NONE
    draw = uniform(bits)
    owners = lively[_places(bits[1:3], len(lively))].tolist()
    runs = [_spike(owners[0], draw[3:5], 1)]
    runs += [_spike(owners[1], draw[5:7], -1)] if draw[7] < SECOND_JUMP and len(owners) > 1 else []
    runs += [Run(owners[2], _BURST_TRADES, _some_time(draw[8]), _BURST_SECONDS)] if draw[9] < BURST and len(owners) > 2 else []  # noqa: PLR2004
    block = _block(price, draw[10:13]) if draw[13] < BLOCK else None
    if bits[0] % np.uint64(FALL_ONE_IN):
        return Events(tuple(runs), block)
    fall = _fall(rules, draw[14:16], moves)
    return Events((*runs, *_sellers(count, fall)), block, fall)


def _places(bits: Bits, many: int) -> list[int]:
    """Return three different places among `many`, as long as there are so many."""
    first, step = int(bits[0] % np.uint64(many)), 1 + int(bits[1] % np.uint64(max(many // 3, 1)))
    return list(dict.fromkeys((first + step * n) % many for n in range(3)))


def _some_time(draw: float) -> int:
    return 1200 + int(11_000 * draw)


def _spike(owner: int, draw: Floats, sign: int) -> Run:
    return Run(owner, _SPIKE_TRADES, _some_time(draw[0]), _SPIKE_SECONDS, sign * (0.065 + 0.02 * draw[1]))


def _block(price: Ints, draw: Floats) -> Block:
    """Return a huge trade of one of the cheapest symbols, where it is no fortune."""
    cheap = np.argsort(price, kind="stable")[: max(len(price) // 10, 1)]
    return Block(int(cheap[int(draw[0] * len(cheap))]), draw[1], _BLOCK_SHARES + 100 * int(1 + 400 * draw[2]))


def _fall(rules: MarketRules, draw: Floats, moves: tuple[float, float]) -> Fall:
    """Return a fall that comes near the lowest level at which the index would halt trading, and not up to it."""
    begins = 2400 + int(3000 * draw[0])
    hour = rules.hours.opens.hour * 3600 + begins
    lowest = min(float(halt.move_pct) for halt in rules.index_halts if halt.before is None or hour < halt.before.hour * 3600)
    before = moves[0] + (moves[1] - moves[0]) * begins / 14_400
    return Fall(begins, max(lowest / 100 * (0.92 + 0.05 * draw[1]) + before, 0.02))


def _sellers(count: Ints, fall: Fall) -> list[Run]:
    """Return what is traded in the fall: enough before it for an average."""
    sizes = np.where(count >= _LIVELY, _FALL_TRADES, _FEW_TRADES).tolist()
    return [Run(owner, size, fall.begins - _FALL_SECONDS // 2, _FALL_SECONDS) for owner, size in enumerate(sizes)]


def fallen(fall: Fall, since_opening: Ints) -> Floats:
    """Return by which share of `depth` prices are down at such seconds: 0 before, 1 at the bottom, 0 when all is over."""
    since = (since_opening - fall.begins).astype(np.float64)
    back = (since - _FALLING - _STAYING) / _RECOVERING
    return np.clip(np.minimum(since / _FALLING, 1.0 - np.maximum(back, 0.0)), 0.0, 1.0)
