"""Checks of a row by itself: that its values are there, agree with each other, and are what the exchange's rules allow."""

import numpy as np
import pyarrow.compute as pc

from engine.market.rules import CloseMeaning
from engine.quality.check import ANY, Flags, Limit, Positions, Scope, Scores, check, not_applicable, nothing, picked, scores_of
from engine.quality.sample import Floats, Sample

PRICES = ("open", "high", "low", "close", "vwap", "previous_close")
ODD_LOT_TRADES = 5  # 95 % of the closes outside their day's range are of rows with at most so many trades
PAISA = 0.01
ROUNDED_OVER = 0.05  # points by which the exchange itself rounds over the band
EXACT = 1e-6  # NPR; prices have two decimals, so less than that is the rounding of a float

_NO_ROWS = np.empty(0, np.int64)
_RANGE = Limit(0.0, 0.0, 20.0, 0.1)
_FAR = Limit(10.0, 0.5, 50.0, 0.5)
_ODD_LOTS = "few trades, so that odd lots, which open, high and low leave out, may have made the price"


@check(Scope.ROW, unit="symbols", error_above=ANY)
def symbol_present(sample: Sample) -> Scores:
    """The row names a symbol."""
    blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(sample.distinct), ""), fill_value=True).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(blank[sample.codes]) if blank.any() else _NO_ROWS
    return picked(rows, np.ones(len(rows)), observed=np.ones(len(rows)), bound=0.0, applicable=sample.size)


@check(Scope.ROW, unit="values", error_above=ANY)
def values_present(sample: Sample) -> Scores:
    """Open, high, low, close, VWAP, previous close, shares, turnover and trades have a value, and the last price in a file that has it."""
    columns = [*PRICES, "volume", "turnover", "trades", *(["last_price"] if sample.has("last_price") else [])]
    missing = np.zeros(sample.size)
    for column in columns:
        if sample.rows[column].null_count:
            missing += np.isnan(sample[column])
    return scores_of(sample, missing, observed=len(columns) - missing, bound=float(len(columns)))


@check(Scope.ROW, unit="prices", error_above=ANY)
def positive_prices(sample: Sample) -> Scores:
    """Open, high, low, close, VWAP and last price are finite and above zero."""
    columns = [column for column in ("open", "high", "low", "close", "vwap", "last_price") if sample.has(column)]
    values = {column: sample[column] for column in columns}
    bad = np.zeros(sample.size, bool)
    for price in values.values():
        bad |= price <= 0
        bad |= price == np.inf
    rows = np.flatnonzero(bad)
    if len(rows) == 0:
        return nothing(sample.size)
    among = np.array([values[column][rows] for column in columns]).reshape(len(columns), len(rows))
    wrong = ~((among > 0) & np.isfinite(among)) & ~np.isnan(among)
    return picked(
        rows, wrong.sum(axis=0).astype(float), observed=np.nanmin(among, axis=0, initial=np.inf), bound=0.0, applicable=sample.size
    )


@check(Scope.ROW, unit="shares", error_above=ANY)
def volume_positive(sample: Sample) -> Scores:
    """Shares and turnover of a row that was traded are above zero."""
    volume, turnover = sample["volume"], sample["turnover"]
    rows = np.flatnonzero((volume <= 0) | (turnover <= 0))
    return picked(rows, np.maximum(1.0 - volume[rows], 1.0), observed=volume[rows], bound=0.0, applicable=sample.size)


@check(Scope.ROW, unit="trades", warn_above=ANY)
def trades_positive(sample: Sample) -> Scores:
    """A row with shares has at least one trade."""
    trades = sample["trades"]
    rows = np.flatnonzero((trades <= 0) & (sample["volume"] > 0))
    return picked(rows, 1.0 - trades[rows], observed=trades[rows], bound=1.0, applicable=sample.size)


@check(Scope.ROW, unit="% of low", error_above=ANY)
def high_not_below_low(sample: Sample) -> Scores:
    """High is not below low."""
    high, low = sample["high"], sample["low"]
    rows = np.flatnonzero(low - high > EXACT)
    return picked(
        rows,
        100 * (low[rows] - high[rows]) / np.maximum(np.abs(low[rows]), PAISA),
        observed=high[rows],
        bound=low[rows],
        applicable=_counted(sample, "high", "low"),
    )


@check(Scope.ROW, unit="% outside", warn_above=_RANGE, error_above=_FAR, explanation=_ODD_LOTS)
def open_inside_range(sample: Sample) -> Scores:
    """Open lies between low and high."""
    return _inside(sample, "open")


@check(
    Scope.ROW, unit="% outside", warn_above=_RANGE, error_above=_FAR, explanation=f"{_ODD_LOTS}; or the close of the day before was carried"
)
def close_inside_range(sample: Sample) -> Scores:
    """Close lies between low and high."""
    return _inside(sample, "close")


@check(Scope.ROW, unit="% outside", warn_above=_RANGE, error_above=_FAR, explanation=_ODD_LOTS)
def last_price_inside_range(sample: Sample) -> Scores:
    """The last traded price lies between low and high."""
    return _inside(sample, "last_price")


@check(
    Scope.ROW,
    unit="% outside",
    warn_above=Limit(0.05, 0.0, 20.0, 0.05),
    explanation="few trades: VWAP is of all trades, high and low leave odd lots out",
)
def vwap_inside_range(sample: Sample) -> Scores:
    """VWAP lies between low and high, but for the last paisa."""
    return _inside(sample, "vwap", rounding=PAISA)


@check(
    Scope.ROW,
    unit="points beyond",
    error_above=Limit(0.05, 0.0, 20.0, 0.05),
    explanation="promoter shares, which have no band; a fund's last tick; or the close is inside the band of the symbol's own last close",
)
def price_band(sample: Sample) -> Scores:
    """Close moved from previous close by no more than the exchange's daily band of that date; a first listing day has no band."""
    close, previous, band = sample["close"], sample["previous_close"], float(sample.rules.band_pct)
    move = sample.move("close")

    def explained() -> Flags:
        own = np.abs(100 * (close / sample.own_close - 1)) <= band + ROUNDED_OVER
        last_tick = sample.is_fund & (np.abs(close - previous * (1 + np.sign(move) * band / 100)) <= PAISA)
        return sample.is_promoter | own | last_tick

    return scores_of(sample, np.abs(move) - band, observed=move, bound=band, explained=explained, floor=EXACT)


@check(
    Scope.ROW,
    unit="points beyond",
    warn_above=Limit(0.05, 0.0, 100.0, 0.05),
    explanation="promoter shares, or a fund's last tick",
)
def range_inside_band(sample: Sample) -> Scores:
    """High and low moved from previous close by no more than the exchange's daily band of that date."""
    previous, band = sample["previous_close"], float(sample.rules.band_pct)
    up, down = sample.move("high"), sample.move("low")
    farther = np.where(np.abs(up) >= np.abs(down), up, down)
    beyond = np.abs(farther) - band

    def explained() -> Flags:
        last_tick = beyond <= 100 * PAISA / np.where(previous > 0, previous, np.nan)
        return sample.is_promoter | (sample.is_fund & last_tick)

    return scores_of(sample, beyond, observed=farther, bound=band, explained=explained, floor=EXACT)


@check(Scope.ROW, unit="prices", warn_above=ANY, explanation="the first session in which the symbol was seen")
def previous_close_present(sample: Sample) -> Scores:
    """Previous close is above zero: it is 0 on the day of a first listing, and then no move can be judged."""
    previous = sample["previous_close"]
    rows = np.flatnonzero(previous <= 0)
    return picked(
        rows,
        np.ones(len(rows)),
        observed=previous[rows],
        bound=0.0,
        explained=sample.unseen[rows] if len(rows) else None,
        applicable=sample.size,
    )


@check(Scope.ROW, unit="prices off the grid", warn_above=Limit(0.0, 0.0, 4.0, 1.0))
def tick_grid(sample: Sample) -> Scores:
    """Open, high, low and the last price are multiples of the tick of that date: one for shares and debentures, one for funds."""
    traded = ["open", "high", "low"]
    if sample.has("last_price"):
        traded.append("last_price")
    elif sample.rules.close_meaning is CloseMeaning.LAST_PRICE:
        traded.append("close")
    shares, funds = float(sample.rules.tick_shares), float(sample.rules.tick_funds)
    tick = np.where(sample.is_fund, funds, shares)
    off = np.zeros(sample.size)
    for column in traded:
        steps = sample[column] / tick
        off += np.abs(steps - np.rint(steps)) > 1e-4  # noqa: PLR2004, of a tick
    return scores_of(sample, off, observed=off, bound=0.0)


@check(Scope.ROW, unit="% of turnover", warn_above=Limit(0.01, 0.0, 5.0, 0.01), error_above=Limit(50.0, 0.5, 500.0, 0.5))
def turnover_matches(sample: Sample) -> Scores:
    """Turnover is VWAP times shares, but for the rounding of VWAP to whole paisa."""
    turnover, volume = sample["turnover"], sample["volume"]
    product = sample["vwap"] * volume
    excess = np.abs(product - turnover) - (volume * PAISA / 2 + PAISA)
    rows = np.flatnonzero(excess > 0)
    share = 100 * excess[rows] / np.maximum(np.abs(turnover[rows]), PAISA)
    return picked(rows, share, observed=turnover[rows], bound=product[rows], applicable=_counted(sample, "turnover", "volume", "vwap"))


@check(Scope.ROW, unit="NPR", warn_above=Limit(0.01, 0.0, 10.0, 0.01))
def change_matches(sample: Sample) -> Scores:
    """The published change is close less previous close."""
    return _recomputed(sample, "change", sample["close"] - sample["previous_close"])


@check(Scope.ROW, unit="NPR", warn_above=Limit(0.01, 0.0, 10.0, 0.01))
def range_matches(sample: Sample) -> Scores:
    """The published range is high less low."""
    return _recomputed(sample, "range", sample["high"] - sample["low"])


@check(Scope.ROW, unit="points", warn_above=Limit(0.02, 0.01, 10.0, 0.01))
def change_pct_matches(sample: Sample) -> Scores:
    """The published change in percent is the change over previous close."""
    percent = 100 * sample["change"] / sample.previous
    return _recomputed(sample, "change_pct", percent, rounding=PAISA)


@check(Scope.ROW, unit="points", warn_above=Limit(0.02, 0.01, 10.0, 0.01))
def range_pct_matches(sample: Sample) -> Scores:
    """The published range in percent is the range over low."""
    low = sample["low"]
    percent = np.divide(100 * sample["range"], low, out=np.full(sample.size, np.nan), where=low > 0)
    return _recomputed(sample, "range_pct", percent, rounding=PAISA)


@check(Scope.ROW, unit="% outside", warn_above=Limit(0.0, 0.0, 50.0, 0.1))
def inside_52_weeks(sample: Sample) -> Scores:
    """Close lies between the published limits of the last 52 weeks."""
    close, high, low = sample["close"], _known(sample["high_52w"]), _known(sample["low_52w"])
    rows = np.flatnonzero((close - high > EXACT) | (low - close > EXACT))
    missing = np.isnan(high) | np.isnan(low) | np.isnan(close)
    return _outside(close, low, high, rows=rows, applicable=sample.size - int(np.count_nonzero(missing)))


def _inside(sample: Sample, column: str, *, rounding: float = 0.0) -> Scores:
    if not sample.has(column):
        return not_applicable(f"the file has no {column.replace('_', ' ')}")
    price, high, low = sample[column], sample["high"], sample["low"]
    rows = np.flatnonzero((price - high > EXACT + rounding) | (low - price > EXACT + rounding))
    found = _outside(price, low, high, rows=rows, rounding=rounding, applicable=_counted(sample, column, "low", "high"))
    if len(rows) == 0:
        return found
    explained = (sample["trades"][rows] <= ODD_LOT_TRADES) | (sample["volume"][rows] < sample["trades"][rows] * sample.rules.board_lot)
    if column == "close":
        explained = explained | (price[rows] == sample["previous_close"][rows])
    explained &= high[rows] - low[rows] > -EXACT  # where high is below low the range itself is wrong, and nothing explains that
    return picked(found.rows, found.score, observed=found.observed, bound=found.bound, explained=explained, applicable=found.applicable)


def _outside(price: Floats, low: Floats, high: Floats, *, rows: Positions, applicable: int, rounding: float = 0.0) -> Scores:
    above = price[rows] > high[rows]
    bound = np.where(above, high[rows], low[rows])
    distance = np.abs(price[rows] - bound) - rounding
    return picked(
        rows,
        100 * distance / np.maximum(np.abs(bound), PAISA),
        observed=price[rows],
        bound=bound,
        applicable=applicable,
    )


def _recomputed(sample: Sample, column: str, expected: Floats, *, rounding: float = 0.0) -> Scores:
    published = sample[column]
    difference = np.abs(published - expected)
    rows = np.flatnonzero(difference > EXACT + rounding)
    return picked(
        rows,
        np.asarray(np.round(difference[rows], 4), np.float64),  # the subtraction of two-decimal values leaves crumbs behind the fourth
        observed=published[rows],
        bound=expected[rows],
        applicable=sample.size - int(np.count_nonzero(np.isnan(difference))),
    )


def _known(price: Floats) -> Floats:
    """Return prices with NaN for 0, which is how the site writes that there is none."""
    return np.where(price > 0, price, np.nan)


def _counted(sample: Sample, *columns: str) -> int:
    missing = np.zeros(sample.size, bool)
    for column in columns:
        if sample.rows[column].null_count:
            missing |= np.isnan(sample[column])
    return sample.size - int(missing.sum())
