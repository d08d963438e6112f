"""One session as a sheet of numbers in which nothing is wrong, and what was known before it; a test changes what it is about."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa

from engine.features.indicators import step
from engine.features.state import FeatureState
from engine.market.daily_file import LineCounts
from engine.market.layouts import MONEY, PARSED_SCHEMA
from engine.market.reference import ControlTotals, IndexDay, Reference, Security
from engine.quality.check import CHECKS, Scores
from engine.quality.contract import sample_of
from engine.quality.report import CheckResult, QualityReport, judge
from engine.quality.sample import History, Sample
from engine.thresholds import snapshot

DAY = date(2025, 11, 20)  # close is the last price then, the band is 10 %, the tick of a share NPR 0.10
SYMBOLS = 40
DEFAULTS = snapshot({}, 0)
Row = dict[str, Any]


def good_row(number: int) -> Row:
    """Return a row in which every number agrees with every other: previous close 100 + number, close half a rupee above."""
    before = 100.0 + number
    return {
        "symbol": f"S{number:03d}",
        "open": before,
        "high": before + 1,
        "low": before - 1,
        "close": before + 0.5,
        "last_price": before + 0.5,
        "vwap": before,
        "volume": 2_000,
        "previous_close": before,
        "turnover": before * 2_000,
        "trades": 50,
        "change": 0.5,
        "range": 2.0,
        "change_pct": round(50 / before, 2),
        "range_pct": round(200 / (before - 1), 2),
        "high_52w": before * 2,
        "low_52w": before / 2,
    }


def good_rows(count: int = SYMBOLS) -> list[Row]:
    return [good_row(number) for number in range(count)]


def table(rows: Sequence[Row]) -> pa.Table:
    """Return rows as parsed ones; what a row does not say is null."""

    def cell(row: Row, name: str) -> Any:
        value = row.get(name)
        return Decimal(f"{value:.2f}") if name in MONEY and value is not None else value

    typed = [{field.name: cell(row, field.name) for field in PARSED_SCHEMA} | {"line": at} for at, row in enumerate(rows, start=2)]
    return pa.Table.from_pylist(typed, schema=PARSED_SCHEMA)


def lines(rows: int, *, rejected: int = 0, duplicates: int = 0) -> LineCounts:
    return LineCounts(1 + rows + rejected + duplicates, header=1, blank=0, loaded=rows, rejected=rejected, duplicates=duplicates)


@cache
def history() -> History:
    """Return 25 sessions before, each with its own volumes; the last one's closes are the previous closes of the sheet."""
    state = FeatureState.empty()
    for number in range(25):
        rows = [row | {"close": row["previous_close"], "volume": 1_500 + 50 * (number % 20) + at} for at, row in enumerate(good_rows())]
        day = DAY - timedelta(days=25 - number)
        past = table(rows)
        state, _ = step(state, past.append_column("session", pa.repeat(pa.scalar(day), past.num_rows)))
    return History(state, "v3_24col")


def reference(rows: Sequence[Row]) -> Reference:
    """Return what is published beside the file: totals that agree with the rows, an index that moved as they did, the list of papers."""
    counted = [row for row in rows if row.get("turnover") is not None]
    turnover = sum((Decimal(f"{row['turnover']:.2f}") for row in counted), Decimal(0))
    totals = ControlTotals(turnover, sum(row["volume"] or 0 for row in rows), sum(row["trades"] or 0 for row in rows), len(rows))
    papers = {row["symbol"]: Security(row["symbol"], "", "Banks", "Equity", "A") for row in good_rows()}
    return Reference(control={DAY: totals}, index={DAY: IndexDay(2_700.0, 2_690.0, 0.4)}, securities=papers)


def sample(rows: Sequence[Row] | None = None, **changed: Any) -> Sample:
    """Return a session; `changed` are fields of it."""
    rows = good_rows() if rows is None else rows
    whole = Sample(DAY, table(rows), "v3_24col", lines(len(rows)), reference(rows), history())
    return replace(whole, **changed)


def with_row(number: int = 7, **cells: Any) -> Sample:
    """Return a session in which one row has other cells; the published totals are still those of the good rows."""
    rows = good_rows()
    rows[number] |= cells
    return sample(rows, reference=reference(good_rows()))


def with_rows(change: Callable[[Row], Row], **changed: Any) -> Sample:
    """Return a session in which every row has other cells."""
    rows = [row | change(row) for row in good_rows()]
    return sample(rows, **changed)


def scores(check_id: str, session: Sample) -> Scores:
    return CHECKS[check_id].function(session)


def judged(session: Sample, **turned: float) -> QualityReport:
    """Judge a session; thresholds are written with `__` for the point."""
    return judge(session, snapshot({key.replace("__", "."): value for key, value in turned.items()}, 0))


def judged_frame(frame: pd.DataFrame) -> QualityReport:
    """Judge a session that came as a frame."""
    return judge(sample_of(frame, DAY, layout="v3_24col", reference=reference(good_rows()), history=history()), DEFAULTS)


def result(report: QualityReport, check_id: str) -> CheckResult:
    """Return what one check found."""
    return next(item for item in report.results if item.check.id == check_id)
