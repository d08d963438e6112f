"""Judges accepted sessions for drift, in order: what is missing, and what has changed since it was judged."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from engine.drift import explain
from engine.drift.judging import SERIES, Measured, levels_of, measured
from engine.drift.limits import BUDGET, COUNTS, STRUCTURAL, Limits, beyond, floors_of
from engine.drift.names import STATISTICS, TITLES, part_named
from engine.drift.series import change_point
from engine.drift.session import SessionSample, sample_of
from engine.drift.watched import DISTRIBUTIONS, SYMBOLS, WATCHED, Kind
from engine.drift_past import Past, Windows, row_of_sample
from engine.market.reference import Reference
from engine.pipelines import thresholds
from engine.quality.report import Conservation, share_set_aside
from engine.runtime import Runtime
from engine.thresholds import Thresholds
from storage import drift, quality, sessions
from storage import thresholds as stored_thresholds
from storage.lake import LakeFileLost
from storage.status import DriftCause, DriftVerdict

NEVER_ENDS = date.max
UNREADABLE = "It cannot be judged"
_NAMED = 3  # features beside the one that lies farthest


@dataclass(frozen=True, slots=True)
class Judged:
    """What drift says of one session."""

    sample: SessionSample
    measured: tuple[Measured, ...]
    limits: Limits
    alarms: tuple[int, ...]  # places in SERIES
    causes: Mapping[str, DriftCause]  # of the features that alarm
    reasons: Mapping[str, str]  # of those whose cause is known

    @property
    def cause(self) -> DriftCause | None:
        """The gravest cause, or None where nothing alarms."""
        return next((cause for cause in DriftCause if cause in self.causes.values()), None)


def judge(sample: SessionSample, past: Past, windows: Windows, limits_now: Limits) -> Judged:
    """Judge a session against what was before it."""
    found = measured(sample, windows.of, past.past_z(sample.session))
    values = np.array([np.nan if one.value is None else abs(one.value) for one in found])
    alarms = tuple(int(at) for at in np.flatnonzero(beyond(values, limits_now)))
    causes, reasons = {}, {}
    for feature in {SERIES[at][0] for at in alarms}:
        restart = windows.restart(feature) if feature in WATCHED else None
        market = WATCHED[feature].moves_with_market if feature in WATCHED else True
        if restart is not None:
            causes[feature], reasons[feature] = DriftCause.DECLARED, restart.why
        elif sample.halted and market:
            causes[feature], reasons[feature] = DriftCause.REGIME, "the index halted trading on that day"
        else:
            causes[feature] = DriftCause.ALARM
    return Judged(sample, found, limits_now, alarms, causes, reasons)


def catch_up(runtime: Runtime, *, rest: Callable[[float], Any] = lambda _seconds: False) -> Mapping[str, int]:
    """Judge every session whose report is missing or waits to be made anew, and all after it; return counts.

    `rest(0)` true: there is no reason to go on; what is done stays done.
    """
    counts = {"sessions": 0, "alarms": 0, "unreadable": 0}
    with runtime.database.reading() as connection:
        first = drift.first_due(connection)
    if first is None:
        return counts
    with runtime.database.transaction() as connection:
        drift.forget_from(connection, first)
    with runtime.database.reading() as connection:
        past = Past.before(connection, first)
        due = sessions.between(connection, first, NEVER_ENDS)
        version = stored_thresholds.version(connection)
        limits_now = thresholds.load(connection, version)
        before: Mapping[Any, Any] | None = drift.report(connection, past.samples[-1].session) if past.samples else None
    reference = runtime.source.reference()
    for row in due:
        if rest(0):
            break
        before = made = _one(runtime, row, past, reference, limits_now, before)
        counts["sessions"] += 1
        counts["alarms"] += made["cause"] == DriftCause.ALARM
        counts["unreadable"] += made["headline"].startswith(UNREADABLE)
    return counts


def _one(
    runtime: Runtime,
    row: Mapping[Any, Any],
    past: Past,
    reference: Reference,
    thresholds_now: Thresholds,
    before: Mapping[Any, Any] | None,
) -> Mapping[Any, Any]:
    at = runtime.clock.now()
    head = {"session": row["session"], "basis": row["silver_path"], "run_id": row["run_id"], "reported_at": at}
    head |= {"threshold_version": thresholds_now.version, "alarms_per_month": thresholds_now[BUDGET.key]}
    try:
        silver = runtime.lake.read_table(row["silver_path"])
    except LakeFileLost as error:
        report = blank() | head | {"headline": f"{UNREADABLE}: {error}"}
        with runtime.database.transaction() as connection:
            drift.write_report(connection, report)
        return report
    with runtime.database.reading() as connection:
        aside = _set_aside(connection, row["run_id"])
    sample = sample_of(silver, past.samples, reference, layout=row["layout"], set_aside=aside)
    windows = past.windows(sample.session)
    found = judge(sample, past, windows, past.next_limits(floors_of(thresholds_now), thresholds_now[BUDGET.key]))
    report = blank() | head | report_of(found, windows, past, reference, before, silver=silver)
    with runtime.database.transaction() as connection:
        drift.write(connection, row_of_sample(sample, found.measured, found.limits), report, distance_columns(found))
    past.add(sample, found.measured, found.limits)
    return report


def _set_aside(connection: Connection, run_id: int) -> float:
    known = quality.report_of(connection, run_id)
    if known is None:
        return 0.0
    lines = Conservation(*(known[name] for name in ("physical", "header", "blank", "loaded", "quarantined", "duplicates")))
    return share_set_aside(lines) / 100


def blank() -> dict[str, Any]:
    """Return a report that says nothing yet."""
    numbers = {"alarms": 0, "reference_sessions": 0, "history_sessions": 0}
    nothing = dict.fromkeys(("cause", "since", "reference_since", "reference_until", "regime", "explained"))
    return {"halted": False, "calibrated": False} | numbers | nothing


def report_of(
    found: Judged,
    windows: Windows,
    past: Past,
    reference: Reference,
    before: Mapping[Any, Any] | None,
    *,
    silver: pa.Table | None = None,
) -> dict[str, Any]:
    """Return what is stored of a session's verdict; with its `silver` rows also which of them it is about."""
    window = windows.of(SYMBOLS)
    features = sorted({SERIES[at][0] for at in found.alarms}, key=lambda name: -_excess(found, name))
    same = before is not None and before["explained"] and not set(features) - set(before["explained"])
    return {
        "halted": found.sample.halted,
        "cause": found.cause,
        "alarms": len(found.alarms),
        "since": None if not features else (before["since"] if same and before is not None and before["since"] else found.sample.session),
        "headline": headline(found),
        "calibrated": found.limits.calibrated,
        "reference_since": window[0].session if window else None,
        "reference_until": window[-1].session if window else None,
        "reference_sessions": len(window),
        "history_sessions": found.limits.sessions,
        "regime": regime(found),
        "explained": {name: explained(found, name, windows, past, reference, silver) for name in features} or None,
    }


def _excess(found: Judged, feature: str) -> float:
    return max(
        abs(found.measured[at].value or 0) / max(float(found.limits.values[at]), 1e-12) for at in found.alarms if SERIES[at][0] == feature
    )


def headline(found: Judged) -> str:
    """Say in a sentence what lies farthest beyond its limit, or how the session stands where nothing does."""
    if not found.alarms:
        if all(one.value is None for one in found.measured):
            return "Too few sessions before it to compare with."
        return as_usual(missing(found)) if found.limits.calibrated else _uncalibrated(found)
    worst = max(found.alarms, key=lambda at: (found.causes[SERIES[at][0]] is DriftCause.ALARM, _excess_at(found, at)))
    said = told(found.measured[worst], float(found.limits.values[worst]))
    why = found.reasons.get(SERIES[worst][0])
    return f"{said}{f': {why}' if why else ''}{_also(found, SERIES[worst][0])}."


def _also(found: Judged, feature: str) -> str:
    """Name the other features that lie beyond a limit, the farthest first."""
    others = sorted({SERIES[at][0] for at in found.alarms} - {feature}, key=lambda name: (-_excess(found, name), name))
    if not others:
        return ""
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f"; also {', '.join(TITLES[name] for name in others[:_NAMED])}{more}"


def missing(found: Judged) -> list[str]:
    """Return the features that the session has, and nothing of which could be compared."""
    compared = {one.feature for one in found.measured if one.value is not None}
    there = {key.partition(":")[0] for key in found.sample.levels}
    return [name for name, feature in WATCHED.items() if feature.kind is not Kind.MARKET and name in there - compared]


def as_usual(features: Sequence[str]) -> str:
    """Say that nothing lies beyond its limit, and what of a session could not be compared."""
    if not features:
        return "As usual."
    named = ", ".join(TITLES[name] for name in features)
    return f"As usual; too few sessions to compare with: {named}."


def _uncalibrated(found: Judged) -> str:
    over = sum(said is DriftVerdict.UNCALIBRATED and bool(COUNTS[at]) for at, said in enumerate(verdicts(found)))
    return uncalibrated(over, found.limits.sessions)


def uncalibrated(over: int, sessions: int) -> str:
    """Say how a session stands without an alarm that could be raised: how many statistics are over the textbook's limits."""
    why = f"uncalibrated ({sessions} sessions of history)"
    if not over:
        return f"Nothing stands out; {why}."
    return f"{over} beyond the textbook's {'limit' if over == 1 else 'limits'}, not alarmed: {why}."


def _excess_at(found: Judged, at: int) -> float:
    return abs(found.measured[at].value or 0) / max(float(found.limits.values[at]), 1e-12)


def told(one: Measured, limit: float) -> str:
    """Say one statistic in words."""
    name = TITLES[one.feature] + (f" ({part_named(one.part)})" if one.part else "")
    level = "" if one.observed is None or one.usual is None else f" {one.observed:.3g} instead of {one.usual:.3g},"
    return f"{name}:{level} {STATISTICS[one.statistic]} {abs(one.value or 0):.3g}, limit {limit:.3g}"


def regime(found: Judged) -> dict[str, Any]:
    """Return what the market did: its levels with their robust z; a badge of its own, never a fault."""
    of_market = {one.feature: one for one in found.measured if one.feature in WATCHED and WATCHED[one.feature].kind is Kind.MARKET}
    return {name: {"value": one.observed, "z": one.value} for name, one in of_market.items()}


def explained(found: Judged, feature: str, windows: Windows, past: Past, reference: Reference, silver: pa.Table | None) -> dict[str, Any]:
    """Return why a feature alarms: its cause, since when its level lies there, who drives it and which rows it is about."""
    window = windows.of(feature)
    keys = sorted({one.part for at, one in enumerate(found.measured) if at in found.alarms and one.feature == feature and one.part})
    about = explain.concerned(silver, feature, keys, past.samples, reference) if silver is not None else None
    return {
        "cause": found.causes[feature],
        "reason": found.reasons.get(feature),
        "parts": keys,
        "since": _since(found.sample, past, feature, keys),
        "sectors": [_plain(one) for one in explain.sectors_behind(found.sample, window, feature, reference)],
        "symbols": [_plain(one) for one in explain.symbols_behind(found.sample, window, feature)] if feature in DISTRIBUTIONS else [],
        "far": [_plain(one) for one in explain.far(found.sample, window, feature)],
        "counts": explain.counts(found.sample, window, feature),
        "concerned": None if about is None else about._asdict(),
    }


def _since(sample: SessionSample, past: Past, feature: str, parts: Iterable[str]) -> str | None:
    if feature not in WATCHED:
        return None
    keys = [f"{feature}:{part}" for part in parts] or [feature]
    recent = [*past.samples[-60:], sample]
    at = change_point(levels_of(recent, keys[:1])[:, 0])
    known = [one.session for one in recent if keys[0] in one.levels]
    return known[at].isoformat() if at is not None else None


def _plain(driver: explain.Driver) -> dict[str, Any]:
    return {"group": driver.group, "rows": driver.rows, "share": round(driver.share, 4)}


def verdicts(found: Judged) -> Sequence[DriftVerdict]:
    """Return the verdict on each series."""
    said = []
    for at, one in enumerate(found.measured):
        if one.value is None:
            said.append(DriftVerdict.INSUFFICIENT)
        elif at in found.alarms:
            said.append(DriftVerdict.DRIFT)
        elif not found.limits.calibrated and abs(one.value) > found.limits.values[at] and not STRUCTURAL[at]:
            said.append(DriftVerdict.UNCALIBRATED)
        else:
            said.append(DriftVerdict.NO_DRIFT)
    return said


def distance_columns(found: Judged) -> dict[str, list[Any]]:
    """Return what was measured as columns of the table of distances."""
    return {
        "session": [found.sample.session] * len(found.measured),
        "feature": [one.feature for one in found.measured],
        "statistic": [one.statistic for one in found.measured],
        "value": [one.value for one in found.measured],
        "observed": [one.observed for one in found.measured],
        "usual": [one.usual for one in found.measured],
        "part": [one.part for one in found.measured],
        "limit": [float(limit) for limit in found.limits.values],
        "verdict": list(verdicts(found)),
    }
