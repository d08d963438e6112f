"""What the history of a pipeline's runs comes to: how often they succeed, how long they take, how soon what failed was mended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil, expm1, log
from statistics import median
from typing import Self

from storage.status import RunStatus

FEWEST = 20  # earlier runs that a duration is compared with, at least
UNUSUAL = 3.5  # robust z from which a duration is unusual (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993)
STEADY = 0.1  # a change of the duration by less than a tenth is none
_SHORTEST = 1e-3  # seconds: what is measured as none has a logarithm too
_BAD = (RunStatus.FAILED, RunStatus.CRASHED)
_SCALE = 0.6745  # makes the median deviation of normal values their standard deviation


@dataclass(frozen=True, slots=True)
class EndedRun:
    """What a statistic needs of a run that is over; durations in seconds."""

    id: int
    partition: date
    status: RunStatus
    finished_at: datetime
    seconds: float
    cpu_seconds: float
    rows: int


@dataclass(frozen=True, slots=True)
class Trend:
    """Where durations go: their change from the first to the last run, and whether that is more than chance.

    The change is a share of what the trend has at the first run, and never less than -1, at which a run would take no time: -0.5 is half
    as long, 1.0 twice as long.
    """

    change: float
    p_value: float

    @property
    def is_more_than_chance(self) -> bool:
        """Whether Kendall's tau says so at the usual level."""
        return self.p_value < 0.05  # noqa: PLR2004, the usual level

    @property
    def word(self) -> str:
        """Say it in a word."""
        if not self.is_more_than_chance or abs(self.change) < STEADY:
            return "steady"
        return "slower" if self.change > 0 else "faster"


@dataclass(frozen=True, slots=True)
class Recovery:
    """How soon dates that failed were mended, in seconds from the end of the first failed run to that of the next good one."""

    mended: int
    median_seconds: float | None
    open: tuple[date, ...]  # dates that failed and have not been mended

    @classmethod
    def of(cls, runs: Sequence[EndedRun]) -> Self:
        """Return it of runs of any order; a cancelled run mends nothing."""
        failed: dict[date, datetime] = {}
        took: list[float] = []
        for run in sorted(runs, key=lambda run: run.id):  # one after the other: each run opens or closes the failure of its date
            if run.status in _BAD:
                failed.setdefault(run.partition, run.finished_at)
            elif run.status is not RunStatus.CANCELLED and run.partition in failed:
                took.append((run.finished_at - failed.pop(run.partition)) / timedelta(seconds=1))
        return cls(len(took), median(took) if took else None, tuple(sorted(failed)))


@dataclass(frozen=True, slots=True)
class RunStatistics:
    """The history of a pipeline's runs in numbers; None where no run tells it. Durations in seconds."""

    runs: int
    succeeded: int
    failed: int  # crashed ones among them
    closed: int  # dates on which the exchange held no session
    cancelled: int
    p50_seconds: float | None
    p95_seconds: float | None
    newest_seconds: float | None
    unusual: float | None  # robust z of the newest duration against those before it; None of too few
    trend: Trend | None
    cpu_seconds: float | None  # median
    rows_per_second: float | None
    recovery: Recovery

    @property
    def success_rate(self) -> float | None:
        """The share of runs that succeeded, of those that succeeded or failed: a closed day or a cancelled run is neither."""
        judged = self.succeeded + self.failed
        return self.succeeded / judged if judged else None

    @property
    def newest_is_unusual(self) -> bool:
        """Whether the newest run took unusually long."""
        return self.unusual is not None and self.unusual > UNUSUAL


def statistics_of(runs: Sequence[EndedRun]) -> RunStatistics:
    """Return the statistics of runs, oldest first."""
    good = [run for run in runs if run.status is RunStatus.SUCCEEDED]
    took = [run.seconds for run in good]
    seconds = sum(took)
    return RunStatistics(
        runs=len(runs),
        succeeded=len(good),
        failed=sum(run.status in _BAD for run in runs),
        closed=sum(run.status is RunStatus.SKIPPED for run in runs),
        cancelled=sum(run.status is RunStatus.CANCELLED for run in runs),
        p50_seconds=percentile(took, 0.5),
        p95_seconds=percentile(took, 0.95),
        newest_seconds=took[-1] if took else None,
        unusual=robust_z(took[-1], took[:-1]) if took else None,
        trend=trend(took),
        cpu_seconds=median(run.cpu_seconds for run in good) if good else None,
        rows_per_second=sum(run.rows for run in good) / seconds if seconds else None,
        recovery=Recovery.of(runs),
    )


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which `share` (0 to 1) of the values lie, by nearest rank; None of none."""
    return sorted(values)[max(ceil(share * len(values)) - 1, 0)] if values else None


def robust_z(value: float, earlier: Sequence[float]) -> float | None:
    """Return 0.6745 (value - median) / MAD of the *earlier* values (Iglewicz and Hoaglin 1993); None where they are too few, or all equal.

    The value itself is never among them: within n values no deviation can exceed (n - 1) / sqrt(n) of their spread.
    """
    if len(earlier) < FEWEST:
        return None
    middle = median(earlier)
    spread = median(abs(one - middle) for one in earlier)
    return _SCALE * (value - middle) / spread if spread else None


def trend(values: Sequence[float]) -> Trend | None:
    """Return the trend of values: slope by Theil and Sen over the whole series, p by Kendall's tau; None of too few, or all equal.

    The slope is that of their logarithms: a straight line through the values themselves would fall below zero.
    """
    from scipy.stats import kendalltau, theilslopes  # noqa: PLC0415, half a second that a runner need not wait

    if len(values) < FEWEST or min(values) == max(values):
        return None
    slope = float(theilslopes([log(max(one, _SHORTEST)) for one in values]).slope)
    p_value = float(kendalltau(range(len(values)), values).pvalue)
    return Trend(expm1(slope * (len(values) - 1)), p_value)
