"""Compares any two files, CSV or Parquet, packed or not, and says what is stored of a session's drift; neither writes anything."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from engine.drift.compare import ColumnDrift, compare, gravest
from engine.drift.distance import DISTANCES
from engine.drift.judging import FEWEST_SESSIONS, SERIES, Measured, measured
from engine.drift.limits import BUDGET, FEWEST, Limits, beyond, floors_of, limits
from engine.drift.pair import Floats
from engine.drift.session import SessionSample
from engine.drift_past import StoredSample
from engine.errors import UnknownName, UsageError
from engine.market.calendar import TradingCalendar
from engine.pipelines import thresholds
from engine.runtime import Runtime
from storage import drift, sessions
from storage import thresholds as stored_thresholds
from storage.status import DriftLabel, DriftVerdict

_HEAD = 65_536  # bytes of a file by which it is known
_SEPARATORS: Mapping[str, str] = {";": "semicolon", "\t": "tab", "|": "bar"}
_LONGEST = 200  # characters


def read(path: Path) -> pa.Table:
    """Read a table; `UsageError` says what is the matter with a file that cannot be read."""
    if not path.is_file():
        raise UsageError(f"{path} is not a file")
    kind = "Parquet" if ".parquet" in path.suffixes else "CSV"
    try:
        table = pq.read_table(path) if kind == "Parquet" else _read_csv(path)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{path} cannot be read as {kind}: {shown(str(error))}") from error
    twice = sorted(name for name, times in Counter(table.column_names).items() if times > 1)
    if twice:
        raise UsageError(f"{path} has more than one column called {shown(', '.join(twice))}")
    return table


def _read_csv(path: Path) -> pa.Table:
    with pa.input_stream(str(path), compression="detect") as content:
        head = content.read(_HEAD)
    if b"\0" in head:
        raise UsageError(f"{path} is no text: it cannot be read as CSV")
    first = head.partition(b"\n")[0].decode(errors="replace")
    other = max(_SEPARATORS, key=first.count)
    if "," not in first and other in first:
        raise UsageError(f"{path} is separated by {_SEPARATORS[other]}s, not by commas: its first line is {shown(first.strip())}")
    with pa.input_stream(str(path), compression="detect") as content:
        return pyarrow.csv.read_csv(content)


def shown(text: str) -> str:
    """Return what a file holds as a terminal may see it: no control characters, and not all of something long."""
    plain = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"


def compared(reference: Path, current: Path, *, columns: Sequence[str], unit: str | None) -> Mapping[str, Any]:
    """Compare two files; raises UsageError where they have nothing to compare."""
    before, after = read(reference), read(current)
    if not set(before.column_names) & set(after.column_names):
        names = [shown(", ".join(table.column_names)) for table in (before, after)]
        raise UsageError(f"the files have no column in common: {reference} has {names[0]}; {current} has {names[1]}")
    found = compare(before, after, columns=columns, unit=unit)
    if not found.columns and not found.changes:
        why = "; ".join(f"{shown(name)}: {reason}" for name, reason in found.skipped.items())
        raise UsageError(f"there is nothing to compare{f' ({why})' if why else ''}")
    return {
        "reference": {"file": str(reference), "rows": before.num_rows},
        "current": {"file": str(current), "rows": after.num_rows},
        "verdict": found.verdict,
        "columns": [_column(one) for one in found.columns],
        "changes": [asdict(one) for one in found.changes],
        "only_in_reference": [one.column for one in found.changes if one.change == "gone"],
        "only_in_current": [one.column for one in found.changes if one.change == "new"],
        "not_compared": dict(found.skipped),
    }


def _column(one: ColumnDrift) -> dict[str, Any]:
    return {
        "column": one.column,
        "kind": "numbers" if one.numbers else "categories",
        "verdict": one.verdict,
        "null_share": {"reference": one.null_shares[0], "current": one.null_shares[1]},
        "new": list(one.new),
        "gone": list(one.gone),
        "distances": [
            {"unit": DISTANCES[each.test].unit if each.test in DISTANCES else "deviations"} | asdict(each) | {"p_adjusted": adjusted}
            for each, adjusted in zip(one.distances, one.adjusted, strict=True)
        ],
    }


def against(runtime: Runtime, session: date, since: date, until: date) -> Mapping[str, Any]:
    """Hold a session against a fixed window of sessions, which shows what a sliding one follows: slow creep.

    Limits are learnt from the window itself, each of its sessions held against the others, for the budget that is set. A window that is
    too small for that gives distances beside the textbook's limits, and no verdict. Halted sessions and those called faulty are none of it.
    """
    with runtime.database.reading() as connection:
        row = drift.sample(connection, session)
        rows = [StoredSample(each) for each in drift.samples_between(connection, since, until)]
        faulty = {each["session"] for each in drift.labels(connection) if each["label"] == DriftLabel.FAULT}
        now = thresholds.load(connection, stored_thresholds.version(connection))
    window = [one for one in rows if one.session != session and not one.halted and one.session not in faulty]
    if row is None:
        raise UnknownName(_why_not(runtime, session))
    if len(window) < FEWEST_SESSIONS:
        raise UsageError(f"{since} to {until} holds {len(window)} other ordinary sessions; a window needs {FEWEST_SESSIONS}")
    found, held_to = against_window(StoredSample(row), window, floors_of(now), now[BUDGET.key])
    listed = [
        asdict(one) | {"limit": float(limit), "verdict": verdict}
        for one, limit, verdict in zip(found, held_to.values, _verdicts(found, held_to), strict=True)
    ]
    head = {"session": session, "since": window[0].session, "until": window[-1].session, "sessions": len(window)}
    verdict = gravest([each["verdict"] for each in listed if each["value"] is not None])
    known = {"verdict": verdict if held_to.calibrated else DriftVerdict.UNCALIBRATED, "calibrated": held_to.calibrated}
    return head | known | {"distances": listed}


def against_window(
    sample: SessionSample, window: Sequence[SessionSample], floors: Floats, alarms_per_month: float
) -> tuple[Sequence[Measured], Limits]:
    """Measure a session against a window, and learn the limits by leaving each session of the window out in turn."""

    def of(one: SessionSample, others: Sequence[SessionSample]) -> Sequence[Measured]:
        return measured(one, lambda _feature: others, {})

    left_out = []
    if len(window) >= FEWEST:
        left_out = [of(one, [*window[:at], *window[at + 1 :]]) for at, one in enumerate(window)]
    history = np.array([[np.nan if one.value is None else abs(one.value) for one in row] for row in left_out]).reshape(-1, len(SERIES))
    return of(sample, window), limits(history, floors, alarms_per_month)


def _verdicts(found: Sequence[Measured], held_to: Limits) -> Sequence[DriftVerdict]:
    over = beyond(np.array([np.nan if one.value is None else abs(one.value) for one in found]), held_to)
    usual = DriftVerdict.NO_DRIFT if held_to.calibrated else DriftVerdict.UNCALIBRATED
    drifted = DriftVerdict.DRIFT if held_to.calibrated else DriftVerdict.UNCALIBRATED
    return [
        DriftVerdict.INSUFFICIENT if one.value is None else drifted if is_over else usual for one, is_over in zip(found, over, strict=True)
    ]


def _why_not(runtime: Runtime, session: date) -> str:
    """Say why there is no comparison of a day: it waits for one, or there is no session that could be compared."""
    with runtime.database.reading() as connection:
        accepted = sessions.one(connection, session)
    if accepted is not None:
        return f"the session of {session} was not compared yet: a runner does it, or: python -m engine jobs --run drift"
    expected = TradingCalendar(runtime.source.reference().calendar).expected(session)
    if not expected.trading:
        return f"the exchange was closed on {session} ({expected.reason}): there is no session to compare"
    return f"there is no session of {session} in the lake: nothing was loaded for that date"


def stored(runtime: Runtime, session: date) -> Mapping[str, Any]:
    """Return what drift says of a session: verdict, every statistic with its limit, why it alarms, and what people said of it."""
    with runtime.database.reading() as connection:
        report = drift.report(connection, session)
        if report is None:
            raise UnknownName(_why_not(runtime, session))
        said = next((dict(row) for row in drift.labels(connection) if row["session"] == session), None)
        distances = [{name: value for name, value in row.items() if name != "session"} for row in drift.distances_of(connection, session)]
    head = {name: value for name, value in report.items() if name != "basis"}
    simulated = {"simulated": True} if runtime.simulated else {}
    return head | {"up_to_date": report["basis"] is not None, "label": said, "distances": distances} | simulated
