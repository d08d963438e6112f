"""Reads of the Quality and the Thresholds page alone, cached like those of `data`; nothing here writes."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import engine.runtime
from engine.pipelines.thresholds import load
from engine.quality import CHECKS
from engine.quality.check import Check
from engine.thresholds import Thresholds
from pages.ui import data
from pages.ui.quality_views import (
    AsideView,
    ChangeView,
    DecisionView,
    FindingView,
    JudgedView,
    LabelView,
    ReportView,
    ResultView,
    StatusView,
)
from pages.ui.shared import shared
from storage import lake, sessions
from storage import quality as stored
from storage import thresholds as stored_thresholds

LAST = 60  # sessions that the Quality page looks back over
MOST_SESSIONS = 2_500  # that limits are tried on: ten years
MOST_CHANGES = 200
_FOR_GOOD = 3600.0  # seconds; at the latest then it is read again
_BEYOND = timedelta(days=60)  # of the calendar behind a session of long ago


def name_of(check_id: str) -> str:
    """Return the name of a check, or of another group of thresholds, as people read it."""
    return check_id.replace("_", " ").replace(".", ": ")


def id_of(name: str) -> str:
    """Return the check that people read so."""
    return name.replace(": ", ".").replace(" ", "_")


def check_named(check_id: str | None) -> Check | None:
    """Return a check of the catalogue, or None."""
    return CHECKS.get(check_id or "")


@shared(seconds=data.CALM, entries=20)
def judged(pipeline: str, *, limit: int = LAST, until: date = date.max) -> tuple[JudgedView, ...]:
    """Return the newest judgement of each of the last sessions, oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(JudgedView.of(row) for row in stored.judged(connection, pipeline, limit=limit, until=until))


def around(pipeline: str, session: date | None) -> tuple[JudgedView, ...]:
    """Return the last sessions; of a session before them, those around it."""
    recent = judged(pipeline)
    if session is None or not recent or session >= recent[0].session:
        return recent
    return judged(pipeline, until=session + _BEYOND)


@shared(seconds=data.CALM, entries=200)
def report(pipeline: str, session: date) -> ReportView | None:
    """Return what the gate said of a session the last time that it was judged, or None."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = stored.reports_between(connection, pipeline, session, session)
    return ReportView.of(rows[0]) if rows else None


@shared(seconds=data.CALM, entries=200)
def served_by(session: date) -> int | None:
    """Return the run whose version of a session is served, or None while nothing of it is."""
    with engine.runtime.runtime().database.reading() as connection:
        known = sessions.one(connection, session)
    return None if known is None else int(known["run_id"])


@shared(seconds=data.CALM, entries=200)
def results(run_id: int) -> tuple[ResultView, ...]:
    """Return what each check found in a run, in the order of the catalogue."""
    with engine.runtime.runtime().database.reading() as connection:
        found = [ResultView.of(row) for row in stored.results_of(connection, run_id)]
    order = {check_id: place for place, check_id in enumerate(CHECKS)}
    return tuple(sorted(found, key=lambda result: order.get(result.check_id, len(order))))


@shared(seconds=_FOR_GOOD, entries=10)  # what a run found never changes
def statuses(run_ids: tuple[int, ...]) -> tuple[StatusView, ...]:
    """Return how each check ended in these runs."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(StatusView.of(row) for row in stored.statuses_of_runs(connection, run_ids))


@shared(seconds=_FOR_GOOD, entries=50)  # a lake file never changes
def findings(path: str | None, check_id: str) -> tuple[tuple[FindingView, ...], str | None]:
    """Return the findings of a check in a session, worst first, or why they cannot be read; `path` is a file of the lake."""
    rows, lost = _rows(path)
    mine = [
        FindingView(row["line"], row["symbol"] or "", row["score"], row["observed"], row["bound"], row["explained"])
        for row in rows
        if row["check"] == check_id
    ]
    return tuple(sorted(mine, key=lambda finding: (finding.explained, -finding.score))), lost


@shared(seconds=_FOR_GOOD, entries=50)  # a lake file never changes
def aside(path: str | None) -> tuple[tuple[AsideView, ...], str | None]:
    """Return the lines of a session that were set aside, or why they cannot be read; `path` is a file of the lake."""
    rows, lost = _rows(path)
    return tuple(AsideView(*(row[name] for name in ("line", "symbol", "raw", "checks", "reason"))) for row in rows), lost


def _rows(path: str | None) -> tuple[Sequence[dict[str, Any]], str | None]:
    try:
        return ([] if path is None else engine.runtime.runtime().lake.read_table(path).to_pylist()), None
    except lake.LakeFileLost as error:
        return [], str(error)


@shared(seconds=data.CALM, entries=50)
def decision(pipeline: str, partition: date, sha256: str) -> DecisionView | None:
    """Return what a person decided last about these bytes of a date's file, or None."""
    with engine.runtime.runtime().database.reading() as connection:
        row = stored.decision_for(connection, pipeline, partition, sha256)
    return None if row is None else DecisionView.of(row)


@shared(seconds=data.CALM, entries=50)
def labels_of(session: date) -> tuple[LabelView, ...]:
    """Return what operators said of the findings of a session."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(LabelView.of(row) for row in stored.labels_of(connection, session))


@shared(seconds=data.CALM, entries=4)
def labels() -> tuple[LabelView, ...]:
    """Return what operators said of findings, newest session first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(LabelView.of(row) for row in stored.labels(connection))


@shared(seconds=data.CALM, entries=4)
def _version() -> int:
    with engine.runtime.runtime().database.reading() as connection:
        return stored_thresholds.version(connection)


def thresholds() -> Thresholds:
    """Return every threshold as it stands now."""
    return thresholds_at(_version())


@shared(seconds=_FOR_GOOD, entries=500)  # what a version holds never changes
def thresholds_at(version: int) -> Thresholds:
    """Return every threshold as it stood after change `version`."""
    with engine.runtime.runtime().database.reading() as connection:
        return load(connection, version)


@shared(seconds=data.CALM, entries=50)
def changes(key: str | None = None, *, limit: int = MOST_CHANGES) -> tuple[ChangeView, ...]:
    """Return the newest changes first, of one threshold or of all."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(ChangeView.of(row) for row in stored_thresholds.history(connection, key, limit))


@shared(seconds=data.CALM, entries=4)
def last_changes() -> Mapping[str, ChangeView]:
    """Return the newest change of each threshold that was ever changed."""
    with engine.runtime.runtime().database.reading() as connection:
        return MappingProxyType({key: ChangeView.of(row) for key, row in stored_thresholds.newest(connection).items()})
