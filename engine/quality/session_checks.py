"""Checks of a session or its file as a whole: that it is complete, fresh, and of the shape and meaning that are expected."""

from decimal import Decimal

import numpy as np
import pyarrow.compute as pc

from engine.market.rules import CloseMeaning
from engine.quality.check import ANY, Limit, Scope, Scores, check, not_applicable, whole
from engine.quality.sample import Sample
from engine.quality.symbol_checks import stale_rows

_NO_HISTORY = "no session before it is known"
FEWEST = 20  # rows that a share means anything of
GRID = 0.1  # NPR; the tick of shares since 2021


@check(Scope.FILE, unit="rows", error_above=ANY)
def rows_present(sample: Sample) -> Scores:
    """The file holds at least one row that can be read: nothing is not a session."""
    return whole(float(sample.size == 0), observed=sample.size, bound=1)


@check(Scope.FILE, unit="% of lines", warn_above=Limit(0.0, 0.0, 20.0, 0.1))
def lines_readable(sample: Sample) -> Scores:
    """Every line of the file can be read as a row."""
    lines = sample.lines
    data = lines.loaded + lines.rejected
    share = 100 * lines.rejected / data if data else 0.0
    return whole(share, observed=lines.rejected, bound=0)


@check(Scope.FILE, unit="rows", warn_above=Limit(0.0, 0.0, 50.0, 1.0))
def symbols_unique(sample: Sample) -> Scores:
    """No symbol comes twice in the session, once spaces and letter case are brought into one form."""
    again = sample.size - len(sample.distinct)
    return whole(float(sample.lines.duplicates + again), observed=sample.lines.duplicates + again, bound=0)


@check(Scope.FILE, unit="layouts", warn_above=ANY)
def layout_unchanged(sample: Sample) -> Scores:
    """The file has the columns that the session before came in."""
    before = sample.history.layout
    if before is None:
        return not_applicable(_NO_HISTORY)
    changed = sample.layout != before
    return whole(float(changed), observed=1 + changed, bound=1, note=f"{sample.layout} after {before}" if changed else None)


@check(
    Scope.SESSION,
    unit="% missing",
    warn_above=Limit(15.0, 2.0, 60.0, 1.0),
    error_above=Limit(60.0, 10.0, 100.0, 1.0),
    explanation="the index moved so far that trading was stopped",
)
def expected_symbols(sample: Sample) -> Scores:
    """The symbols that traded in the session before trade again, but for a few thinly traded ones."""
    state = sample.history.state
    if not len(state.rows):
        return not_applicable(_NO_HISTORY)
    expected = int((state.last_sessions == state.last_sessions.max()).sum())
    again = int(np.count_nonzero(~np.isnan(sample.own_close)))
    if expected < FEWEST:
        return not_applicable(f"the session before has only {expected} symbols")
    missing = 100 * (expected - again) / expected
    return whole(missing, observed=again, bound=expected, explained=_halted(sample), floor=2.0, note=f"{expected - again} of {expected}")


@check(Scope.CROSS_SOURCE, unit="% off", warn_above=Limit(0.001, 0.0, 5.0, 0.001), error_above=Limit(50.0, 0.1, 100.0, 0.1))
def control_totals(sample: Sample) -> Scores:
    """Trades, shares, turnover and symbols add up to the totals that the exchange published for the session."""
    control = sample.reference.control.get(sample.session)
    if control is None:
        return not_applicable(f"no totals were published for {sample.session}")
    pairs = {
        "trades": (float(np.nansum(sample["trades"])), float(control.trades)),
        "shares": (float(np.nansum(sample["volume"])), float(control.shares)),
        "turnover": (float(pc.sum(sample.rows["turnover"]).as_py() or Decimal(0)), float(control.turnover)),
        "symbols": (float(sample.size), float(control.symbols)),
    }
    off = {name: 100 * abs(here - there) / there if there else 100.0 * (here != there) for name, (here, there) in pairs.items()}
    worst = max(off, key=lambda name: off[name])
    return whole(off[worst], observed=pairs[worst][0], bound=pairs[worst][1], note=worst)


@check(Scope.CROSS_SOURCE, unit="points apart", warn_above=Limit(2.5, 0.2, 10.0, 0.1))
def index_move(sample: Sample) -> Scores:
    """The median symbol moved about as far as the published index did."""
    index = sample.reference.index.get(sample.session)
    if index is None or index.change_pct is None:
        return not_applicable(f"no index was published for {sample.session}")
    moves = sample.move("close")
    if np.count_nonzero(~np.isnan(moves)) < FEWEST:
        return not_applicable("too few symbols have a previous close")
    middle = float(np.nanmedian(moves))
    return whole(abs(middle - index.change_pct), observed=middle, bound=index.change_pct, floor=0.2)


@check(Scope.SESSION, unit="% of rows", warn_above=Limit(3.0, 0.5, 50.0, 0.5))
def session_not_stale(sample: Sample) -> Scores:
    """The session is not the one before once more, in part or, where a person has booked it so, in whole."""
    if sample.history.session is None or sample.size < FEWEST:
        return not_applicable(_NO_HISTORY)
    stale = int(stale_rows(sample).sum())
    return whole(100 * stale / sample.size, observed=stale, bound=0, floor=0.5)


@check(Scope.SESSION, unit="% of closes", warn_above=Limit(50.0, 10.0, 95.0, 1.0))
def close_keeps_its_meaning(sample: Sample) -> Scores:
    """Close means what it meant: last prices lie on the tick grid of NPR 0.10, averaged ones mostly do not."""
    shares = ~sample.is_fund
    if np.count_nonzero(shares) < FEWEST:
        return not_applicable("too few shares to tell")
    steps = sample["close"][shares] / GRID
    off = 100 * float(np.mean(np.abs(steps - np.rint(steps)) > 1e-4))  # noqa: PLR2004, of a tick
    averaged = sample.rules.close_meaning is CloseMeaning.AVERAGED
    against = 100 - off if averaged else off
    return whole(against, observed=off, bound=100.0 if averaged else 0.0, floor=10.0, note="averaged" if averaged else "last price")


@check(Scope.SESSION, unit="sessions", warn_above=ANY)
def follows_the_session_before(sample: Sample) -> Scores:
    """Previous closes are those of the last accepted session: else a session between the two is missing."""
    own = sample.own_close
    common = ~np.isnan(own)
    if np.count_nonzero(common) < FEWEST:
        return not_applicable(_NO_HISTORY)
    share = float(np.mean(np.abs(sample["previous_close"][common] - own[common]) < 0.011))  # noqa: PLR2004, a paisa
    return whole(float(share < 0.5), observed=100 * share, bound=50.0)  # noqa: PLR2004, 0.65 at least for the next session, else below 0.1


def _halted(sample: Sample) -> bool:
    halt = float(sample.rules.day_halt_pct)
    index = sample.reference.index.get(sample.session)
    if index is not None and index.change_pct is not None:
        return abs(index.change_pct) >= halt * 0.99  # published with two decimals
    moves = sample.move("close")
    return bool(np.count_nonzero(~np.isnan(moves)) and abs(float(np.nanmedian(moves))) >= halt * 0.75)
