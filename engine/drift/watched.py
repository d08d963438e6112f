"""What is watched of every session: distributions over its rows, rates and levels of the whole; none of them a raw price level."""

from dataclasses import dataclass
from enum import StrEnum

CLOSE_MEANING, TICK = "close_meaning", "tick_shares"  # rules of the exchange (engine/market/rules.py)


class Kind(StrEnum):
    """How a feature is watched."""

    DISTRIBUTION = "distribution"  # one value a row: distances between samples
    RATE = "rate"  # one value a session: its distance from the sessions before
    MARKET = "market"  # one value a session that says what the market did: shown, never a fault of the data


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that is watched. `smallest` is the least deviation that a level is counted in: what moves less is no news."""

    name: str
    title: str
    kind: Kind
    unit: str
    smallest: float
    meaning: str
    moves_with_market: bool = True  # a session that the index has halted moves it by itself
    restarted_by: tuple[str, ...] = ()  # rules of the exchange whose change begins its reference anew


_D, _R, _M = Kind.DISTRIBUTION, Kind.RATE, Kind.MARKET

FEATURES: tuple[Feature, ...] = (
    Feature("log_return", "Return", _D, "MAD", 0.02, "ln(close / previous close) less the session's median, in the session's MAD"),
    Feature("log_volume", "Volume", _D, "ln", 0.02, "ln volume less the symbol's own median of 60 sessions, less the session's median"),
    Feature("trade_size", "Shares a trade", _D, "ln", 0.02, "ln(volume / trades) less the symbol's own median of 60 sessions"),
    Feature("range", "Day's range", _D, "medians", 0.02, "(high - low) / previous close, in medians of the session"),
    Feature(
        "close_location",
        "Close in the range",
        _D,
        "share",
        0.02,
        "(close - low) / (high - low): 0 at the low, 1 at the high",
        restarted_by=(CLOSE_MEANING,),
    ),
    Feature(
        "gap",
        "Opening gap",
        _D,
        "MAD",
        0.02,
        "ln(open / previous close) less the session's median, in MADs of its returns",
        restarted_by=(CLOSE_MEANING,),
    ),
    Feature(
        "off_grid",
        "Closes off the tick grid",
        _R,
        "share",
        0.01,
        "share of closes of shares that are no multiple of the tick: a trade's price always is",
        moves_with_market=False,
        restarted_by=(CLOSE_MEANING, TICK),
    ),
    Feature(
        "close_not_last",
        "Close is not the last price",
        _R,
        "share",
        0.01,
        "share of rows whose close is not the last traded price, of files that name both",
        moves_with_market=False,
        restarted_by=(CLOSE_MEANING,),
    ),
    Feature(
        "equal_columns",
        "One column equals another",
        _R,
        "share",
        0.03,
        "share of rows in which two columns are the same; the pair that moved most",
        restarted_by=(CLOSE_MEANING,),
    ),
    Feature(
        "repeated",
        "Repeats the session before",
        _R,
        "share",
        0.01,
        "share of symbols whose close and volume are those of the session before",
        moves_with_market=False,
    ),
    Feature(
        "nulls", "Empty cells", _R, "share", 0.01, "share of rows without a value; the column that moved most", moves_with_market=False
    ),
    Feature("zeros", "Zeros", _R, "share", 0.01, "share of rows with a zero; the column that moved most", moves_with_market=False),
    Feature("rows", "Rows", _R, "ln", 0.01, "ln of the number of rows"),
    Feature(
        "missing_symbols", "Usual symbols missing", _R, "share", 0.01, "share of symbols of at least 18 of the last 20 sessions, absent"
    ),
    Feature(
        "new_symbols", "New symbols", _R, "share", 0.01, "share of symbols that no session of the last 60 had", moves_with_market=False
    ),
    Feature(
        "missing_sector",
        "A sector missing",
        _R,
        "share",
        0.10,
        "share of a sector's usual symbols that are absent; the sector that lost most",
    ),
    Feature(
        "reconciliation",
        "Turnover does not add up",
        _R,
        "share",
        0.01,
        "share of rows whose turnover is not volume times average price, to half a percent",
        moves_with_market=False,
    ),
    Feature(
        "set_aside", "Lines set aside", _R, "share", 0.01, "share of the file's lines that the gate set aside", moves_with_market=False
    ),
    Feature("market_return", "Market's move", _M, "ln", 0.002, "median of ln(close / previous close) over the rows"),
    Feature("dispersion", "Dispersion", _M, "ln", 0.05, "ln of the MAD of the returns: how far symbols go their own ways"),
    Feature("activity", "Activity", _M, "ln", 0.05, "median of ln volume less the symbol's own median of 60 sessions"),
)
WATCHED = {feature.name: feature for feature in FEATURES}
DISTRIBUTIONS = tuple(feature.name for feature in FEATURES if feature.kind is Kind.DISTRIBUTION)
LEVELS = tuple(feature.name for feature in FEATURES)  # a distribution's level is its mean
SECTOR_MIX, SYMBOLS, SECTORS = "sector_mix", "symbols", "sectors"  # watched by statistics of their own
BY_SECTOR = ("log_return", "log_volume", "trade_size", "close_location")
BY_SYMBOL = ("log_return", "log_volume")
