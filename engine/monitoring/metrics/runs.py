"""What runs came to, what they used, and how the newest did."""

from collections.abc import Iterator

from engine.monitoring.family import Facts, Sample, family
from storage import runs
from storage.status import ACTIVE, RunStatus


@family("nepse_runs_total", "pipeline", "status")
def _runs(facts: Facts) -> Iterator[Sample]:
    """Runs that are over."""
    for key, row in facts.totals.items():
        yield key, row["runs"]


@family("nepse_runs_active", "status")
def _active(facts: Facts) -> Iterator[Sample]:
    """Runs that are queued or running."""
    counts = runs.queue_counts(facts.connection)
    for status in ACTIVE:
        yield (status,), counts.get(status, 0)


@family("nepse_run_seconds_total", "pipeline", "status")
def _seconds(facts: Facts) -> Iterator[Sample]:
    """Time that runs took, from their claim to their end."""
    for key, row in facts.totals.items():
        yield key, row["duration_us"] / 1e6


@family("nepse_run_cpu_seconds_total", "pipeline", "status")
def _cpu(facts: Facts) -> Iterator[Sample]:
    """CPU time that runs used."""
    for key, row in facts.totals.items():
        yield key, row["cpu_us"] / 1e6


@family("nepse_rows_loaded_total", "pipeline")
def _rows(facts: Facts) -> Iterator[Sample]:
    """Rows that succeeded runs have loaded."""
    for (pipeline, status), row in facts.totals.items():
        if status == RunStatus.SUCCEEDED:
            yield (pipeline,), row["rows"]


@family("nepse_run_duration_seconds", "pipeline", "percentile")
def _durations(facts: Facts) -> Iterator[Sample]:
    """How long the newest 200 runs that succeeded took."""
    for pipeline, known in facts.statistics.items():
        for percentile, seconds in (("50", known.p50_seconds), ("95", known.p95_seconds)):
            if seconds is not None:
                yield (pipeline, percentile), seconds


@family("nepse_run_success_ratio", "pipeline")
def _success(facts: Facts) -> Iterator[Sample]:
    """Share of the newest 200 runs that succeeded, of those that succeeded or failed."""
    for pipeline, known in facts.statistics.items():
        if known.success_rate is not None:
            yield (pipeline,), known.success_rate


@family("nepse_unmended_dates", "pipeline")
def _unmended(facts: Facts) -> Iterator[Sample]:
    """Dates whose run has failed, and that no later run has mended."""
    for pipeline, known in facts.statistics.items():
        yield (pipeline,), len(known.recovery.open)
