"""Why a session lies far from its reference: the symbols and sectors without which it would not, and since when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.drift.judging import discovered, pooled, symbol_z
from engine.drift.pair import Floats, Pair
from engine.drift.session import SessionSample, sector_of
from engine.drift.watched import DISTRIBUTIONS
from engine.market.reference import Reference

MOST = 5  # drivers that are named
FEWEST_TO_DRIVE = 0.05  # of the distance: a group without which it stays is no driver


@dataclass(frozen=True, slots=True)
class Driver:
    """A group of symbols: how many rows it has, and which share of the distance goes with it when it is left out."""

    group: str
    rows: int
    share: float


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
