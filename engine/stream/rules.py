"""The rules that raise alerts on trades: each a limit that operators turn, and one small function that scores every trade of a batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from engine.errors import UsageError
from engine.stream.ticks import Floats, Ints
from engine.stream.trailing import Before, Grouped, Sums, Trailing, WholeTape
from engine.thresholds import Thresholds, ThresholdSpec, switch, threshold

WINDOW = threshold(ThresholdSpec("stream.window_s", 300, 10, 3600, 10, "seconds", "how far back the average of earlier trades reaches"))
MIN_TRADES = threshold(
    ThresholdSpec("stream.min_trades", 5, 1, 100, 1, "trades", "fewer earlier trades in the window make no average to compare with")
)
BURST_SECONDS = 10  # a burst is counted over so long


@dataclass(slots=True)
class Known:
    """What is known of a session before its first trade."""

    opening: int  # of continuous trading, in seconds since 1970, UTC
    band_pct: float
    previous_closes: Floats  # by symbol's code, paisa; nan where it is not known


@dataclass(frozen=True, slots=True)
class Moment:
    """What a rule sees of a batch, one entry a trade, by symbol and in order."""

    rate: Floats  # paisa
    quantity: Ints
    earlier: Sums  # the trades of the symbol in the window before, this one not among them
    recent: Floats  # trades of the symbol in the last `BURST_SECONDS`, this one among them
    previous_close: Floats  # paisa; nan where it is not known
    since_opening: Ints  # seconds of continuous trading before; below nought in the pre-open
    band_pct: float  # of the session's day
    thresholds: Thresholds


Score = Callable[[Moment], Floats]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a trade whose score is above the limit breaks it; nan is for a trade that it cannot judge."""

    id: str
    version: int  # goes up when the same trade may get another score
    limit: ThresholdSpec
    enabled: ThresholdSpec
    says: str
    score: Score
    of_market: bool = False  # it judges no trade but the whole market, see `index_halt.py`


_registered: dict[str, Rule] = {}
RULES: Mapping[str, Rule] = MappingProxyType(_registered)


def rule(
    *, default: float, low: float, high: float, step: float, unit: str, version: int = 1, of_market: bool = False
) -> Callable[[Score], Score]:
    """Register the function below as a rule with such a limit; its docstring is what people read."""

    def register(score: Score) -> Score:
        name = score.__name__
        if name in _registered:
            raise UsageError(f"there are two stream rules called {name}")
        says = (score.__doc__ or "").strip()
        word = "margin" if of_market else "alert_above"
        limit = threshold(ThresholdSpec(f"stream.{name}.{word}", default, low, high, step, unit, says))
        enabled = switch(f"stream.{name}.enabled", f"whether {name.replace('_', ' ')} raises alerts")
        _registered[name] = Rule(name, version, limit, enabled, says, score, of_market)
        return score

    return register


@rule(default=5, low=0.1, high=30, step=0.1, unit="% of the average")
def moving_average(moment: Moment) -> Floats:
    """The price is far from the average of the symbol's earlier trades in the window."""
    total, number = moment.earlier
    score = np.abs(moment.rate * number - total)
    score *= 100.0
    score /= np.maximum(total, 1.0)
    score[number < moment.thresholds[MIN_TRADES.key]] = np.nan
    return score


@rule(default=0.05, low=0, high=5, step=0.05, unit="% beyond the band")
def price_band(moment: Moment) -> Floats:
    """The price lies outside the band of that day around the previous close."""
    move = np.abs(moment.rate - moment.previous_close)
    move *= 100.0
    move /= moment.previous_close
    return np.maximum(move - moment.band_pct, 0.0, out=move)


@rule(default=100_000, low=10, high=1_000_000, step=10, unit="NPR")
def price_limit(moment: Moment) -> Floats:
    """The price is higher than any share's should be: the dearest of 458,000 real trades cost NPR 50,000."""
    return moment.rate / 100.0


@rule(default=100_000, low=10, high=10_000_000, step=10, unit="shares")
def volume_limit(moment: Moment) -> Floats:
    """One trade moves a great many shares: of 458,000 real trades 3 moved more than 100,000."""
    return moment.quantity.astype(np.float64)


@rule(default=50, low=2, high=500, step=1, unit="times the usual")
def trade_burst(moment: Moment) -> Floats:
    """Far more trades within ten seconds than the window before lets expect; one in ten seconds is the least that is expected."""
    usual = moment.earlier.number - moment.recent
    usual += 1.0  # this trade is among the recent ones, and not among the earlier
    usual *= BURST_SECONDS
    covered = np.minimum(moment.since_opening, moment.thresholds[WINDOW.key])
    covered -= BURST_SECONDS
    usual /= np.maximum(covered, BURST_SECONDS)
    score = moment.recent / np.maximum(usual, 1.0, out=usual)
    score[covered < BURST_SECONDS] = np.nan  # the rush of the opening is compared with nothing
    return score


@rule(default=0.5, low=0, high=0.9, step=0.05, unit="points", of_market=True)
def index_halt(moment: Moment) -> Floats:
    """The whole market moved so far that the index may halt trading: its mean move came within a margin of a level of the date."""
    return np.full(len(moment.rate), np.nan)  # it has no score of a single trade


INDEX_HALT = RULES["index_halt"]
HALT_SYMBOLS = threshold(
    ThresholdSpec(
        "stream.index_halt.min_symbols", 50, 1, 500, 1, "symbols", "Fewer traded symbols whose close before is known make no market."
    )
)


def active(limits: Thresholds) -> list[Rule]:
    """Return the rules about single trades that are switched on."""
    return [rule for rule in RULES.values() if limits[rule.enabled.key] and not rule.of_market]


def moment(group: Grouped, before: Before, trailing: Trailing | WholeTape, market: Known, limits: Thresholds) -> Moment:
    """Return what the rules see of a batch."""
    return Moment(
        rate=group.ticks.rate.astype(np.float64),
        quantity=group.ticks.quantity,
        earlier=trailing.within(before, int(limits[WINDOW.key])),
        recent=trailing.within(before, BURST_SECONDS).number + 1,
        previous_close=market.previous_closes.take(before.symbol),
        since_opening=before.pane - market.opening,
        band_pct=market.band_pct,
        thresholds=limits,
    )
