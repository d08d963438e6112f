"""The simulated market, session after session from the epoch on; the past never changes, so every session is kept."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Lock

import numpy as np

from engine.market.rules import MarketRules, rules_on
from engine.sources.simulated.bits import Bits, Bools, Floats, Ints, Stream, normal, raw_bits, uniform
from engine.sources.simulated.days import EPOCH, is_session
from engine.sources.simulated.events import NONE, events_of
from engine.sources.simulated.listings import SECTORS, Listings, listings
from engine.sources.simulated.trades import Bars, Plan, Trades, band, bars_of, on_grid, trades_of

INDEX_BASE = 2_000.0
_HALT_ONE_IN = 150  # sessions
_BUSIEST = 400  # trades of one symbol
_YEAR = 365
_MARKET_DEVIATION, _MARKET_LIMIT, _SECTOR_DEVIATION = 0.011, 0.035, 0.004
_REGIMES = (0.6, 0.8, 1.0, 1.0, 1.5)  # volatility of a month
_PULL, _PULL_LIMIT = 0.002, 0.005  # a day, toward the anchor: prices stay plausible for decades


@dataclass(frozen=True, slots=True)
class Session:
    """One simulated session: what was decided, its bars, and the index."""

    day: date
    number: int  # 0 for the first
    plan: Plan
    bars: Bars
    previous: Ints  # Prev. Close as published, one a traded symbol: restated for corporate actions, 0 on the first day of a listing
    halted: bool
    index: float
    previous_index: float


@dataclass(frozen=True, slots=True)
class Averages:
    """What the daily file says of a symbol's past, one entry a traded symbol, in paisa; -1 stands for null."""

    average_120d: Ints
    average_180d: Ints
    high_52w: Ints
    low_52w: Ints


class Market:
    """Every session from the epoch to the last date asked for, simulated once and in order."""

    def __init__(self, *, seed: int, symbols: int) -> None:
        self.seed = seed
        self.listings: Listings = listings(seed, symbols)
        self.sessions: list[Session] = []
        self._numbers: dict[date, int] = {}
        self._simulated_to = EPOCH - timedelta(days=1)
        self._close = self.listings.anchor.copy()
        self._appeared: Bools = self.listings.listed < EPOCH.toordinal()
        self._first_number = np.zeros(len(self.listings), dtype=np.int64)
        self._index = INDEX_BASE
        self._past = np.zeros((3, 512, len(self.listings)), dtype=np.int64)  # close (carried), high, low by session
        self._ordinals: list[int] = []
        self._lock = Lock()  # the console asks from several threads

    def session(self, day: date) -> Session | None:
        """Return the session of `day`, or None if the market was closed."""
        self.advance(day)
        number = self._numbers.get(day)
        return None if number is None else self.sessions[number]

    def last_session(self, day: date) -> Session | None:
        """Return the newest session at or before `day`, or None before the first."""
        while day >= EPOCH:
            found = self.session(day)
            if found is not None:
                return found
            day -= timedelta(days=1)
        return None

    def advance(self, day: date) -> None:
        """Simulate every session up to `day` that is not simulated yet."""
        if day <= self._simulated_to:
            return
        with self._lock:
            while self._simulated_to < day:
                self._simulated_to += timedelta(days=1)
                if is_session(self.seed, self._simulated_to):
                    self._trade(self._simulated_to)

    def trades(self, session: Session) -> Trades:
        """Return the trades of a session, drawn again from the same bits."""
        return trades_of(self.seed, session.plan)

    def _trade(self, day: date) -> None:
        self._close = self._restated(day.toordinal())
        plan, published, halted = self._decide(day)
        bars = bars_of(plan, trades_of(self.seed, plan))
        previous_index, number = self._index, len(self.sessions)
        self._index = self._moved_index(plan, bars)
        self._close[plan.traded] = bars.close
        self._remember(day, plan, bars)
        self._appeared[plan.traded] = True
        self.sessions.append(Session(day, number, plan, bars, published, halted, self._index, previous_index))
        self._numbers[day] = number

    def _decide(self, day: date) -> tuple[Plan, Ints, bool]:
        """Decide which symbols trade, how often, and where their prices end; also the published Prev. Close and whether trading halts."""
        paper, rules, ordinal = self.listings, rules_on(day), day.toordinal()
        size, sectors = len(paper), len(SECTORS)
        bits = raw_bits(self.seed, Stream.MARKET, key=ordinal, count=2 * size + 2 * sectors + 4)
        halted = int(bits[0] % np.uint64(_HALT_ONE_IN)) == 0 and bool(self.sessions)
        listed = (paper.listed <= ordinal) & (ordinal < paper.delisted)
        is_new = listed & ~self._appeared
        chance = paper.chance * (0.85 if halted else 1.0)
        traded = np.flatnonzero(listed & ((uniform(bits[-size:]) < chance) | is_new))
        noise = normal(bits[4 : 4 + size])
        if halted:
            move = self._halting_move(rules, traded, rises=bool(bits[1] & np.uint64(1))) + noise * paper.deviation * 0.1
        else:
            move = self._ordinary_move(bits, noise, day)

        previous = self._close[traded]
        tick = self._tick(rules)[traded]
        lower, upper = band(previous, tick, int(rules.band_pct))
        last = np.clip(on_grid(previous * (1.0 + move[traded]), tick), lower, upper)
        luck = uniform(bits[-size:])[traded] / paper.chance[traded]  # what is left of the draw, again in [0, 1)
        gap = 0.2 + 0.2 * luck  # the share of the move that happens before the first trade
        first = np.clip(on_grid(previous + (last - previous) * gap, tick), lower, upper)
        busy = paper.activity[traded] * (0.5 + luck) * (1.0 + 25.0 * np.abs(move[traded])) * (0.04 if halted else 1.0)
        count = np.clip(busy.astype(np.int64), 1, _BUSIEST)
        first = np.where(count == 1, last, first)
        moves = (float((first / previous).mean()) - 1.0, float((last / previous).mean()) - 1.0)
        events = NONE if halted else events_of(self.seed, rules, count, first, moves)
        plan = Plan(ordinal, traded, count + events.more(len(count)), first, last, lower, upper, tick, halted, events)
        return plan, np.where(is_new[traded], 0, previous), halted

    def _tick(self, rules: MarketRules) -> Ints:
        return np.where(self.listings.is_fund, int(rules.tick_funds * 100), int(rules.tick_shares * 100))

    def _ordinary_move(self, bits: Bits, noise: Floats, day: date) -> Floats:
        paper, sectors = self.listings, len(SECTORS)
        month = raw_bits(self.seed, Stream.MARKET, key=day.year * 12 + day.month, count=1)
        regime = _REGIMES[int(month[0] % np.uint64(len(_REGIMES)))]
        of_market = np.clip(normal(bits[2:3]) * _MARKET_DEVIATION * regime, -_MARKET_LIMIT, _MARKET_LIMIT)
        start = 4 + len(paper)
        of_sector = normal(bits[start : start + sectors]) * _SECTOR_DEVIATION
        pull = np.clip((paper.anchor / self._close - 1.0) * _PULL, -_PULL_LIMIT, _PULL_LIMIT)
        shared = (of_market + of_sector[paper.sector]) * paper.beta
        return np.asarray(shared + noise * paper.deviation * regime + pull)

    def _members(self, among: Ints) -> Ints:
        """Return which of `among` the index counts: ordinary shares that had a price before."""
        return among[self.listings.is_equity[among] & self._appeared[among]]

    def _capital(self, members: Ints) -> int:
        return int((self._close[members] * self.listings.shares[members]).sum())

    def _halting_move(self, rules: MarketRules, traded: Ints, *, rises: bool) -> float:
        """Return the move of every traded share that takes the index just past the level that ends the session."""
        everything = self._capital(self._members(np.flatnonzero(self._listed_now(rules.day))))
        moving = self._capital(self._members(traded))
        size = float(rules.day_halt_pct) / 100.0 * 1.005 * (everything / moving)
        return size if rises else -size

    def _listed_now(self, day: date) -> Bools:
        ordinal = day.toordinal()
        return (self.listings.listed <= ordinal) & (ordinal < self.listings.delisted)

    def _moved_index(self, plan: Plan, bars: Bars) -> float:
        """Return the index after a session: capital of its members after, over capital before, both in whole paisa."""
        members = self._members(np.flatnonzero(self._listed_now(date.fromordinal(plan.ordinal))))
        before = self._capital(members)
        after = self._close.copy()
        after[plan.traded] = bars.close
        capital = int((after[members] * self.listings.shares[members]).sum())
        return self._index * (capital / before)

    def _restated(self, ordinal: int) -> Ints:
        """Return the last closes, restated where a book closure lies between the session before and this one."""
        paper = self.listings
        since = ordinal - self.sessions[-1].plan.ordinal if self.sessions else 1
        age = (ordinal - EPOCH.toordinal() - paper.closure_day) % _YEAR
        due = (age < since) & self._appeared & (paper.bonus_pct + paper.cash > 0)
        without_bonus = (self._close * 200 + (100 + paper.bonus_pct)) // (2 * (100 + paper.bonus_pct))
        return np.where(due, np.maximum(without_bonus - paper.cash, without_bonus // 2), self._close)

    def _remember(self, day: date, plan: Plan, bars: Bars) -> None:
        number = len(self.sessions)
        if number == self._past.shape[1]:
            self._past = np.concatenate([self._past, np.zeros_like(self._past)], axis=1)
        close, high, low = self._past[:, number]
        close[:], high[:], low[:] = self._close, 0, np.iinfo(np.int64).max
        high[plan.traded], low[plan.traded] = bars.high, bars.low
        self._first_number[plan.traded[~self._appeared[plan.traded]]] = number
        self._ordinals.append(day.toordinal())

    def averages(self, session: Session) -> Averages:
        """Return the averages and limits published with a session, from the market's own past.

        As the real site does: an average is 0 until its window is full; in the first three sessions of a listing it is null.
        """
        traded, number = session.plan.traded, session.number
        own = number + 1 - self._first_number[traded]

        def average(window: int) -> Ints:
            closes = self._past[0, max(0, number + 1 - window) : number + 1]
            known = np.where(own >= window, (2 * closes.sum(axis=0)[traded] + window) // (2 * window), 0)
            return np.where((own <= 3) & (self._first_number[traded] > 0), -1, known)  # noqa: PLR2004

        year_ago = bisect_left(self._ordinals, session.plan.ordinal - 364)
        return Averages(
            average_120d=average(120),
            average_180d=average(180),
            high_52w=self._past[1, year_ago : number + 1].max(axis=0)[traded],
            low_52w=self._past[2, year_ago : number + 1].min(axis=0)[traded],
        )

    def book_closures(self, until: date) -> dict[str, tuple[date, ...]]:
        """Return the announced book closures of every symbol up to `until`."""
        paper = self.listings
        closures: dict[str, tuple[date, ...]] = {}
        for n in np.flatnonzero(paper.bonus_pct + paper.cash > 0).tolist():  # a symbol has a handful of dates: not a matter for arrays
            first = EPOCH.toordinal() + int(paper.closure_day[n])
            ordinals = range(first, until.toordinal() + 1, _YEAR)
            closures[paper.symbols[n]] = tuple(date.fromordinal(o) for o in ordinals if paper.listed[n] < o < paper.delisted[n])
        return closures
