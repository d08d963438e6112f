"""What the gold layer holds: every feature with its unit, its warm-up and its meaning, and the schema that follows."""

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa


class Unit(StrEnum):
    """What a feature is counted in."""

    RATIO = "ratio"
    PERCENT = "percent"
    NPR = "npr"
    DEVIATIONS = "standard deviations"
    INDEX = "0 to 100"


@dataclass(frozen=True, slots=True)
class Feature:
    """One gold column; `warm_up` is how many own sessions a symbol needs before its first value."""

    name: str
    unit: Unit
    warm_up: int
    meaning: str


FEATURES = (
    Feature(
        "daily_return", Unit.RATIO, 1, "Close / Prev. Close - 1, against the exchange's own Prev. Close, restated after corporate actions"
    ),
    Feature("log_return", Unit.RATIO, 1, "Natural logarithm of Close / Prev. Close"),
    Feature("sma_5", Unit.NPR, 5, "Mean of the last 5 closes"),
    Feature("sma_20", Unit.NPR, 20, "Mean of the last 20 closes"),
    Feature("ema_12", Unit.NPR, 12, "Exponential average of closes, weight 2/13, begun as the mean of the first 12"),
    Feature("ema_26", Unit.NPR, 26, "Exponential average of closes, weight 2/27, begun as the mean of the first 26"),
    Feature("macd", Unit.NPR, 26, "ema_12 - ema_26"),
    Feature("macd_signal", Unit.NPR, 34, "Exponential average of macd, weight 2/10, begun as the mean of its first 9 values"),
    Feature("rsi_14", Unit.INDEX, 15, "Wilder's relative strength of 14 changes of the close; none for a close that never moved"),
    Feature("bollinger_upper", Unit.NPR, 20, "sma_20 plus two population standard deviations of the last 20 closes"),
    Feature("bollinger_lower", Unit.NPR, 20, "sma_20 minus two population standard deviations of the last 20 closes"),
    Feature("atr_14", Unit.NPR, 15, "Wilder's average of 14 true ranges"),
    Feature("volatility_20", Unit.RATIO, 20, "Sample standard deviation of the last 20 log returns; not annualised"),
    Feature(
        "volume_z_20", Unit.DEVIATIONS, 20, "Volume against mean and sample standard deviation of the last 20 volumes, today's included"
    ),
    Feature("range_pct", Unit.PERCENT, 1, "(High - Low) / Low, in percent"),
    Feature("turnover_share", Unit.RATIO, 1, "Turnover as a share of the turnover of all rows of the session"),
)

GOLD_SCHEMA = pa.schema(
    [("session", pa.date32()), ("symbol", pa.string()), *((feature.name, pa.float64()) for feature in FEATURES)],
)
