"""What features, statistics and restarts are called wherever people read of them; JSON keeps the identifiers."""

from collections.abc import Mapping

from engine.drift.judging import CRAMERS_V, CUSUM, DISCOVERIES, PAGE_HINKLEY, Z
from engine.drift.watched import CLOSE_MEANING, SECTOR_MIX, SECTORS, SYMBOLS, TICK, WATCHED
from engine.market.rules import CloseMeaning

TITLES: Mapping[str, str] = {name: feature.title for name, feature in WATCHED.items()} | {
    SECTOR_MIX: "Mix of sectors",
    SYMBOLS: "Symbols far from their own past",
    SECTORS: "Sectors far from their own past",
}
STATISTICS: Mapping[str, str] = {
    "ks": "Kolmogorov-Smirnov",
    "psi": "stability index",
    "wasserstein": "Wasserstein",
    "jensen_shannon": "Jensen-Shannon",
    Z: "z of the session",
    CUSUM: "CUSUM",
    PAGE_HINKLEY: "Page-Hinkley",
    CRAMERS_V: "Cramér's V",
    DISCOVERIES: "share that is no chance",
}
_COLUMNS: Mapping[str, str] = {
    "last_price": "last price",
    "vwap": "average price",
    "previous_close": "previous close",
    "market_return": "market's move",
}
_MEANS: Mapping[object, str] = {CloseMeaning.LAST_PRICE: "the last price", CloseMeaning.AVERAGED: "an average of prices"}


def part_named(part: str) -> str:
    """Return a part of a feature in words: a sector, a column, or two columns that are the same."""
    return " = ".join(_COLUMNS.get(column, column) for column in part.split("="))


def rule_named(rule: str, value: object) -> str:
    """Say what a rule of the exchange declares from a session on; no date, for it is told of that session."""
    said = {CLOSE_MEANING: f"the close means {_MEANS.get(value, value)}", TICK: f"prices of shares go by NPR {value}"}
    return f"{said[rule]} from this session on, by the rules of the exchange"
