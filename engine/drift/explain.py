"""Why a session lies far from its reference: the symbols and sectors without which it would not, and since when."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from engine.drift.judging import FEWEST_SESSIONS, RECENT, discovered, levels_of, pooled, sector_z, symbol_z
from engine.drift.pair import Floats, Pair
from engine.drift.session import USUAL, USUAL_OF, SessionSample, flagged, sector_of, table_of
from engine.drift.watched import BY_SYMBOL, DISTRIBUTIONS, SECTOR_MIX, SECTORS, SYMBOLS, WATCHED
from engine.market.reference import Reference

MOST = 5  # drivers that are named
FEWEST_TO_DRIVE = 0.05  # of the distance: a group without which it stays is no driver


@dataclass(frozen=True, slots=True)
class Driver:
    """A group of symbols: how many rows it has, and which share of the distance goes with it when it is left out."""

    group: str
    rows: int
    share: float


class Concerned(NamedTuple):
    """The rows that a rate is about: how many of how many, and the first symbols of them."""

    rows: int
    of: int
    symbols: tuple[str, ...]


def sectors_behind(sample: SessionSample, window: Sequence[SessionSample], feature: str, reference: Reference) -> tuple[Driver, ...]:
    """Return the sectors by how much of a feature's Wasserstein distance goes when their rows are left out of the session."""
    groups: dict[str, list[int]] = {}
    for at, symbol in enumerate(sample.symbols):
        groups.setdefault(sector_of(symbol, reference), []).append(at)
    return _left_out(sample, window, feature, groups)


def symbols_behind(sample: SessionSample, window: Sequence[SessionSample], feature: str) -> tuple[Driver, ...]:
    """Return the symbols that lie farthest from their own past in a feature, of those that are no chance, with their robust z as share."""
    z = symbol_z(sample, window, feature)
    order = np.argsort(-np.nan_to_num(np.abs(z)), kind="stable")[:MOST]
    found = discovered(z)
    return tuple(Driver(sample.symbols[at], 1, float(z[at])) for at in order if found[at])


def far(sample: SessionSample, window: Sequence[SessionSample], feature: str) -> tuple[Driver, ...]:
    """Return which sectors or symbols are counted as far from their own past, and in what: the farthest, with their robust z as share."""
    if len(window) < FEWEST_SESSIONS or feature not in (SECTORS, SYMBOLS):
        return ()
    if feature == SECTORS:
        found = {tuple(key.split("/", 1)): z for key, z in sector_z(sample, window).items()}
    else:
        by_name = {name: symbol_z(sample, window, name) for name in BY_SYMBOL}
        found = {(name, symbol): float(z[at]) for name, z in by_name.items() for at, symbol in enumerate(sample.symbols)}
    counted = discovered(np.array(list(found.values())))
    those = [(name, group, z) for ((name, group), z), is_far in zip(found.items(), counted, strict=True) if is_far]
    those.sort(key=lambda one: -abs(one[2]))
    return tuple(Driver(f"{group}: {WATCHED[name].title.lower()}", 1, z) for name, group, z in those[:MOST])


def counts(sample: SessionSample, window: Sequence[SessionSample], feature: str) -> list[dict[str, Any]]:
    """Return the sectors whose number of symbols differs most from what is usual, where a feature is about how many there are."""
    if not window or feature not in ("rows", SECTOR_MIX):
        return []
    keys = sorted({key for one in (*window[-RECENT:], sample) for key in one.levels if key.startswith(f"{SECTOR_MIX}:")})
    usual_of = np.median(np.nan_to_num(levels_of(window, keys)), axis=0)
    now = np.nan_to_num(levels_of([sample], keys)[0])
    order = [at for at in np.argsort(-np.abs(now - usual_of), kind="stable")[:MOST] if now[at] != usual_of[at]]
    return [{"group": keys[at].partition(":")[2], "rows": int(now[at]), "usual": float(usual_of[at])} for at in order]


def concerned(
    silver: pa.Table, feature: str, parts: Sequence[str], past: Sequence[SessionSample], reference: Reference
) -> Concerned | None:
    """Return the symbols that a rate counts, those of the largest turnover first; None of a feature that is not one of rows."""
    symbols, table = silver["symbol"].to_pylist(), table_of(silver)
    if feature in ("missing_symbols", "missing_sector"):
        return _absent(symbols, past, parts, reference)
    with np.errstate(divide="ignore", invalid="ignore"):
        known = flagged(table, symbols, reference, silver["session"][0].as_py())
    known |= {f"nulls:{name}": (np.isnan(column), slice(None)) for name, column in table.items()}
    known |= {f"zeros:{name}": (column == 0, slice(None)) for name, column in table.items()}
    key = f"{feature}:{parts[0]}" if parts else feature
    if key not in known:
        return None
    flags, of = known[key]
    among = np.zeros(len(symbols), bool)
    among[of] = True
    at = np.flatnonzero(flags & among)
    order = at[np.argsort(-np.nan_to_num(table["turnover"][at]), kind="stable")]
    return Concerned(len(at), int(among.sum()), tuple(symbols[one] for one in order[:MOST]))


def _absent(symbols: Sequence[str], past: Sequence[SessionSample], parts: Sequence[str], reference: Reference) -> Concerned:
    seen = Counter(symbol for one in past[-USUAL_OF:] for symbol in one.symbols)
    usual_ones = sorted(symbol for symbol, times in seen.items() if times >= USUAL and (not parts or sector_of(symbol, reference) in parts))
    gone = [symbol for symbol in usual_ones if symbol not in set(symbols)]
    return Concerned(len(gone), len(usual_ones), tuple(gone[:MOST]))


def _left_out(
    sample: SessionSample, window: Sequence[SessionSample], feature: str, groups: Mapping[str, Sequence[int]]
) -> tuple[Driver, ...]:
    if feature not in DISTRIBUTIONS or not window:
        return ()
    values = sample.values(feature).astype(np.float64)
    reference = Pair(pooled(window, feature), values)
    if not reference.n or not reference.m or reference.is_constant:
        return ()
    whole = _distance(reference)
    found = []
    for group, rows in groups.items():
        rest = np.delete(values, rows)
        if np.isfinite(rest).any() and whole > 0:
            left = _distance(Pair(reference.sorted[0], rest))
            found.append(Driver(group, len(rows), (whole - left) / whole))
    return tuple(sorted((one for one in found if one.share >= FEWEST_TO_DRIVE), key=lambda one: -one.share)[:MOST])


def _distance(pair: Pair) -> float:
    values, difference = pair.steps
    return float((np.abs(difference[:-1]) * np.diff(values)).sum())


def histogram(reference: Floats, current: Floats, *, bins: int = 40) -> tuple[Floats, Floats, Floats]:
    """Return the edges of equal bins between 0.5 % and 99.5 % of both samples, and the share of each sample in them; the ends are open."""
    known = [side[np.isfinite(side)] for side in (reference, current)]
    both = np.concatenate([np.quantile(side, [0.005, 0.995]) for side in known if len(side)] or [np.array([0.0, 1.0])])
    low, high = float(both.min()), float(both.max())
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    inside = np.concatenate([[-np.inf], edges[1:-1], [np.inf]])
    shares = [np.histogram(side, inside)[0] / max(len(side), 1) for side in known]
    return edges, shares[0], shares[1]
