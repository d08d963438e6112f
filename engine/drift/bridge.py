"""What the Wasserstein distance of two samples of one distribution comes to by chance alone."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from engine.drift.pair import Floats, Pair

_DRAWS = 4_000  # bridges: a quantile of .95 is known to a third of a percent of chance
_SEED = 1999  # always the same bridges: a comparison that is made again says the same


class _Bridges(NamedTuple):
    edges: Floats  # of the cells that the levels 0 to 1 are cut into, close to each other towards both ends
    heights: Floats  # |B| in the middle of each cell (draws, cells)


@lru_cache(maxsize=1)
def _bridges() -> _Bridges:
    tail = np.geomspace(1e-6, 0.02, 40)
    edges = np.concatenate([[0.0], tail, np.linspace(0.02, 0.98, 65)[1:-1], 1 - tail[::-1], [1.0]])
    levels = (edges[:-1] + edges[1:]) / 2
    steps = np.random.default_rng(_SEED).normal(size=(_DRAWS, len(levels) + 1)) * np.sqrt(np.diff(levels, prepend=0.0, append=1.0))
    walk = np.cumsum(steps, axis=1)
    return _Bridges(edges, np.abs(walk[:, :-1] - walk[:, -1:] * levels))


@lru_cache(maxsize=1)  # a limit and a p-value of one pair are asked for one after the other
def _by_chance(pair: Pair) -> Floats:
    """Return distances as two samples of one distribution have them, in the unit of the values, sorted.

    sqrt(nm / (n + m)) W1 tends to the integral of |B(F(x))| dx, B a Brownian bridge (del Barrio, Giné and Matran 1999, Annals of
    Probability 27; its mean is sqrt(2 / pi) times the integral of sqrt(F (1 - F))). F is that of both samples together, as in a
    permutation test: so a heavy tail, of which each sample holds another part, raises what chance reaches. The quantiles of the integral
    depend on F and have no closed form: they are those of 4,000 bridges, which are drawn once.
    """
    bridges = _bridges()
    values = pair.together
    at = np.clip(np.ceil(bridges.edges * len(values)).astype(np.int64) - 1, 0, len(values) - 1)
    widths = np.diff(values[at])
    areas = np.einsum("ij,j->i", bridges.heights, widths)  # no matrix product: its threads wait by spinning
    return np.asarray(np.sort(areas) * np.sqrt(pair.noise))


def reached_by_chance(pair: Pair, share: float) -> float:
    """Return the distance that `share` of pairs of samples of one distribution do not exceed."""
    return float(np.quantile(_by_chance(pair), share))


def chance_of(distance: float, pair: Pair) -> float:
    """Return how often chance alone reaches a distance; never less than once in 4,001, which is all that so many bridges can say."""
    drawn = _by_chance(pair)
    return float((1 + len(drawn) - np.searchsorted(drawn, distance)) / (1 + len(drawn)))
