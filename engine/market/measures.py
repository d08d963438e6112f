"""What can be measured about a daily file whose session is not known: against the last accepted session, totals and history.

Measures only; `verdict.py` weighs them. The site's `Conf.` is never looked at: it is filled in days later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.market.money import MONEY, one_array, paisa
from engine.market.reference import Reference
from engine.market.rules import rules_on

CORE = ("open", "high", "low", "close", "volume", "turnover", "trades")

# Measured on 668 files (2024-03 to 2025-12): 414 sessions and 254 repeats.
REPEAT_SHARE = 0.8  # of the file's rows equal to the last session's; repeats had 1.0, new sessions at most 0.007
NEW_SHARE = 0.2
FOLLOWS_SHARE = 0.5  # of symbols whose previous close is the last session's close; 0.65 at least for the next session, else below 0.1
FEWEST_ROWS_SHARE = 0.85  # of the usual rows; 0.92 at least but for index halts (0.74)
FEWEST_TRADES_SHARE = 0.25  # of the usual trades; 0.40 at least but for index halts (0.11)
FEWEST_ROWS = 100  # where there is no history; a session had 237 at least
HALT_SHARE = 0.75  # of the index move that ends a session, as the median move of the symbols; 0.91 and 1.01 on the two halt days
_NO_VALUE = np.iinfo(np.int64).min
_FEWEST_FOR_A_SHARE = 5  # symbols in common before a share of them means anything
_ROUNDING = Decimal(1)  # NPR by which the index's turnover may differ from the file's: 408 of 414 sessions
_SAME_TURNOVER = Decimal("0.0002")  # relatively, the other six


@dataclass(frozen=True, slots=True)
class SessionHistory:
    """Row and trade counts of the last accepted sessions, some twenty of them, in any order."""

    rows: tuple[int, ...] = ()
    trades: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a file's rows, turnover in NPR; `move_pct` is the median move of its symbols against their previous close."""

    rows: int
    trades: int
    shares: int
    turnover: Decimal
    move_pct: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A file against the last accepted session, by symbol; `follows` is None where too few symbols are in both."""

    equal: int
    differing: int
    only_here: int
    only_there: int
    follows: float | None

    @property
    def repeated_share(self) -> float:
        """The share of the file's rows whose core numbers are those of the last accepted session."""
        return self.equal / max(1, self.equal + self.differing + self.only_here)


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether a file has as many rows and trades as a session must have, and why."""

    complete: bool
    observed: str
    expected: str
    reason: str


def totals_of(rows: pa.Table) -> Totals:
    """Return the sums over parsed rows; zero where there are none."""
    before, close = _exact(rows, "previous_close"), _exact(rows, "close")
    known = before > 0
    return Totals(
        rows=rows.num_rows,
        trades=pc.sum(rows["trades"]).as_py() or 0,
        shares=pc.sum(rows["volume"]).as_py() or 0,
        turnover=pc.sum(rows["turnover"]).as_py() or Decimal(0),
        move_pct=float(np.median(close[known] / before[known] - 1) * 100) if known.any() else 0.0,
    )


def compare(rows: pa.Table, last: pa.Table) -> Comparison:
    """Compare parsed rows with the silver rows of the last accepted session."""
    found = pc.index_in(rows["symbol"].combine_chunks(), value_set=last["symbol"].combine_chunks())
    here = found.is_valid().to_numpy(zero_copy_only=False)
    there = found.drop_null().to_numpy()
    equal = int(np.logical_and.reduce([_exact(rows, column)[here] == _exact(last, column)[there] for column in CORE]).sum())
    chained = _exact(rows, "previous_close")[here] == _exact(last, "close")[there]
    common = len(there)
    return Comparison(
        equal=equal,
        differing=common - equal,
        only_here=rows.num_rows - common,
        only_there=last.num_rows - common,
        follows=float(chained.mean()) if common >= _FEWEST_FOR_A_SHARE else None,
    )


def matched_by(totals: Totals, reference: Reference, day: date) -> str | None:
    """Return what proves that the file's totals are those of the session `day`: the control totals, the index, or None."""
    control = reference.control.get(day)
    if control is not None:
        same = (control.trades, control.shares, control.symbols) == (totals.trades, totals.shares, totals.rows)
        return "control totals" if same and abs(control.turnover - totals.turnover) <= _ROUNDING else None
    index = reference.index.get(day)
    if index is None or not index.turnover or not totals.rows:
        return None
    published = Decimal(str(index.turnover))
    return "index turnover" if abs(published - totals.turnover) <= max(_ROUNDING, published * _SAME_TURNOVER) else None


def known_turnover(reference: Reference, day: date) -> Decimal | None:
    """Return the turnover of the session `day` in NPR as published beside the daily file, or None."""
    if control := reference.control.get(day):
        return control.turnover
    index = reference.index.get(day)
    return Decimal(str(index.turnover)) if index and index.turnover else None


def known_session(reference: Reference, day: date) -> bool | None:
    """Return whether control totals or index say that `day` was a session; None where neither reaches that day."""
    if day in reference.control or day in reference.index:
        return True
    return False if _spans(reference.control, day) or _spans(reference.index, day) else None


def completeness(totals: Totals, history: SessionHistory, reference: Reference, day: date) -> Completeness:
    """Judge whether a file of the session `day` is whole, when no published totals prove it.

    Few rows and few trades are right on a day when the index's fall or rise ended the session: then the index, or else the symbols
    themselves, have moved that far. Of an ordinary session they are a part.
    """
    observed = f"{totals.rows:,} rows, {totals.trades:,} trades"
    if not totals.rows:
        return Completeness(complete=False, observed="no row", expected="hundreds", reason="there is nothing under its header")
    if not history.rows:
        expected = f"at least {FEWEST_ROWS} rows"
        return Completeness(totals.rows >= FEWEST_ROWS, observed, expected, "no session accepted before to compare with")
    usual_rows, usual_trades = median(history.rows), median(history.trades) if history.trades else 0
    expected = f"about {usual_rows:,.0f} rows, {usual_trades:,.0f} trades"
    if totals.rows >= FEWEST_ROWS_SHARE * usual_rows and totals.trades >= FEWEST_TRADES_SHARE * usual_trades:
        return Completeness(complete=True, observed=observed, expected=expected, reason="as many as in the sessions before")
    index = reference.index.get(day)
    halt = float(rules_on(day).day_halt_pct)
    if index is not None and index.change_pct is not None:
        move, whose, needed = index.change_pct, "the index", halt * 0.99  # the index is published with two decimals
    else:
        move, whose, needed = totals.move_pct, "the median symbol", halt * HALT_SHARE
    if totals.rows >= FEWEST_ROWS and abs(move) >= needed:
        reason = f"few, and rightly so: {whose} moved {move:+.2f} %, and an index move of {halt:g} % ends the session"
        return Completeness(complete=True, observed=observed, expected=expected, reason=reason)
    reason = f"far too few for an ordinary session: {whose} moved only {move:+.2f} %, so no index halt explains it"
    return Completeness(complete=False, observed=observed, expected=expected, reason=reason)


def _exact(rows: pa.Table, column: str) -> npt.NDArray[np.int64]:
    """Return money in paisa and counts as they are; no value becomes a number that neither can be."""
    cells = one_array(rows[column])
    values = paisa(cells) if cells.type == MONEY else cells.fill_null(0).to_numpy()
    return np.where(cells.is_valid().to_numpy(zero_copy_only=False), values, _NO_VALUE) if cells.null_count else values


def _spans(dated: Mapping[date, object], day: date) -> bool:
    return bool(dated) and min(dated) <= day <= max(dated)
