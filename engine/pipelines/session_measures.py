"""What the run of a session measures of its rows: sums, empty cells by column, and how returns, ranges and volumes lie."""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from engine.market.layouts import COLUMNS, LAYOUTS
from engine.market.money import paisa
from engine.monitoring.distribution import summary

# Of the columns that everything else is computed from; the others repeat what the exchange derives of them.
WATCHED = ("open", "high", "low", "close", "last_price", "vwap", "previous_close", "volume", "turnover", "trades")
_PUBLISHED = {ours: published for published, ours in COLUMNS.items()}


class Measured(NamedTuple):
    """One value with its name and unit."""

    name: str
    unit: str
    value: float


def empty_cells(rows: pa.Table, layout: str) -> list[Measured]:
    """Return the share of empty cells of each watched column of a file; a column that its layout does not have is not empty."""
    there = LAYOUTS.get(layout, frozenset(COLUMNS))
    columns = [name for name in WATCHED if _PUBLISHED[name] in there]
    return [Measured(f"empty_{name}", "%", 100 * rows[name].null_count / max(rows.num_rows, 1)) for name in columns]


def measures_of(silver: pa.Table, gold: pa.Table) -> list[Measured]:
    """Return what is measured of a session that is loaded: sums of its silver rows, and how its gold rows lie."""
    return [*_sums(silver), *_spread(gold)]


def _sums(silver: pa.Table) -> list[Measured]:
    known = pc.and_(silver["close"].is_valid(), silver["previous_close"].is_valid()).to_numpy()
    moves = (paisa(silver["close"]) - paisa(silver["previous_close"]))[known]
    return [
        Measured("trades", "trades", pc.sum(silver["trades"]).as_py() or 0),
        Measured("volume", "shares", pc.sum(silver["volume"]).as_py() or 0),
        Measured("turnover", "NPR", float(pc.sum(silver["turnover"]).as_py() or 0)),
        Measured("advancing", "symbols", int((moves > 0).sum())),
        Measured("declining", "symbols", int((moves < 0).sum())),
    ]


def _spread(gold: pa.Table) -> list[Measured]:
    """Return the spread of the features that compare a symbol with itself: levels of prices say nothing of a session."""
    returns, ranges, volumes = (gold[name].to_numpy() for name in ("log_return", "range_pct", "volume_z_20"))
    found = {("log_return", "%"): 100 * returns, ("range", "%"): ranges, ("volume_z", "deviations"): volumes}
    return [Measured(name, unit, value) for (of, unit), values in found.items() for name, value in summary(of, values).items()]
