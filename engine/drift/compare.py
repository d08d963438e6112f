"""Two tables, column by column: every distance with its p-value, its limit and a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from engine.drift.categories import CategoryPair
from engine.drift.columns import Kind, as_numbers, kind_of
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


@dataclass(frozen=True, slots=True)
class Change:
    """A column that only one of two tables has, or that holds another kind of values there."""

    column: str
    change: str  # gone, new, retyped
    reference: Kind | None
    current: Kind | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two tables differ; `skipped` are the columns that were not compared, and why."""

    columns: tuple[ColumnDrift, ...]
    changes: tuple[Change, ...]
    skipped: Mapping[str, str]

    @property
    def verdict(self) -> DriftVerdict:
        """Drift where a column has changed what it is, or how its values spread."""
        return DriftVerdict.DRIFT if self.changes else gravest([one.verdict for one in self.columns])


def gravest(verdicts: Sequence[DriftVerdict]) -> DriftVerdict:
    """Return the verdict on several: what is computed for some stands, unless nothing could be."""
    if DriftVerdict.DRIFT in verdicts:
        return DriftVerdict.DRIFT
    if DriftVerdict.NO_DRIFT in verdicts and not {DriftVerdict.EMPTY, DriftVerdict.INSUFFICIENT} & set(verdicts):
        return DriftVerdict.NO_DRIFT
    return next((verdict for verdict in _GRAVEST if verdict in verdicts), DriftVerdict.EMPTY)


def compare(reference: pa.Table, current: pa.Table, *, columns: Sequence[str] = (), unit: str | None = None) -> Comparison:
    """Compare two tables, or their columns that are named. With `unit`, the mean is also compared with each group's of that column.

    With many columns and distances chance alone takes some beyond their limit: a distance is called drift only where its p-value, adjusted
    for all that were asked (Benjamini and Hochberg), is at most 5 %. So of files of one distribution one comparison in twenty drifts,
    however many columns they have. A column that only one table has, or that holds another kind of values, is drift without any test.

    Dates move on by themselves from file to file: only those that are named are compared, in days.

    Raises UsageError for a column that neither table has, or one that is named and holds nothing that can be compared.
    """
    names = list(dict.fromkeys([*reference.column_names, *current.column_names]))
    for name in [*columns, *([unit] if unit else [])]:
        for side, table in (("reference", reference), ("current", current)):
            if name not in table.column_names and (name == unit or name not in names):
                raise UsageError(f"the {side} file has no column {name!r}; it has: {', '.join(table.column_names)}")
    found, changes, skipped = list[ColumnDrift](), list[Change](), dict[str, str]()
    for name in dict.fromkeys(columns) or [name for name in names if name != unit]:
        sides = [table[name].combine_chunks() if name in table.column_names else None for table in (reference, current)]
        kinds = [None if side is None else kind_of(side) for side in sides]
        if change := _changed(name, kinds[0], kinds[1]):
            changes.append(change)
        elif reason := _why_not(kinds, named=bool(columns)):
            skipped[name] = reason
        else:
            found.append(_column(name, reference, current, unit))
    if columns and skipped:
        raise UsageError("; ".join(f"column {name!r} cannot be compared: {reason}" for name, reason in skipped.items()))
    return Comparison(_adjusted(found), tuple(changes), skipped)


def _changed(name: str, before: Kind | None, after: Kind | None) -> Change | None:
    if before is None or after is None:
        return Change(name, "new" if before is None else "gone", before, after)
    return None if before is after or Kind.NOTHING in (before, after) else Change(name, "retyped", before, after)


def _why_not(kinds: Sequence[Kind | None], *, named: bool) -> str | None:
    if Kind.OTHER in kinds:
        return f"it holds {Kind.OTHER}"
    return "dates move on by themselves; name it to have it compared in days" if Kind.DATES in kinds and not named else None


def _column(name: str, reference: pa.Table, current: pa.Table, unit: str | None) -> ColumnDrift:
    before, after = reference[name].combine_chunks(), current[name].combine_chunks()
    shares = tuple(side.null_count / max(len(side), 1) for side in (before, after))
    nulls = (float(shares[0]), float(shares[1]))
    if not {kind_of(before), kind_of(after)} & {Kind.TEXT, Kind.BOOLEANS}:
        numbers = [_or_nothing(as_numbers(side), len(side)) for side in (before, after)]
        measured = distances(Pair(numbers[0], numbers[1]))
        if unit is not None:
            measured = (*measured, _by_unit(numbers[0], reference[unit], numbers[1], current[unit]))
        return ColumnDrift(name, True, nulls, measured)
    pair = CategoryPair.of(before.cast(pa.string()), after.cast(pa.string()))
    test = DISTANCES["cramers_v"]
    return ColumnDrift(name, False, nulls, (measure(test, pair),), new=tuple(sorted(pair.new)), gone=tuple(sorted(pair.gone)))


def _or_nothing(values: Floats | None, size: int) -> Floats:
    return np.full(size, np.nan) if values is None else values


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
