"""Two samples of one column, sorted once: every distance reads the same sorted arrays, the same merged grid and the same bins."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

BINS = 10  # quantiles of the reference


@dataclass(frozen=True, slots=True)
class Bins:
    """How many values of each sample fall between reference quantiles; the ends are open; nulls, if any, are a bin of their own."""

    edges: Floats  # inner edges: one fewer than the bins of values
    reference: Counts
    current: Counts

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """Return both samples as shares of their size."""
        return self.reference / self.reference.sum(), self.current / self.current.sum()


class Pair:
    """A reference and a current sample of numbers.

    What is no finite number is a null: it is in no distance but as a bin of PSI and Jensen-Shannon. Arrays are not copied where they hold
    no null, and not changed.
    """

    def __init__(self, reference: ArrayLike, current: ArrayLike, *, bins: int = BINS) -> None:
        self._raw = tuple(np.asarray(sample, dtype=np.float64) for sample in (reference, current))
        self._bins = bins

    @cached_property
    def _finite(self) -> tuple[Floats, Floats]:
        reference, current = (_finite(sample) for sample in self._raw)
        return reference, current

    @property
    def n(self) -> int:
        """The numbers of the reference."""
        return len(self._finite[0])

    @property
    def m(self) -> int:
        """The numbers of the current sample."""
        return len(self._finite[1])

    @property
    def nulls(self) -> tuple[int, int]:
        """What is no number, on both sides."""
        return len(self._raw[0]) - self.n, len(self._raw[1]) - self.m

    @property
    def noise(self) -> float:
        """1/n + 1/m, by which the sampling error of most distances goes."""
        return 1 / self.n + 1 / self.m

    @cached_property
    def moments(self) -> tuple[float, float, float, float]:
        """Mean and sample standard deviation of the reference, then of the current sample; a deviation of one number is 0."""
        spread = [float(sample.std(ddof=1)) if len(sample) > 1 else 0.0 for sample in self._finite]
        return float(self._finite[0].mean()), spread[0], float(self._finite[1].mean()), spread[1]

    @property
    def is_constant(self) -> bool:
        """Whether the reference is one single value: nothing can be counted in its deviations."""
        return bool(self.sorted[0][0] == self.sorted[0][-1])

    @cached_property
    def sorted(self) -> tuple[Floats, Floats]:
        """Both samples in order."""
        return np.sort(self._finite[0]), np.sort(self._finite[1])

    @cached_property
    def _merged(self) -> tuple[Floats, NDArray[np.bool_]]:
        """Both samples as one, in order, and which of its values are of the current one."""
        both = np.concatenate(self.sorted)
        order = np.argsort(both, kind="stable")  # merges two runs that are in order: half of what a search for each value costs
        return both.take(order), order >= self.n

    @property
    def together(self) -> Floats:
        """Both samples as one, in order."""
        return self._merged[0]

    @cached_property
    def steps(self) -> tuple[Floats, Floats]:
        """The distinct values of both samples together, and the difference of the two distribution functions at each of them."""
        grid, is_current = self._merged
        seen = np.cumsum(is_current, dtype=np.int32)
        difference = (np.arange(1, len(grid) + 1, dtype=np.int32) - seen) / self.n
        difference -= seen / self.m
        last = np.append(grid[1:] != grid[:-1], True)
        return (grid, difference) if last.all() else (grid[last], difference[last])

    @cached_property
    def bins(self) -> Bins:
        """Both samples counted between reference quantiles; ties among the quantiles are one edge."""
        reference, current = self.sorted
        edges = np.unique(reference[np.ceil(np.arange(1, self._bins) * self.n / self._bins).astype(np.int64) - 1])
        edges = edges[edges < reference[-1]]  # an edge above all of the reference would leave its last bin empty
        if not len(edges):  # one single value: what is below it, itself, and above
            edges = np.array([np.nextafter(reference[0], -np.inf), reference[0]])
        counted = [np.diff(np.searchsorted(sample, edges, side="right"), prepend=0, append=len(sample)) for sample in (reference, current)]
        if any(self.nulls):
            counted = [np.append(counts, nulls) for counts, nulls in zip(counted, self.nulls, strict=True)]
        return Bins(edges, counted[0], counted[1])


def _finite(sample: Floats) -> Floats:
    keep = np.isfinite(sample)
    return sample if keep.all() else sample[keep]
