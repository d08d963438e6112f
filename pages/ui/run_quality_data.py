"""Reads of what the gate said of runs: the report, what each check found, and what a person decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

import engine.runtime
from engine.thresholds import snapshot
from pages.ui import data
from pages.ui.shared import shared
from pages.ui.views import View
from storage import quality
from storage.status import CheckStatus, Decision, GateVerdict

_ORDER = (CheckStatus.FAILED, CheckStatus.WARNED, CheckStatus.PASSED, CheckStatus.NOT_APPLICABLE, CheckStatus.OFF)
_NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ReportView(View):
    """What the gate said of one run's session."""

    run_id: int
    pipeline: str
    partition: date
    session: date
    source_sha256: str
    verdict: GateVerdict
    approved_by: str | None
    reason: str
    physical: int
    header: int
    blank: int
    loaded: int
    quarantined: int
    duplicates: int
    warned: int
    threshold_version: int
    thresholds: Any


@dataclass(frozen=True, slots=True)
class ResultView(View):
    """What one check found in one run."""

    check_id: str
    scope: str
    status: CheckStatus
    applicable: int
    warned: int
    failed: int
    explained: int
    worst: float | None
    observed: float | None
    bound: float | None
    warn_above: float | None
    error_above: float | None
    reason: str | None
    sample: Any


@dataclass(frozen=True, slots=True)
class DecisionView(View):
    """What a person decided about a blocked session."""

    run_id: int
    decision: Decision | None
    decided_by: str
    decided_at: datetime
    reason: str


@shared(seconds=data.LIVE, entries=200)
def report(run_id: int) -> ReportView | None:
    """Return the report of a run, or None."""
    with engine.runtime.runtime().database.reading() as connection:
        row = quality.report_of(connection, run_id)
    return None if row is None else ReportView.of(row)


@shared(seconds=data.CALM, entries=200)
def results(run_id: int) -> tuple[ResultView, ...]:
    """Return what each check found in a run, what failed first."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = [ResultView.of(row) for row in quality.results_of(connection, run_id)]
    return tuple(sorted(rows, key=lambda row: (_ORDER.index(row.status), -row.failed, -row.warned, row.check_id)))


def limits(run_id: int) -> Mapping[str, float]:
    """Return the thresholds that a run was judged by, by key; none where it was not judged."""
    found = report(run_id)
    return _NONE if found is None else snapshot(found.thresholds or {}, found.threshold_version).values  # only those turned are stored


@shared(seconds=data.LIVE, entries=100)
def decision(pipeline: str, partition: date, sha256: str) -> DecisionView | None:
    """Return the newest decision about these bytes of a date's file, or None."""
    with engine.runtime.runtime().database.reading() as connection:
        row = quality.decision_for(connection, pipeline, partition, sha256)
    return None if row is None else DecisionView.of(row)
