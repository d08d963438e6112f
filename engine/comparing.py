"""Compares any two files, CSV or Parquet, packed or not, and says what is stored of a session's drift; neither writes anything."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from engine.drift.compare import ColumnDrift, compare, gravest
from engine.drift.distance import DISTANCES
from engine.drift.judging import FEWEST_SESSIONS, Measured, measured
from engine.drift.limits import floors_of
from engine.drift_past import StoredSample
from engine.errors import UnknownName, UsageError
from engine.market.calendar import TradingCalendar
from engine.runtime import Runtime
from engine.thresholds import snapshot
from storage import drift, sessions
from storage.status import DriftVerdict


def read(path: Path) -> pa.Table:
    """Read a table; `UsageError` says what is the matter with a file that cannot be read."""
    if not path.is_file():
        raise UsageError(f"{path} is not a file")
    try:
        if ".parquet" in path.suffixes:
            return pq.read_table(path)
        with pa.input_stream(str(path), compression="detect") as content:
            return pyarrow.csv.read_csv(content)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{path} cannot be read as {'Parquet' if '.parquet' in path.suffixes else 'CSV'}: {error}") from error


def compared(reference: Path, current: Path, *, columns: Sequence[str], unit: str | None) -> Mapping[str, Any]:
    """Compare two files; raises UsageError where they have nothing to compare."""
    before, after = read(reference), read(current)
    found = compare(before, after, columns=columns, unit=unit)
    if not found:
        raise UsageError("the files have no column of numbers or text in common; name them with --column")
    taken = {one.column for one in found}
    return {
        "reference": {"file": str(reference), "rows": before.num_rows},
        "current": {"file": str(current), "rows": after.num_rows},
        "verdict": gravest([one.verdict for one in found]),
        "columns": [_column(one) for one in found],
        "only_in_reference": [name for name in before.column_names if name not in after.column_names],
        "only_in_current": [name for name in after.column_names if name not in before.column_names],
        "not_compared": [name for name in before.column_names if name in after.column_names and name not in taken and not columns],
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

    Limits are the practical floors: of a window that is chosen there is no history to learn from.
    """
    with runtime.database.reading() as connection:
        row = drift.sample(connection, session)
        window = [StoredSample(each) for each in drift.samples_between(connection, since, until) if each["session"] != session]
    if row is None:
        raise UnknownName(_why_not(runtime, session))
    if len(window) < FEWEST_SESSIONS:
        raise UsageError(f"{since} to {until} holds {len(window)} other sessions; a window needs {FEWEST_SESSIONS}")
    floors = floors_of(snapshot({}, 0))
    found = measured(StoredSample(row), lambda _feature: window, {})
    rows = [asdict(one) | {"limit": float(floor), "verdict": _verdict(one, float(floor))} for one, floor in zip(found, floors, strict=True)]
    head = {"session": session, "since": window[0].session, "until": window[-1].session, "sessions": len(window)}
    return head | {"verdict": gravest([each["verdict"] for each in rows if each["value"] is not None]), "distances": rows}


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


def _verdict(one: Measured, floor: float) -> DriftVerdict:
    if one.value is None:
        return DriftVerdict.INSUFFICIENT
    return DriftVerdict.DRIFT if abs(one.value) > floor else DriftVerdict.NO_DRIFT


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
