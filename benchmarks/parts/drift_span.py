"""Sessions judged for drift one after the other, without a database; and faults to put into one of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from engine.drift.judging import SERIES
from engine.drift.limits import BUDGET, floors_of
from engine.drift.session import sample_of, sector_of
from engine.drift_past import Past
from engine.drifting import Judged, judge
from engine.market.daily_file import parse, to_silver
from engine.market.money import as_money, one_array, paisa
from engine.market.reference import Reference
from engine.thresholds import Thresholds, snapshot

Day = tuple[pa.Table, str]  # silver rows, and the layout of their file


def real_days(folder: Path, sessions: Iterable[date]) -> list[Day]:
    """Return silver of the sessions whose own daily file is there."""
    found = []
    for day in sessions:
        file = folder / "daily" / f"{day:%Y_%m_%d}.csv.gz"
        parsed = parse(file.read_bytes(), file.name)
        found.append((to_silver(parsed, day), parsed.layout))
    return found


def next_one(day: Day, past: Past, reference: Reference, thresholds: Thresholds) -> Judged:
    """Judge a session behind a past, which is not changed."""
    table, layout = day
    sample = sample_of(table, past.samples, reference, layout=layout)
    held_to = past.next_limits(floors_of(thresholds), thresholds[BUDGET.key])
    return judge(sample, past, past.windows(sample.session), held_to)


def walked(
    days: Sequence[Day],
    reference: Reference,
    *,
    past: Past | None = None,
    thresholds: Thresholds | None = None,
    keep: Callable[[date, Past], None] = lambda _day, _past: None,
) -> list[Judged]:
    """Judge sessions in order; `keep` sees what was before each of them."""
    past = Past() if past is None else past
    thresholds = snapshot({}, 0) if thresholds is None else thresholds
    found = []
    for day in days:
        keep(day[0]["session"][0].as_py(), past)
        judged = next_one(day, past, reference, thresholds)
        past.add(judged.sample, judged.measured, judged.limits)
        found.append(judged)
    return found


def copied(past: Past) -> Past:
    """Return a past that may be added to."""
    return replace(past, samples=list(past.samples), values=list(past.values), limits=list(past.limits), signed=list(past.signed))


def statistics_that_alarm(judged: Judged) -> set[str]:
    """Return the statistics with which a session lies beyond a limit."""
    return {SERIES[at][1] for at in judged.alarms}


def _set(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), table.schema.field(name), values)


def _scaled(table: pa.Table, names: Sequence[str], factor: float, rows: np.ndarray) -> pa.Table:
    for name in names:
        column = one_array(table[name])
        if pa.types.is_decimal(column.type):
            cents = paisa(column).copy()
            cents[rows] = np.round(cents[rows] * factor)
            table = _set(table, name, as_money(cents, np.ones(len(cents), bool)))
        else:
            counts = column.to_numpy(zero_copy_only=False).copy()
            counts[rows] = np.maximum((counts[rows] * factor).astype(counts.dtype), 1)
            table = _set(table, name, pa.array(counts))
    return table


def ten_times_a_tenth(table: pa.Table, _before: pa.Table, _reference: Reference) -> pa.Table:
    """Take ten times a tenth of the prices: a decimal slip."""
    rows = np.random.default_rng(1).permutation(table.num_rows)[: table.num_rows // 10]
    return _scaled(table, ("open", "high", "low", "close", "vwap"), 10, rows)


def volume_a_thousand_times(table: pa.Table, _before: pa.Table, _reference: Reference) -> pa.Table:
    """Take a thousand times every volume: single shares instead of thousands."""
    return _scaled(table, ("volume",), 1000, np.arange(table.num_rows))


def stale(table: pa.Table, before: pa.Table, _reference: Reference) -> pa.Table:
    """Repeat the rows of the session before."""
    return _set(before, "session", pa.repeat(table["session"][0], before.num_rows))


def volume_halved(table: pa.Table, _before: pa.Table, _reference: Reference) -> pa.Table:
    """Halve every volume and turnover."""
    return _scaled(table, ("volume", "turnover"), 0.5, np.arange(table.num_rows))


def column_copied(table: pa.Table, _before: pa.Table, _reference: Reference) -> pa.Table:
    """Copy the high onto the close."""
    return _set(table, "close", one_array(table["high"]))


def sector_missing(table: pa.Table, _before: pa.Table, reference: Reference) -> pa.Table:
    """Leave one whole sector out: the third largest."""
    sectors = np.array([sector_of(symbol, reference) for symbol in table["symbol"].to_pylist()])
    names, counts = np.unique(sectors, return_counts=True)
    gone = names[np.argsort(-counts)[min(2, len(names) - 1)]]
    return table.filter(pa.array(sectors != gone))


FAULTS: dict[str, Callable[[pa.Table, pa.Table, Reference], pa.Table]] = {
    "x10 on 10 % of prices": ten_times_a_tenth,
    "x1000 volume": volume_a_thousand_times,
    "stale file": stale,
    "halved volume": volume_halved,
    "high copied onto close": column_copied,
    "one sector missing": sector_missing,
}
