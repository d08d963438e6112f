"""How the values of a session lie, in three numbers each: what a run measures of its rows beside their sums."""

from collections.abc import Mapping
from math import ceil

import numpy as np
from numpy.typing import NDArray

SHARES: Mapping[str, float] = {"p05": 0.05, "p50": 0.5, "p95": 0.95}


def summary(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    """Return `<name>_p05`, `_p50` and `_p95`: percentiles by nearest rank of the values that are numbers; of none, nothing."""
    known = np.sort(values[np.isfinite(values)])
    if not len(known):
        return {}
    return {f"{name}_{share_name}": float(known[max(ceil(share * len(known)) - 1, 0)]) for share_name, share in SHARES.items()}
