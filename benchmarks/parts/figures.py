"""How a benchmark prints: one figure a line, its goal or its rival beside it."""

import math
from collections.abc import Sequence

# Measured once on a machine of two cores: six trivial chained tasks at default settings, from the HTTP trigger to the polled end.
# Much of Dagster's and Prefect's figure is a poll interval that can be tuned down; see docs/architecture.md before quoting.
CAVEAT = "measured earlier on such a machine, not in this run; default settings, from HTTP trigger to polled end"


def show(name: str, measured: str, beside: str = "") -> None:
    """Print one figure."""
    print(f"  {name:<62} {measured:>14}   {beside}".rstrip(), flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie, by nearest rank."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]
