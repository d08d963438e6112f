"""The rules of a row that other engines can say, over a pandas frame: `True` where the row is right."""

from collections.abc import Callable
from typing import Any

MONEY = ("open", "high", "low", "close", "last_price", "vwap", "previous_close", "turnover", "change", "range", "high_52w", "low_52w")
ROUNDING = 1e-6

RULES: dict[str, Callable[[Any], Any]] = {
    "values_present": lambda frame: (
        frame[["open", "high", "low", "close", "vwap", "previous_close", "volume", "turnover", "trades"]].notna().all(axis=1)
    ),
    "positive_prices": lambda frame: (frame[["open", "high", "low", "close", "vwap", "last_price"]] > 0).all(axis=1),
    "volume_positive": lambda frame: (frame["volume"] > 0) & (frame["turnover"] > 0),
    "high_not_below_low": lambda frame: frame["high"] >= frame["low"] - ROUNDING,
    "open_inside_range": lambda frame: _inside(frame, "open"),
    "close_inside_range": lambda frame: _inside(frame, "close"),
    "last_price_inside_range": lambda frame: _inside(frame, "last_price"),
    "price_band": lambda frame: (frame["close"] / frame["previous_close"] - 1).abs() <= 0.1005,  # noqa: PLR2004, the exchange's band
    "turnover_matches": lambda frame: (frame["vwap"] * frame["volume"] - frame["turnover"]).abs() <= 0.01 * frame["turnover"] + 1,
    "change_matches": lambda frame: (frame["close"] - frame["previous_close"] - frame["change"]).abs() <= 0.01,  # noqa: PLR2004, NPR
    "range_matches": lambda frame: (frame["high"] - frame["low"] - frame["range"]).abs() <= 0.01,  # noqa: PLR2004, NPR
    "inside_52_weeks": lambda frame: (frame["close"] <= frame["high_52w"]) & (frame["close"] >= frame["low_52w"]),
}


def _inside(frame: Any, column: str) -> Any:
    return (frame[column] <= 1.1 * frame["high"]) & (frame[column] >= 0.9 * frame["low"])


def frame_of(columns: dict[str, Any]) -> Any:
    """Return the rows as a pandas frame of floats and counts."""
    import pandas as pd  # noqa: PLC0415, the environments of the rivals have pandas of their own

    money = {name: columns[name] / 100.0 for name in MONEY}
    return pd.DataFrame({"symbol": columns["symbol"], **money, "volume": columns["volume"], "trades": columns["trades"]})
