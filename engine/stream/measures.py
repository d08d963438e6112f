"""What a session of the stream has measured when it is over."""

from collections.abc import Mapping
from time import process_time
from typing import Any

from engine.pipeline.memory import peak_bytes
from storage.metrics import Measure

_COUNTS = {
    "records": "records",
    "accepted": "trades",
    "missing": "trades",
    "bars": "bars",
    "alerts": "alerts",
    "suppressed": "alerts",
}


def measures(figures: Mapping[str, Any]) -> list[Measure]:
    """Return the measures of a session: its figures, what was set aside by reason, and what the process that works on it has used."""
    found = [Measure("", name, unit, figures[name]) for name, unit in _COUNTS.items()]
    found += [Measure("aside", reason, "records", count) for reason, count in sorted(figures["aside"].items())]
    cpu = process_time()
    found += [Measure("", "cpu_seconds", "s", cpu), Measure("", "records_per_cpu_second", "1/s", figures["records"] / cpu)]
    peak = peak_bytes()
    return found if peak is None else [*found, Measure("", "peak_memory", "B", peak)]
