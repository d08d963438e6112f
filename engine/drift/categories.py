"""Two samples of names: what is counted, what is new and what is gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.drift.pair import Floats

FEWEST_EXPECTED = 5  # of a category; rarer ones are counted as one


@dataclass(frozen=True)
class CategoryPair:
    """How often each category stands in the reference and in the current sample."""

    names: Sequence[str]
    reference: Floats
    current: Floats
    nulls: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, reference: pa.Array, current: pa.Array) -> "CategoryPair":
        """Count two columns of text; a null is in no category."""
        counted = [pc.value_counts(side.drop_null()) for side in (reference, current)]
        names = pa.concat_arrays([side.field("values") for side in counted]).unique()
        counts = []
        for side in counted:
            found = pc.index_in(names, value_set=side.field("values"))
            counts.append(side.field("counts").take(found).fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64))
        return cls(names.to_pylist(), counts[0], counts[1], (reference.null_count, current.null_count))

    @property
    def n(self) -> int:
        """The names of the reference."""
        return int(self.reference.sum())

    @property
    def m(self) -> int:
        """The names of the current sample."""
        return int(self.current.sum())

    @property
    def is_constant(self) -> bool:
        """Whether the reference is one single category."""
        return int(np.count_nonzero(self.reference)) <= 1

    @property
    def new(self) -> list[str]:
        """Categories that only the current sample has."""
        return [self.names[int(at)] for at in np.flatnonzero((self.reference == 0) & (self.current > 0))]

    @property
    def gone(self) -> list[str]:
        """Categories that only the reference has."""
        return [self.names[int(at)] for at in np.flatnonzero((self.reference > 0) & (self.current == 0))]

    @cached_property
    def pooled(self) -> tuple[Floats, Floats]:
        """The counts with rare categories, expected fewer than five times on a side, added up to one."""
        whole = self.reference + self.current
        expected = whole * min(self.n, self.m) / (self.n + self.m)
        often = expected >= FEWEST_EXPECTED
        if often.all():
            return self.reference, self.current
        rest = [np.append(side[often], side[~often].sum()) for side in (self.reference, self.current)]
        return rest[0], rest[1]

    @cached_property
    def chi_square(self) -> float:
        """Sum (observed - expected)^2 / expected over both samples and all categories."""
        counts = np.array(self.pooled)
        expected = counts.sum(axis=0) * counts.sum(axis=1, keepdims=True) / counts.sum()
        return float(((counts - expected) ** 2 / np.where(expected > 0, expected, 1)).sum())
