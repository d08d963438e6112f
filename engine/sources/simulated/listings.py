"""The simulated securities: what is listed, from when until when, and how each tends to move and trade.

Every symbol starts with X so that nobody takes it for a real one.
"""

from dataclasses import dataclass
from itertools import product
from string import ascii_uppercase

import numpy as np

from engine.sources.simulated.bits import Bools, Floats, Ints, Stream, raw_bits
from engine.sources.simulated.days import EPOCH

FOREVER = 10_000_000  # an ordinal far beyond datetime's last
EQUITY, PROMOTER, DEBENTURE, FUND = "Equity", "Promoter Share", "Non-Convertible Debentures", "Mutual Funds"

# Sector, letters in the symbol, share of all equities in per mille, usual price in NPR; proportions as in the exchange's list.
_SECTORS = (
    ("Commercial Banks", "BK", 70, 260),
    ("Development Banks", "DB", 60, 420),
    ("Finance", "FN", 55, 520),
    ("Microfinance", "MF", 180, 950),
    ("Hydro Power", "HP", 380, 350),
    ("Life Insurance", "LI", 50, 620),
    ("Non Life Insurance", "NI", 50, 700),
    ("Manufacturing And Processing", "MP", 65, 1_900),
    ("Hotels And Tourism", "HT", 30, 800),
    ("Investment", "IV", 30, 450),
    ("Tradings", "TR", 10, 2_600),
    ("Others", "OT", 20, 1_100),
)
_FUND_SECTOR = len(_SECTORS)
SECTORS = (*(name for name, *_ in _SECTORS), "Mutual Fund")
_PROMOTER_SHARE, _DEBENTURE_SHARE, _FUND_SHARE = 20, 20, 18  # one in so many listed securities
_LIFECYCLE_DAYS = 25  # one listing and one delisting every so many days ...
_LIFECYCLES = 80  # ... for so many times: five and a half years


@dataclass(frozen=True, slots=True)
class Listings:
    """Every security that is ever listed, as arrays in order of symbol; money in paisa, dates as ordinals."""

    symbols: tuple[str, ...]
    names: tuple[str, ...]
    instruments: tuple[str, ...]
    sector: Ints  # position in SECTORS
    is_fund: Bools
    is_equity: Bools
    anchor: Ints  # the price it is drawn back to, and listed at
    shares: Ints  # thousands of shares
    beta: Floats
    deviation: Floats  # of its own daily return
    activity: Floats  # usual number of trades a session
    chance: Floats  # that it trades at all in a session
    listed: Ints
    delisted: Ints
    closure_day: Ints  # book closure, in days of a 365-day year counted from the epoch
    bonus_pct: Ints
    cash: Ints  # dividend a share

    def __len__(self) -> int:
        return len(self.symbols)


@dataclass(frozen=True, slots=True)
class _Kind:
    symbol: str
    name: str
    instrument: str
    sector: int
    price: int  # NPR


def _letters(number: int) -> str:
    return ascii_uppercase[number // 26 % 26] + ascii_uppercase[number % 26]


def _equities(count: int) -> list[_Kind]:
    """Return `count` ordinary shares spread over the sectors, the largest remainder to hydropower."""
    sizes = [max(1, count * per_mille // 1000) for _, _, per_mille, _ in _SECTORS]
    sizes[4] = max(1, sizes[4] + count - sum(sizes))
    kinds = []
    for sector, ((name, code, _, price), size) in enumerate(zip(_SECTORS, sizes, strict=True)):
        kinds += [_Kind(f"X{code}{_letters(n)}", f"Simulated {name} {n + 1} Ltd.", EQUITY, sector, price) for n in range(size)]
    return kinds


def _kinds(count: int) -> list[_Kind]:
    """Return the securities listed on the first day."""
    promoters, debentures, funds = count // _PROMOTER_SHARE, count // _DEBENTURE_SHARE, count // _FUND_SHARE
    equities = _equities(count - promoters - debentures - funds)
    every = max(1, len(equities) // max(promoters, 1))
    of_promoters = [
        _Kind(f"{e.symbol}{'PO' if n % 3 == 0 else 'P'}", f"{e.name} Promoter Share", PROMOTER, e.sector, e.price * 6 // 10)
        for n, e in enumerate(equities[::every][:promoters])
    ]
    issuers = [e for e in equities if e.sector <= 1] or equities
    maturities = [f"D{year}/{year + 1}" for year in range(84, 92)] + [f"D{year}" for year in range(2084, 2092)]
    of_debentures = [
        _Kind(f"{e.symbol}{maturity}", f"{e.name} Debenture {maturity[1:]}", DEBENTURE, e.sector, 1_000)
        for (maturity, e), _ in zip(product(maturities, issuers), range(debentures), strict=False)
    ]
    of_funds = [_Kind(f"XSF{n + 1}", f"Simulated Growth Fund {n + 1}", FUND, _FUND_SECTOR, 10) for n in range(funds)]
    return [*equities, *of_promoters, *of_debentures, *of_funds]


def _newcomers(count: int) -> list[_Kind]:
    """Return what is listed later: mostly hydropower, as in reality."""
    sector = 4
    return [
        _Kind(f"XNEW{_letters(n)}", f"Simulated Newcomer {n + 1} Ltd.", EQUITY, sector, 300)
        if n % 4
        else _Kind(f"XNEW{_letters(n)}D{2091 + n}", f"Simulated Debenture {2091 + n}", DEBENTURE, 0, 1_000)
        for n in range(count)
    ]


def listings(seed: int, count: int) -> Listings:
    """Return `count` securities listed on the first day and those that replace them, one by one, later."""
    turns = min(_LIFECYCLES, count // 4)
    kinds = _kinds(count) + _newcomers(turns)
    first = EPOCH.toordinal()
    start = np.full(len(kinds), first - 1, dtype=np.int64)
    end = np.full(len(kinds), FOREVER, dtype=np.int64)
    turn = np.arange(1, turns + 1, dtype=np.int64)
    start[len(kinds) - turns :] = first + turn * _LIFECYCLE_DAYS
    leaving = raw_bits(seed, Stream.LISTINGS, key=1, count=count).argsort(kind="stable")[:turns]
    end[leaving] = first + turn * _LIFECYCLE_DAYS - _LIFECYCLE_DAYS // 2
    by_symbol = sorted(range(len(kinds)), key=lambda n: kinds[n].symbol)
    kinds = [kinds[n] for n in by_symbol]
    return _with_character(seed, kinds, start=start[by_symbol], end=end[by_symbol])


def _with_character(seed: int, kinds: list[_Kind], *, start: Ints, end: Ints) -> Listings:
    size = len(kinds)
    draws = [raw_bits(seed, Stream.LISTINGS, key=10 + n, count=size) for n in range(5)]
    price, beta, deviation, activity = (((bits >> np.uint64(11)).astype(np.float64) * 2.0**-53) for bits in draws[:4])
    instruments = tuple(kind.instrument for kind in kinds)
    is_fund = np.array([instrument == FUND for instrument in instruments])
    is_equity = np.array([instrument == EQUITY for instrument in instruments])
    is_promoter = np.array([instrument == PROMOTER for instrument in instruments])
    usual = np.array([kind.price * 100 for kind in kinds], dtype=np.float64)
    spread = np.where(is_equity | is_promoter, 0.5 + 1.2 * price, 0.9 + 0.2 * price)
    tick = np.where(is_fund, 1, 10)
    years = (draws[4] % np.uint64(6)).astype(np.int64)
    return Listings(
        symbols=tuple(kind.symbol for kind in kinds),
        names=tuple(kind.name for kind in kinds),
        instruments=instruments,
        sector=np.array([kind.sector for kind in kinds], dtype=np.int64),
        is_fund=is_fund,
        is_equity=is_equity,
        anchor=np.rint(usual * spread / tick).astype(np.int64) * tick,
        shares=1_000 + (draws[4] >> np.uint64(32)).astype(np.int64) % 200_000,
        beta=np.where(is_equity, 0.7 + 0.6 * beta, np.where(is_fund, 0.3, np.where(is_promoter, 0.5, 0.0))),
        deviation=np.where(is_equity, 0.008 + 0.012 * deviation, np.where(is_promoter, 0.025, 0.006)),
        activity=np.where(is_equity, 8.0 / (0.15 + activity), np.where(is_fund, 6.0, 2.0)),
        chance=np.where(is_equity, 0.985, np.where(is_fund, 0.85, np.where(is_promoter, 0.08, 0.2))),
        listed=start,
        delisted=end,
        closure_day=(draws[4] >> np.uint64(8)).astype(np.int64) % 365,
        bonus_pct=np.where(is_equity, np.array([0, 0, 5, 8, 10, 15])[years], 0),
        cash=np.where(is_equity, np.array([0, 500, 0, 300, 400, 79])[years], 0),
    )
