"""Reads of the Drift page, shared like those of `data`; nothing here writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

import engine.runtime
from engine.drift.explain import histogram
from engine.drift.judging import PLACE, SERIES, pooled
from engine.drift.limits import COUNTS, Backtest
from engine.drift.pair import Floats
from engine.drift.watched import DISTRIBUTIONS
from engine.drift_past import Past, StoredSample, usable_history
from pages.ui import data
from pages.ui.shared import shared
from storage import drift
from storage.status import DriftCause, DriftLabel, DriftVerdict

LAST = 60  # sessions that the page looks back over
MOST = 500  # sessions that another budget is tried on: two years
_FOR_GOOD = 3600.0
_CODES = {verdict.value: code for code, verdict in enumerate(DriftVerdict)}


@dataclass(frozen=True, slots=True)
class ReportView:
    """What drift says of a session."""

    session: date
    run_id: int
    waits: bool
    halted: bool
    cause: DriftCause | None
    alarms: int
    since: date | None
    headline: str
    calibrated: bool
    reference: tuple[date | None, date | None, int]
    history: int
    alarms_per_month: float
    regime: Mapping[str, Mapping[str, float | None]]
    explained: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "ReportView":
        """Take it from a row."""
        return cls(
            row["session"],
            row["run_id"],
            row["basis"] is None,
            bool(row["halted"]),
            None if row["cause"] is None else DriftCause(row["cause"]),
            row["alarms"],
            row["since"],
            row["headline"],
            bool(row["calibrated"]),
            (row["reference_since"], row["reference_until"], row["reference_sessions"]),
            row["history_sessions"],
            row["alarms_per_month"],
            row["regime"] or {},
            row["explained"] or {},
        )


@dataclass(frozen=True, slots=True)
class SaidView:
    """What a person said of a session's alarms."""

    session: date
    label: DriftLabel
    by: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """Every statistic of the last sessions: |values|, limits and verdict codes as (sessions, series)."""

    sessions: tuple[date, ...]
    values: Floats
    limits: Floats
    codes: NDArray[np.int8]
    past: Backtest

    def of(self, feature: str, statistic: str) -> tuple[Floats, Floats]:
        """Return the values and the limits of one series."""
        place = PLACE[feature, statistic]
        return self.values[:, place], self.limits[:, place]

    def is_drift(self) -> NDArray[np.bool_]:
        """Return which series of which session lay beyond their limit."""
        found: NDArray[np.bool_] = self.codes == _CODES[DriftVerdict.DRIFT]
        return found


@dataclass(frozen=True, slots=True)
class DistanceView:
    """One statistic of a session."""

    feature: str
    statistic: str
    value: float | None
    limit: float | None
    observed: float | None
    usual: float | None
    part: str | None
    verdict: DriftVerdict


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """The values of a feature in the reference and in a session, as shares of equal bins."""

    edges: Floats
    reference: Floats
    current: Floats
    sessions: int


@shared(seconds=data.CALM, entries=4)
def reports(limit: int = MOST) -> tuple[ReportView, ...]:
    """Return the newest reports, oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(ReportView.of(row) for row in reversed(drift.newest(connection, limit=limit)))


@shared(seconds=data.CALM, entries=4)
def labels() -> Mapping[date, SaidView]:
    """Return what people said, by session."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = drift.labels(connection)
    return {row["session"]: SaidView(row["session"], DriftLabel(row["label"]), row["labelled_by"], row["reason"]) for row in rows}


@shared(seconds=data.CALM, entries=200)
def distances(session: date) -> tuple[DistanceView, ...]:
    """Return everything that was measured of a session."""
    names = ("feature", "statistic", "value", "limit", "observed", "usual", "part")
    with engine.runtime.runtime().database.reading() as connection:
        rows = drift.distances_of(connection, session)
    return tuple(DistanceView(**{name: row[name] for name in names}, verdict=DriftVerdict(row["verdict"])) for row in rows)


def around(known: Sequence[ReportView], report: ReportView) -> Sequence[ReportView]:
    """Return the sessions that are looked at together: the last ones, or those around one of long ago."""
    at = next(place for place, one in enumerate(known) if one.session == report.session)
    end = len(known) if at >= len(known) - LAST else at + LAST // 2
    return known[max(end - LAST, 0) : end]


def over_uncalibrated(session: date) -> int:
    """Return how many statistics of a session lie over the textbook's limit and raise no alarm; what the market did is none of them."""
    return sum(one.verdict is DriftVerdict.UNCALIBRATED and bool(COUNTS[PLACE[one.feature, one.statistic]]) for one in distances(session))


def book() -> Book:
    """Return the statistics of all sessions that are looked at; read anew when a report or a label has changed."""
    with engine.runtime.runtime().database.reading() as connection:
        mark = drift.mark(connection)
    return _book(mark)


@shared(seconds=_FOR_GOOD, entries=2)
def _book(_mark: tuple[Any, ...]) -> Book:
    known = reports()
    sessions = tuple(one.session for one in known)
    place = {session: at for at, session in enumerate(sessions)}
    shape = (len(sessions), len(SERIES))
    values, limits, codes = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, _CODES[DriftVerdict.INSUFFICIENT], np.int8)
    if sessions:
        with engine.runtime.runtime().database.reading() as connection:
            rows = drift.values_between(connection, sessions[0], sessions[-1])
        for row in rows:
            at, series = place.get(row["session"]), PLACE.get((row["feature"], row["statistic"]))
            if at is None or series is None:
                continue
            values[at, series] = np.nan if row["value"] is None else abs(row["value"])
            limits[at, series] = np.nan if row["limit"] is None else row["limit"]
            codes[at, series] = _CODES[row["verdict"]]
    return Book(sessions, values, limits, codes, Backtest(values, _usable(known, values, limits)))


def _usable(known: Sequence[ReportView], values: Floats, limits: Floats) -> NDArray[np.bool_]:
    said = labels()

    def labelled(one: ReportView, *wanted: DriftLabel) -> bool:
        return one.session in said and said[one.session].label in wanted

    ordinary = [not one.halted and not labelled(one, DriftLabel.FAULT, DriftLabel.ACCEPTED) for one in known]
    market = [labelled(one, DriftLabel.MARKET) for one in known]
    learnt = np.array([one.calibrated for one in known], bool).reshape(-1, 1)
    found: NDArray[np.bool_] = usable_history(values, np.where(learnt, limits, np.nan), ordinary, market)
    return found


@shared(seconds=data.CALM, entries=50)
def overlay(session: date, feature: str) -> Overlay | None:
    """Return how the values of a feature spread in a session and in its reference; None where there is nothing to draw."""
    if feature not in DISTRIBUTIONS:
        return None
    with engine.runtime.runtime().database.reading() as connection:
        row = drift.sample(connection, session)
        past = Past.samples_before(connection, session)
    window = past.windows(session).of(feature)
    if row is None or not window:
        return None
    current = StoredSample(row).values(feature).astype(np.float64)
    return Overlay(*histogram(pooled(window, feature), current), len(window))


@shared(seconds=data.CALM, entries=50)
def levels(feature: str, part: str | None, sessions: tuple[date, ...]) -> tuple[float | None, ...]:
    """Return the level of a feature, or of one part of it, in each of the sessions."""
    key = f"{feature}:{part}" if part else feature
    if not sessions:
        return ()
    with engine.runtime.runtime().database.reading() as connection:
        known = drift.levels_between(connection, sessions[0], sessions[-1])
    return tuple((known.get(session) or {}).get(key) for session in sessions)
