"""One metric: its name, its help text, its labels, and the facts that it reads. The metrics themselves are in `metrics/`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import Connection, RowMapping

from engine.market.calendar import TradingCalendar
from engine.monitoring.deadlines import Deadline
from engine.monitoring.history import deadlines, statistics
from engine.monitoring.statistics import RunStatistics
from engine.pipelines import PIPELINES
from engine.pipelines.thresholds import load
from engine.runtime import Runtime
from storage import drift, monitoring, speed_layer, thresholds

Sample = tuple[tuple[str, ...], float]  # the values of the labels, and the value


@dataclass(frozen=True)
class Facts:
    """Where metrics read from: one snapshot of the database, and one instant."""

    runtime: Runtime
    connection: Connection
    calendar: TradingCalendar
    now: datetime

    @cached_property
    def totals(self) -> Mapping[tuple[str, str], RowMapping]:
        """What runs that are over came to, by (pipeline, status)."""
        return {(row["pipeline"], row["status"]): row for row in monitoring.totals(self.connection)}

    @cached_property
    def statistics(self) -> Mapping[str, RunStatistics]:
        """The statistics of each pipeline."""
        return {name: statistics(self.connection, name) for name in PIPELINES}

    @cached_property
    def deadlines(self) -> Mapping[str, list[Deadline]]:
        """The deadlines of each pipeline that has a schedule, newest first."""
        known = load(self.connection, thresholds.version(self.connection))
        scheduled = {name: pipeline for name, pipeline in PIPELINES.items() if pipeline.due is not None}
        return {name: deadlines(self.connection, one, self.calendar, known, now=self.now) for name, one in scheduled.items()}

    @cached_property
    def drift(self) -> Mapping[str | None, int]:
        """How many sessions were compared, by their cause (None: as usual)."""
        return drift.counts(self.connection)

    @cached_property
    def streams(self) -> Mapping[str, int]:
        """What all sessions of the stream came to together."""
        return {name: int(value) for name, value in monitoring.stream_totals(self.connection).items()}

    @cached_property
    def stream(self) -> Sequence[RowMapping]:
        """The newest session of the stream; empty where there is none."""
        return speed_layer.recent(self.connection, limit=1)


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name in the exposition, what it means, and what it reads."""

    name: str
    is_counter: bool
    text: str
    labels: tuple[str, ...]
    read: Callable[[Facts], Iterable[Sample]]

    def collected(self, facts: Facts) -> Metric:
        """Return the metric with its samples."""
        kind = CounterMetricFamily if self.is_counter else GaugeMetricFamily
        metric = kind(self.name.removesuffix("_total") if self.is_counter else self.name, self.text, labels=self.labels)
        for values, value in self.read(facts):
            metric.add_metric(values, float(value))
        return metric


def family(name: str, *labels: str) -> Callable[[Callable[[Facts], Iterable[Sample]]], Family]:
    """Make a metric of what reads it; a name that ends in `_total` is a counter. The docstring is the help text."""

    def made(read: Callable[[Facts], Iterable[Sample]]) -> Family:
        return Family(name, name.endswith("_total"), (read.__doc__ or "").strip().rstrip("."), labels, read)

    return made
