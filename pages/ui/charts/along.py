"""The axis of charts that go from run to run: of which date each was, as many named as there is room for."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from pages.ui import theme

NAMED = 4  # runs: as many as a phone has room for
_INSIDE = {"alignMinLabel": "left", "alignMaxLabel": "right"}  # or the first and the last name would be cut at the edges


def name(run_id: int, day: date) -> str:
    """Return what a run is called below a chart: its date, and its number, as a date may have run more than once."""
    return f"{day:%-d %b %Y}\nrun {run_id}"


def axis(runs: int) -> dict[str, Any]:
    """Return the axis of so many runs, the oldest at the left: the first and the last are named, and some between."""
    muted = theme.hexadecimal("gray")
    places = places_of(runs)
    return {
        "type": "category",
        "axisLabel": {"color": muted, "customValues": places, "hideOverlap": True, "lineHeight": 14} | _INSIDE,
        "axisTick": {"customValues": places},
        "axisLine": {"lineStyle": {"color": muted}},
    }


def places_of(runs: int) -> Sequence[int]:
    """Return the places of the runs that are named, evenly spread."""
    steps = min(NAMED, runs) - 1
    return [round(step * (runs - 1) / steps) for step in range(steps + 1)] if steps > 0 else list(range(runs))
