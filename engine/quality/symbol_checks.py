"""Checks of a row against what its symbol is and did before."""

import numpy as np

from engine.quality.check import ANY, Flags, Limit, Positions, Scope, Scores, check, not_applicable, scores_of
from engine.quality.price_checks import EXACT, PAISA, ROUNDED_OVER
from engine.quality.sample import Floats, Sample

_NO_HISTORY = "no session before it is known"
SLIP_WIDTH = 0.15  # of a power of ten, as a part of it: a price may move on the day of the slip
MAD_TO_SD = 1.4826  # of a normal distribution
FLAT = 0.05  # least spread of log volume, so that a symbol that always trades the same is not judged by a hair


@check(Scope.SYMBOL, unit="symbols", warn_above=ANY, explanation="traded in an earlier session")
def symbol_known(sample: Sample) -> Scores:
    """The symbol is in the exchange's list of securities, or is a company's promoter share."""
    listed = sample.listed
    if listed is None:
        return not_applicable("there is no list of securities, or it is of another market")
    unknown = ~(listed | sample.is_promoter)
    return scores_of(sample, unknown.astype(float), observed=unknown.astype(float), bound=0.0, explained=lambda: ~sample.unseen)


@check(
    Scope.SYMBOL,
    unit="%",
    warn_above=Limit(2.0, 0.0, 50.0, 0.1),
    explanation="the company closes its books within five days: the exchange restated the price for a dividend or rights",
)
def previous_close_matches(sample: Sample) -> Scores:
    """Previous close is the symbol's own close in the session before, but for the last paisa."""
    if sample.history.session is None:
        return not_applicable(_NO_HISTORY)
    previous, own = sample["previous_close"], sample.own_close
    score = np.where(np.abs(previous - own) <= PAISA + EXACT, 0.0, 100 * np.abs(previous / own - 1))
    return scores_of(
        sample, np.where(np.isnan(own), np.nan, score), observed=previous, bound=own, explained=lambda: sample.near_book_closure
    )


@check(
    Scope.SYMBOL,
    unit="%",
    warn_above=Limit(20.0, 10.0, 100.0, 1.0),
    explanation="the exchange restated previous close, and the move against that is inside the band; or the books close these days",
)
def jump_against_own_close(sample: Sample) -> Scores:
    """Close did not jump against the symbol's own close in the session before."""
    if sample.history.session is None:
        return not_applicable(_NO_HISTORY)
    close, own = sample["close"], sample.own_close

    def explained() -> Flags:
        return (np.abs(sample.move("close")) <= float(sample.rules.band_pct) + ROUNDED_OVER) | sample.near_book_closure

    return scores_of(sample, 100 * np.abs(close / own - 1), observed=close, bound=own, explained=explained, floor=10.0)


@check(Scope.SYMBOL, unit="slips", error_above=ANY)
def decimal_slip(sample: Sample) -> Scores:
    """No price is 10, 100 or 1000 times what it was, or a tenth, a hundredth or a thousandth of it."""
    own = sample.own_close
    before = np.where(own > 0, own, sample.previous)
    slips = np.zeros(sample.size)
    observed = np.full(sample.size, np.nan)
    for column in ("open", "high", "low", "close", "previous_close"):
        price = sample[column]
        rows = _slipped(price, before)
        first = rows[slips[rows] == 0]
        observed[first] = price[first]
        slips[rows] += 1
    return scores_of(sample, np.where(np.isnan(before), np.nan, slips), observed=observed, bound=before)


@check(Scope.SYMBOL, unit="robust z", warn_above=Limit(8.0, 4.0, 30.0, 0.5))
def volume_usual(sample: Sample) -> Scores:
    """Shares traded are not extreme against the symbol's own last 20 sessions (robust z of the logarithm)."""
    middle, spread = sample.usual_log_volume
    if np.isnan(middle).all():
        return not_applicable("no symbol has 20 sessions behind it")
    volume = sample["volume"]
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.abs(np.log(volume) - middle) / np.maximum(spread * MAD_TO_SD, FLAT)
    return scores_of(sample, np.where(volume > 0, score, np.nan), observed=volume, bound=np.exp(middle), floor=4.0)


@check(Scope.SYMBOL, unit="rows", warn_above=ANY)
def row_not_stale(sample: Sample) -> Scores:
    """Close, shares and previous close are not those of the session before once more."""
    if sample.history.session is None:
        return not_applicable(_NO_HISTORY)
    same = stale_rows(sample)
    return scores_of(sample, same.astype(float), observed=sample["volume"], bound=sample.own_volume)


def stale_rows(sample: Sample) -> Flags:
    """Return which rows repeat close and shares of the symbol's row in the session before; a handful of shares may be a coincidence."""
    few = 100  # shares
    flags: Flags = (sample["close"] == sample.own_close) & (sample["volume"] == sample.own_volume) & (sample["volume"] >= few)
    return flags


def _slipped(price: Floats, before: Floats) -> Positions:
    """Return the rows whose price lies near a power of ten times the one before."""
    ratio = price / before
    rows = np.flatnonzero((ratio > 5) | ((ratio < 0.2) & (ratio > 0)))  # noqa: PLR2004, only what is far off
    if len(rows) == 0:
        return rows
    power = np.log10(ratio[rows])
    near = np.rint(power)
    slipped: Flags = (np.abs(near) >= 1) & (np.abs(near) <= 3) & (np.abs(10 ** (power - near) - 1) <= SLIP_WIDTH)  # noqa: PLR2004
    return np.asarray(rows[slipped], np.int64)
