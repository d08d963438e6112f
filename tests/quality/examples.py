"""For each check a session in which it finds something and one that it cannot judge; `ALWAYS` where it can judge every row.

A new check has its line here, or the tests of the catalogue fail.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from engine.market.reference import IndexDay, Reference
from engine.quality.sample import History, Sample
from tests.quality.sheet import DAY, good_row, good_rows, history, lines, reference, sample, with_row, with_rows

ALWAYS = None
HALTED = Reference(index={DAY: IndexDay(2_700.0, 2_870.0, -6.0)})
Build = Callable[[], Sample]


@dataclass(frozen=True)
class Example:
    """`rows`: how many rows the finding names (None: it is about the session as a whole)."""

    fails: Build
    not_applicable: Build | None
    rows: int | None = 1


def without_history() -> Sample:
    return sample(history=History())


def without_reference() -> Sample:
    return sample(reference=Reference())


def repeated(share: int) -> Sample:
    """Return a session whose first rows are those of the session before once more."""
    state = history().state
    rows = good_rows()
    for at, row in enumerate(rows[:share]):
        row |= {"close": row["previous_close"], "volume": int(state.windows[2, -1, at])}
    return sample(rows, reference=reference(good_rows()))


EXAMPLES = {
    "symbol_present": Example(lambda: with_row(symbol=" "), ALWAYS),
    "values_present": Example(lambda: with_row(open=None), ALWAYS),
    "positive_prices": Example(lambda: with_row(low=0.0), ALWAYS),
    "volume_positive": Example(lambda: with_row(volume=0), ALWAYS),
    "trades_positive": Example(lambda: with_row(trades=0), ALWAYS),
    "high_not_below_low": Example(lambda: with_row(high=100.0), lambda: with_row(high=None)),
    "open_inside_range": Example(lambda: with_row(open=120.0), lambda: with_row(low=None)),
    "close_inside_range": Example(lambda: with_row(close=120.0), lambda: with_row(close=None)),
    "last_price_inside_range": Example(lambda: with_row(last_price=80.0), lambda: with_row(last_price=None)),
    "vwap_inside_range": Example(lambda: with_row(vwap=120.0), lambda: with_row(vwap=None)),
    "price_band": Example(lambda: with_row(close=120.0), lambda: with_row(previous_close=0.0)),
    "range_inside_band": Example(lambda: with_row(low=90.0), lambda: with_row(previous_close=0.0)),
    "previous_close_present": Example(lambda: with_row(previous_close=0.0), ALWAYS),
    "tick_grid": Example(lambda: with_row(open=107.05), ALWAYS),
    "turnover_matches": Example(lambda: with_row(turnover=107.0 * 2_100), lambda: with_row(turnover=None)),
    "change_matches": Example(lambda: with_row(change=0.7), lambda: with_row(change=None)),
    "range_matches": Example(lambda: with_row(range=2.2), lambda: with_row(range=None)),
    "change_pct_matches": Example(lambda: with_row(change_pct=5.0), lambda: with_row(previous_close=0.0)),
    "range_pct_matches": Example(lambda: with_row(range_pct=5.0), lambda: with_row(low=0.0)),
    "inside_52_weeks": Example(lambda: with_row(high_52w=105.0), lambda: with_row(high_52w=None)),
    "symbol_known": Example(lambda: with_row(symbol="ODD"), without_reference),
    "previous_close_matches": Example(lambda: with_row(previous_close=112.0), without_history),
    "jump_against_own_close": Example(lambda: with_row(close=150.0), without_history),
    "decimal_slip": Example(lambda: with_row(close=1_075.0), lambda: with_row(symbol="NEW", previous_close=0.0)),
    "volume_usual": Example(lambda: with_row(volume=2_000_000), without_history),
    "row_not_stale": Example(lambda: repeated(1), without_history),
    "rows_present": Example(lambda: sample([]), ALWAYS, None),
    "lines_readable": Example(lambda: sample(lines=lines(40, rejected=1)), ALWAYS, None),
    "symbols_unique": Example(lambda: with_row(symbol="S008"), ALWAYS, None),
    "layout_unchanged": Example(lambda: sample(layout="v2_22col"), without_history, None),
    "expected_symbols": Example(lambda: sample(good_rows(28)), without_history, None),
    "control_totals": Example(lambda: with_row(volume=2_001), without_reference, None),
    "index_move": Example(
        lambda: sample(reference=replace(reference(good_rows()), index={DAY: IndexDay(2_700.0, 2_600.0, 3.85)})), without_reference, None
    ),
    "session_not_stale": Example(lambda: repeated(12), without_history, None),
    "close_keeps_its_meaning": Example(lambda: with_rows(lambda row: {"close": row["close"] + 0.03}), lambda: sample(good_rows(12)), None),
    "follows_the_session_before": Example(
        lambda: with_rows(lambda row: {"previous_close": row["previous_close"] + 2}), without_history, None
    ),
}

# What looks wrong and has a good reason.
EXPLAINED = {
    "open_inside_range": lambda: with_row(open=120.0, trades=2),
    "close_inside_range": lambda: with_row(close=120.0, trades=2),
    "last_price_inside_range": lambda: with_row(last_price=80.0, trades=2),
    "vwap_inside_range": lambda: with_row(vwap=120.0, trades=2),
    "price_band": lambda: with_row(symbol="S006P", close=120.0),
    "range_inside_band": lambda: with_row(symbol="S006P", low=90.0),
    "previous_close_present": lambda: with_row(symbol="NEW", previous_close=0.0),
    "symbol_known": lambda: sample(
        reference=replace(reference(good_rows()), securities=dict(list(reference(good_rows()).securities.items())[1:]))
    ),
    "previous_close_matches": lambda: sample(
        [*good_rows(39), good_row(39) | {"previous_close": 150.0}],
        reference=replace(reference(good_rows()), book_closures={"S039": (DAY + timedelta(days=2),)}),
    ),
    "jump_against_own_close": lambda: with_row(close=150.0, previous_close=149.0),
    "volume_usual": lambda: replace(with_row(volume=20), reference=HALTED),
    "expected_symbols": lambda: sample(good_rows(28), reference=HALTED),
}
