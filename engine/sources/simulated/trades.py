"""The trades of one session and the bars that follow from them.

The trades come first and the daily file is their sum, so that ticks and file agree by construction. Some 6,000 to 20,000 trades a session
(a few hundred when the index halts it) against 70,000 on the real exchange: enough for every symbol, and cheap.
"""

from dataclasses import dataclass

import numpy as np

from engine.sources.simulated.bits import Floats, Ints, Stream, part, raw_bits
from engine.sources.simulated.events import NONE, Events, fallen
from engine.sources.simulated.times import SECOND, times_of

BOARD_LOT = 10  # smaller trades count for volume, turnover and number, not for open, high, low and close
_ODD_ONE_IN = 200
_USUAL_AMOUNT = 2_000_000.0  # paisa of a typical trade
_INTRADAY = 0.007  # how far a price wanders within a session, as a share of it
_FAR = np.int64(2**62)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is decided of a session before its trades are: one entry a traded symbol, prices in paisa on the tick grid."""

    ordinal: int
    traded: Ints  # positions in the listings
    count: Ints  # trades
    first: Ints  # price of the first trade
    last: Ints  # price of the last trade
    lower: Ints
    upper: Ints
    tick: Ints
    halted: bool = False  # by the index
    events: Events = NONE


@dataclass(frozen=True, slots=True)
class Trades:
    """All trades of a session, by symbol, within a symbol in order of time."""

    owner: Ints  # position in `Plan.traded`
    time: Ints  # microseconds after the opening
    quantity: Ints
    price: Ints


@dataclass(frozen=True, slots=True)
class Bars:
    """One bar a traded symbol; prices and turnover in paisa."""

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    turnover: Ints
    trades: Ints
    vwap: Ints


def trades_of(seed: int, plan: Plan) -> Trades:
    """Draw the trades of a session: a walk from the first price to the last, inside the band, on the tick grid."""
    total = int(plan.count.sum())
    bits = raw_bits(seed, Stream.TRADES, key=plan.ordinal, count=total)
    ends = np.cumsum(plan.count) - 1
    starts = ends - plan.count + 1
    owner = np.repeat(np.arange(len(plan.count)), plan.count)
    place = np.arange(total) - starts[owner]
    fraction = place / np.maximum(plan.count - 1, 1)[owner]

    walk = np.cumsum(part(bits, 0) - part(bits, 1))
    walk -= walk[starts][owner]
    bridge = walk - walk[ends][owner] * fraction  # starts and ends at nought
    # A step of `walk` deviates by 65,536 / sqrt(6); the bridge's middle by half of that times the root of the count.
    scale = plan.first * (_INTRADAY * 2 * 2.4495 / 65_536.0) / np.sqrt(plan.count)
    tick = plan.tick[owner]
    lower, upper = plan.lower[owner], plan.upper[owner]
    exact = plan.first[owner] + (plan.last - plan.first)[owner] * fraction + bridge * scale[owner]
    price = np.clip(np.rint(exact / tick).astype(np.int64) * tick, lower, upper)

    odd = part(bits, 3)
    is_odd = (odd % _ODD_ONE_IN == 0) & (place > 0)
    is_odd[ends] = False  # the first and the last trade make open and close
    typical = np.clip(_USUAL_AMOUNT / plan.first, 10.0, 2_000.0)
    quantity = BOARD_LOT + (typical[owner] / (part(bits, 2) / 65_536.0 + 0.03)).astype(np.int64)
    quantity[is_odd] = 1 + odd[is_odd] // _ODD_ONE_IN % (BOARD_LOT - 1)
    # Odd lots trade a little away from the market, which is why the exchange leaves them out of the bar.
    price[is_odd] = np.maximum(price[is_odd] - 3 * tick[is_odd], lower[is_odd])
    time = times_of(seed, plan.ordinal, plan.count, plan.events, halted=plan.halted)
    trades = Trades(owner, time, quantity, price)
    _put_in(plan, trades, starts, ends)
    return trades


def _put_in(plan: Plan, trades: Trades, starts: Ints, ends: Ints) -> None:
    """Make the day's events of trades that are there; a symbol's first and last stay, which make its open and close."""
    if plan.events.fall is not None:
        share = 0.8 + np.arange(len(plan.count)) * 37 % 41 / 100.0  # how much a symbol takes part
        down = fallen(plan.events.fall, trades.time // SECOND) * (plan.events.fall.depth * share[trades.owner])
        down[starts] = down[ends] = 0.0
        where = np.flatnonzero(down)
        _reprice(plan, trades, where, 1.0 - down[where])
    for run in plan.events.runs:  # a handful
        own = trades.time[starts[run.owner] : ends[run.owner]]
        last = int(starts[run.owner] + np.searchsorted(own, (run.begins + run.seconds) * SECOND) - 1)
        if run.jump and last > starts[run.owner]:
            trades.quantity[last] = max(trades.quantity[last], BOARD_LOT)
            _reprice(plan, trades, np.array([last]), np.array([1.0 + run.jump]))
    block = plan.events.block
    if block is not None and plan.count[block.owner] > 2:  # noqa: PLR2004, a first, a last and one more
        place = starts[block.owner] + 1 + int(block.share * (plan.count[block.owner] - 2))
        trades.quantity[place] = block.quantity


def _reprice(plan: Plan, trades: Trades, where: Ints, times: Floats) -> None:
    owner = trades.owner[where]
    price = np.rint(trades.price[where] * times / plan.tick[owner]).astype(np.int64) * plan.tick[owner]
    trades.price[where] = np.clip(price, plan.lower[owner], plan.upper[owner])


def bars_of(plan: Plan, trades: Trades) -> Bars:
    """Add the trades up to bars: prices over trades of at least a board lot, sums over all (the exchange's own rule)."""
    starts = np.cumsum(plan.count) - plan.count
    counts = trades.quantity >= BOARD_LOT
    final = np.maximum.reduceat(np.where(counts, np.arange(len(counts)), -1), starts)
    amount = trades.quantity * trades.price
    volume = np.add.reduceat(trades.quantity, starts)
    turnover = np.add.reduceat(amount, starts)
    return Bars(
        open=trades.price[starts],
        high=np.maximum.reduceat(np.where(counts, trades.price, -1), starts),
        low=np.minimum.reduceat(np.where(counts, trades.price, _FAR), starts),
        close=trades.price[final],
        volume=volume,
        turnover=turnover,
        trades=plan.count,
        vwap=(2 * turnover + volume) // (2 * volume),
    )


def band(previous: Ints, tick: Ints, band_pct: int) -> tuple[Ints, Ints]:
    """Return the lowest and highest price on the tick grid within `band_pct` percent of `previous`."""
    lower = -(-previous * (100 - band_pct) // (100 * tick)) * tick
    upper = previous * (100 + band_pct) // (100 * tick) * tick
    return lower, upper


def on_grid(price: Floats, tick: Ints) -> Ints:
    """Return the prices rounded to the tick."""
    return np.rint(price / tick).astype(np.int64) * tick
