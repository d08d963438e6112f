"""Two tables, column by column: every distance with its p-value, its limit and a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.drift.categories import CategoryPair
from engine.drift.distance import DISTANCES, Distance, distances, measure
from engine.drift.distances import CHANCE  # which also fills the registry
from engine.drift.pair import Floats, Pair
from engine.drift.series import benjamini_hochberg, robust_z
from engine.errors import UsageError
from storage.status import DriftVerdict

FEWEST_UNITS = 10  # groups of the reference, for a z of groups
UNIT_LIMIT = 3.5  # robust deviations; Iglewicz and Hoaglin
_GRAVEST = (DriftVerdict.DRIFT, DriftVerdict.EMPTY, DriftVerdict.INSUFFICIENT, DriftVerdict.CONSTANT, DriftVerdict.NO_DRIFT)


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How a column of two tables differs. `adjusted` are the p-values in the order of `distances`, corrected for how many there are."""

    column: str
    numbers: bool
    null_shares: tuple[float, float]
    distances: tuple[Distance, ...]
    adjusted: tuple[float | None, ...] = ()
    new: tuple[str, ...] = ()  # categories
    gone: tuple[str, ...] = ()

    @property
    def verdict(self) -> DriftVerdict:
        """Drift where any distance says so; else what keeps a verdict from being given."""
        return gravest([one.verdict for one in self.distances])


def gravest(verdicts: Sequence[DriftVerdict]) -> DriftVerdict:
    """Return the verdict on several: what is computed for some stands, unless nothing could be."""
    if DriftVerdict.DRIFT in verdicts:
        return DriftVerdict.DRIFT
    if DriftVerdict.NO_DRIFT in verdicts and not {DriftVerdict.EMPTY, DriftVerdict.INSUFFICIENT} & set(verdicts):
        return DriftVerdict.NO_DRIFT
    return next((verdict for verdict in _GRAVEST if verdict in verdicts), DriftVerdict.EMPTY)


def compare(reference: pa.Table, current: pa.Table, *, columns: Sequence[str] = (), unit: str | None = None) -> tuple[ColumnDrift, ...]:
    """Compare the columns that both tables have, or those named. With `unit`, the mean is also compared with each group's of that column.

    With many columns and distances chance alone takes some beyond their limit: a distance is called drift only where its p-value, adjusted
    for all that were asked (Benjamini and Hochberg), is at most 5 %. So of files of one distribution one comparison in twenty drifts,
    however many columns they have.

    Raises UsageError for a column that a table does not have, or that is neither numbers nor text.
    """
    wanted = list(columns) or [name for name in reference.column_names if name in current.column_names and name != unit]
    for name in [*wanted, *([unit] if unit else [])]:
        for side, table in (("reference", reference), ("current", current)):
            if name not in table.column_names:
                raise UsageError(f"the {side} file has no column {name!r}; it has: {', '.join(table.column_names)}")
    found = []
    for name in wanted:
        one = _column(name, reference, current, unit)
        if one is not None:
            found.append(one)
        elif columns:
            raise UsageError(f"column {name!r} is {reference[name].type} and {current[name].type}: numbers or text can be compared")
    return _adjusted(found)


def _column(name: str, reference: pa.Table, current: pa.Table, unit: str | None) -> ColumnDrift | None:
    before, after = reference[name].combine_chunks(), current[name].combine_chunks()
    shares = tuple(side.null_count / max(len(side), 1) for side in (before, after))
    nulls = (float(shares[0]), float(shares[1]))
    numbers = [as_numbers(side) for side in (before, after)]
    if numbers[0] is not None and numbers[1] is not None and not _all_null(before, after):
        measured = distances(Pair(numbers[0], numbers[1]))
        if unit is not None:
            measured = (*measured, _by_unit(numbers[0], reference[unit], numbers[1], current[unit]))
        return ColumnDrift(name, True, nulls, measured)
    if not all(_is_text(side.type) for side in (before, after)):
        return None
    pair = CategoryPair.of(before.cast(pa.string()), after.cast(pa.string()))
    test = DISTANCES["cramers_v"]
    return ColumnDrift(name, False, nulls, (measure(test, pair),), new=tuple(sorted(pair.new)), gone=tuple(sorted(pair.gone)))


def _all_null(*sides: pa.Array) -> bool:
    return all(len(side) and side.null_count == len(side) and _is_text(side.type) for side in sides)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind) or pa.types.is_null(kind))


def as_numbers(column: pa.Array) -> Floats | None:
    """Return a column as floats, NaN for null; text too where all of it reads as numbers, thousands commas and all; else None."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return None
    bare = pc.replace_substring(column, ",", "")
    bare = pc.if_else(pc.is_in(bare, value_set=pa.array(["", "-"])), None, bare)
    try:
        return np.asarray(bare.cast(pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        return None


def _by_unit(before: Floats, groups: pa.ChunkedArray, after: Floats, groups_now: pa.ChunkedArray) -> Distance:
    """Compare the newest groups' mean with the means of the reference's groups: the group, not the row, is what is independent."""
    means, now = _means(before, groups), _means(after, groups_now)
    n, m = len(means), len(now)
    if not n or not m:
        return Distance("mean_z_by_unit", None, None, None, n, m, DriftVerdict.EMPTY, "a side has no group with a number")
    if n < FEWEST_UNITS:
        few = f"{n} groups in the reference, fewer than {FEWEST_UNITS}"
        return Distance("mean_z_by_unit", None, None, UNIT_LIMIT, n, m, DriftVerdict.INSUFFICIENT, few)
    z = float(robust_z(np.array([np.median(now)]), means[:, None])[0]) * np.sqrt(m)
    if np.isnan(z):
        return Distance("mean_z_by_unit", None, None, None, n, m, DriftVerdict.CONSTANT, "all groups of the reference have one mean")
    verdict = DriftVerdict.DRIFT if abs(z) > UNIT_LIMIT else DriftVerdict.NO_DRIFT
    return Distance("mean_z_by_unit", z, None, UNIT_LIMIT, n, m, verdict)


def _means(values: Floats, groups: pa.ChunkedArray) -> Floats:
    coded = groups.combine_chunks().cast(pa.string()).dictionary_encode()
    place = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    keep = (place >= 0) & np.isfinite(values)
    counts = np.bincount(place[keep], minlength=len(coded.dictionary))
    sums = np.bincount(place[keep], weights=values[keep], minlength=len(coded.dictionary))
    return np.asarray(sums[counts > 0] / counts[counts > 0])


def _adjusted(found: Sequence[ColumnDrift]) -> tuple[ColumnDrift, ...]:
    every = np.array([np.nan if one.p_value is None else one.p_value for column in found for one in column.distances])
    corrected = benjamini_hochberg(every) if len(every) else every
    tests = int((~np.isnan(every)).sum())
    done, at = [], 0
    for column in found:
        mine = corrected[at : at + len(column.distances)]
        at += len(column.distances)
        own = tuple(None if np.isnan(one) else float(one) for one in mine)
        judged = tuple(_among_many(one, adjusted, tests) for one, adjusted in zip(column.distances, own, strict=True))
        done.append(replace(column, distances=judged, adjusted=own))
    return tuple(done)


def _among_many(one: Distance, adjusted: float | None, tests: int) -> Distance:
    """Take drift back where so many tests reach as much by chance."""
    if one.verdict is not DriftVerdict.DRIFT or adjusted is None or adjusted <= CHANCE:
        return one
    return replace(one, verdict=DriftVerdict.NO_DRIFT, reason=f"beyond its limit as one of {tests:,} tests is by chance (p {adjusted:.2g})")
