"""What Prometheus reads of the console: one function a metric, registered with its name, its help text and its labels.

Counters are sums over what the database keeps, so they go on where they were after a restart, and every process tells the same. Labels
have only values from closed sets: pipelines, statuses, sources, jobs; never a date, a symbol or a run.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from types import MappingProxyType

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry
from sqlalchemy import Connection, RowMapping

from engine.alerts.rules import LOOK_BACK
from engine.clock import nepal_date, nepal_time
from engine.errors import UsageError
from engine.jobs.catalogue import JOBS
from engine.jobs.timetable import overdue
from engine.market.calendar import TradingCalendar
from engine.monitoring import freshness
from engine.monitoring.deadlines import Deadline, DeadlineState, budget
from engine.monitoring.history import deadlines, statistics
from engine.monitoring.statistics import RunStatistics
from engine.pipelines import PIPELINES
from engine.pipelines.thresholds import load
from engine.runtime import Runtime
from engine.version import VERSION, code_version
from storage import (
    alert_list,
    alerts,
    breakers,
    damage,
    dates,
    dead_letters,
    drift,
    jobs,
    monitoring,
    runners,
    runs,
    sessions,
    speed_layer,
    thresholds,
)
from storage.alert_list import AlertFilter
from storage.database import free_bytes
from storage.status import ACTIVE, AlertSeverity, AlertStanding, CircuitState, DriftCause, LetterState, ProcessKind, RunStatus

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
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


_registered: dict[str, Family] = {}
FAMILIES: Mapping[str, Family] = MappingProxyType(_registered)
Reader = Callable[[Facts], Iterable[Sample]]


def _family(name: str, *labels: str) -> Callable[[Reader], Reader]:
    """Register a metric; a name that ends in `_total` is a counter. Its docstring is the help text."""

    def register(read: Reader) -> Reader:
        if name in _registered:
            raise UsageError(f"there are two metrics called {name}")
        _registered[name] = Family(name, name.endswith("_total"), (read.__doc__ or "").strip().rstrip("."), labels, read)
        return read

    return register


@_family("nepse_build_info", "version", "code")
def _build(_facts: Facts) -> Iterator[Sample]:
    """Which version of the console answers, and the fingerprint of its code."""
    yield (VERSION, code_version()), 1


@_family("nepse_simulated")
def _simulated(facts: Facts) -> Iterator[Sample]:
    """Whether the exchange is simulated."""
    yield (), facts.runtime.simulated


@_family("nepse_processes_alive", "kind")
def _processes(facts: Facts) -> Iterator[Sample]:
    """Processes that have shown a sign of life within ten seconds."""
    alive = Counter(row["kind"] for row in runners.alive(facts.connection, at=facts.now, within=runners.ALIVE_WITHIN))
    for kind in ProcessKind:
        yield (kind,), alive[kind]


@_family("nepse_runs_total", "pipeline", "status")
def _runs(facts: Facts) -> Iterator[Sample]:
    """Runs that are over."""
    for key, row in facts.totals.items():
        yield key, row["runs"]


@_family("nepse_runs_active", "status")
def _active(facts: Facts) -> Iterator[Sample]:
    """Runs that are queued or running."""
    counts = runs.queue_counts(facts.connection)
    for status in ACTIVE:
        yield (status,), counts.get(status, 0)


@_family("nepse_run_seconds_total", "pipeline", "status")
def _seconds(facts: Facts) -> Iterator[Sample]:
    """Time that runs took, from their claim to their end."""
    for key, row in facts.totals.items():
        yield key, row["duration_us"] / 1e6


@_family("nepse_run_cpu_seconds_total", "pipeline", "status")
def _cpu(facts: Facts) -> Iterator[Sample]:
    """CPU time that runs used."""
    for key, row in facts.totals.items():
        yield key, row["cpu_us"] / 1e6


@_family("nepse_rows_loaded_total", "pipeline")
def _rows(facts: Facts) -> Iterator[Sample]:
    """Rows that succeeded runs have loaded."""
    for (pipeline, status), row in facts.totals.items():
        if status == RunStatus.SUCCEEDED:
            yield (pipeline,), row["rows"]


@_family("nepse_run_duration_seconds", "pipeline", "percentile")
def _durations(facts: Facts) -> Iterator[Sample]:
    """How long the newest 200 runs that succeeded took."""
    for pipeline, known in facts.statistics.items():
        for percentile, seconds in (("50", known.p50_seconds), ("95", known.p95_seconds)):
            if seconds is not None:
                yield (pipeline, percentile), seconds


@_family("nepse_run_success_ratio", "pipeline")
def _success(facts: Facts) -> Iterator[Sample]:
    """Share of the newest 200 runs that succeeded, of those that succeeded or failed."""
    for pipeline, known in facts.statistics.items():
        if known.success_rate is not None:
            yield (pipeline,), known.success_rate


@_family("nepse_unmended_dates", "pipeline")
def _unmended(facts: Facts) -> Iterator[Sample]:
    """Dates whose run has failed, and that no later run has mended."""
    for pipeline, known in facts.statistics.items():
        yield (pipeline,), len(known.recovery.open)


@_family("nepse_sessions_behind")
def _behind(facts: Facts) -> Iterator[Sample]:
    """Sessions that are due since the newest one in the lake and are not in it, promised or not: what the Overview tells."""
    until = nepal_date(facts.now)
    newest = sessions.last_before(facts.connection, until + timedelta(days=1))
    since = None if newest is None else newest["session"]
    for name, pipeline in PIPELINES.items():
        if pipeline.sequential:
            verdicts = dates.verdicts(facts.connection, name, freshness.begins(until, since), until)
            known = freshness.expected(verdicts, calendar=facts.calendar, due=pipeline.due, now=facts.now)
            yield (), len(freshness.behind(known, since))


@_family("nepse_newest_session_timestamp_seconds")
def _newest(facts: Facts) -> Iterator[Sample]:
    """The newest session in the lake: the closing of the exchange on it."""
    newest = sessions.last_before(facts.connection, date.max)
    if newest is not None:
        yield (), nepal_time(newest["session"], 15).timestamp()


@_family("nepse_deadline_state", "pipeline", "state")
def _deadline(facts: Facts) -> Iterator[Sample]:
    """Where the newest session that was promised stands to its deadline: 1 for its state."""
    for pipeline, known in facts.deadlines.items():
        for state in DeadlineState if known else ():
            yield (pipeline, state.value.replace(" ", "_")), known[0].state is state


@_family("nepse_deadline_budget_left", "pipeline")
def _budget(facts: Facts) -> Iterator[Sample]:
    """How many of the last 60 sessions may still be late; below nought: the objective is missed."""
    limits = load(facts.connection, thresholds.version(facts.connection))
    for pipeline, known in facts.deadlines.items():
        yield (pipeline,), budget(known, limits).left


@_family("nepse_dead_letters", "state")
def _letters(facts: Facts) -> Iterator[Sample]:
    """Dead letters by where they stand."""
    counts = dead_letters.counts_by_state(facts.connection)
    for state in LetterState:
        yield (state,), counts.get(state, 0)


@_family("nepse_circuit_state", "source", "state")
def _circuits(facts: Facts) -> Iterator[Sample]:
    """The circuits of the sources: 1 for the state of each."""
    known = {facts.runtime.source.name: CircuitState.CLOSED} | {row["name"]: row["state"] for row in breakers.every(facts.connection)}
    for source, at in sorted(known.items()):
        for state in CircuitState:
            yield (source, state), at == state


@_family("nepse_job_last_success_timestamp_seconds", "job")
def _jobs(facts: Facts) -> Iterator[Sample]:
    """When a job (backup, drill, scrub) succeeded last."""
    for job in JOBS:
        last = jobs.succeeded(facts.connection, job)
        if last is not None:
            yield (job,), last["finished_at"].timestamp()


@_family("nepse_backup_overdue_seconds")
def _overdue(facts: Facts) -> Iterator[Sample]:
    """For how long a backup has been due that would hold something new; 0 where all is saved, or no clock asks for backups."""
    yield (), overdue(facts.connection, facts.runtime.settings, now=facts.now).total_seconds()


@_family("nepse_damaged_files")
def _damaged(facts: Facts) -> Iterator[Sample]:
    """Files of the lake that were found missing or damaged."""
    yield (), len(damage.paths(facts.connection))


@_family("nepse_disk_free_bytes")
def _disk(facts: Facts) -> Iterator[Sample]:
    """Bytes that are free on the disk of the home."""
    yield (), free_bytes(facts.runtime.settings.home)


@_family("nepse_stream_records_total")
def _records(facts: Facts) -> Iterator[Sample]:
    """Records that sessions of the stream have received."""
    yield (), facts.streams["records"]


@_family("nepse_stream_accepted_total")
def _accepted(facts: Facts) -> Iterator[Sample]:
    """Trades that sessions of the stream have accepted."""
    yield (), facts.streams["accepted"]


@_family("nepse_stream_alerts_total")
def _alerts(facts: Facts) -> Iterator[Sample]:
    """Alerts that rules of the stream have raised."""
    yield (), facts.streams["alerts"]


@_family("nepse_stream_missing_trades")
def _missing(facts: Facts) -> Iterator[Sample]:
    """Trades of the newest session of the stream that the holes in its contract ids stand for."""
    yield from (((), row["missing"]) for row in facts.stream)


@_family("nepse_stream_watermark_timestamp_seconds")
def _watermark(facts: Facts) -> Iterator[Sample]:
    """Up to which time of the market the newest session of the stream has come."""
    yield from (((), row["watermark_us"] / 1e6) for row in facts.stream if row["watermark_us"] is not None)


@_family("nepse_stream_updated_timestamp_seconds")
def _updated(facts: Facts) -> Iterator[Sample]:
    """When the stream committed last."""
    yield from (((), row["updated_at"].timestamp()) for row in facts.stream)


@_family("nepse_stream_active")
def _working(facts: Facts) -> Iterator[Sample]:
    """Sessions of the stream that are not over."""
    yield (), facts.streams["active"]


@_family("nepse_drift_sessions_compared")
def _compared(facts: Facts) -> Iterator[Sample]:
    """Sessions that have been compared with those before them, and need not be anew."""
    yield (), sum(facts.drift.values())


@_family("nepse_drift_sessions", "cause")
def _drifted(facts: Facts) -> Iterator[Sample]:
    """Compared sessions with something beyond its limit, by what each is taken for: alarm (a person is to look), regime, declared."""
    for cause in DriftCause:
        yield (cause,), facts.drift.get(cause, 0)


@_family("nepse_drift_open_alarms")
def _open_alarms(facts: Facts) -> Iterator[Sample]:
    """Sessions of the last 30 days that are an alarm, and of which nobody has said what it was."""
    today = nepal_date(facts.now)
    yield (), len(drift.open_alarms(facts.connection, today - LOOK_BACK, today))


@_family("nepse_drift_newest_beyond_limit", "cause")
def _drift_now(facts: Facts) -> Iterator[Sample]:
    """Statistics of the newest compared session that lie beyond their limit, by what the session is taken for."""
    for newest in drift.newest(facts.connection, limit=1):
        for cause in DriftCause:
            yield (cause,), newest["alarms"] if newest["cause"] == cause else 0


@_family("nepse_stream_alerts_by_standing", "standing")
def _standing(facts: Facts) -> Iterator[Sample]:
    """Alerts of the stream (trades that broke a rule) by where they stand; those of operations are nepse_alerts_firing."""
    counts = alert_list.counts(facts.connection, AlertFilter(), at=facts.now)
    for standing in AlertStanding:
        yield (standing,), counts.get(standing, (0, 0))[0]


@_family("nepse_alerts_firing", "severity")
def _firing(facts: Facts) -> Iterator[Sample]:
    """Alerts of operations (runs, sessions, sources, this machine) that fire, by severity; what trades broke are stream alerts."""
    counts = alerts.count_open(facts.connection)
    for severity in AlertSeverity:
        yield (severity,), counts.get(severity, 0)


class _Console(Collector):
    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        return (family.collected(self._facts) for family in FAMILIES.values())


def exposition(runtime: Runtime, calendar: TradingCalendar) -> bytes:
    """Return every metric in the text format of Prometheus 0.0.4."""
    with runtime.database.reading() as connection:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Console(Facts(runtime, connection, calendar, runtime.clock.now())))
        return generate_latest(registry)
