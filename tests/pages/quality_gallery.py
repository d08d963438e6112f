"""States of the gate for the gallery: sessions that passed, one with flags, one that is held, findings with labels, turned limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import update

from engine.pipelines.gate import QUARANTINE_SCHEMA
from engine.quality import CHECKS
from engine.quality.report import FINDING_SCHEMA, OF_THE_WHOLE
from engine.thresholds import Thresholds, snapshot
from storage import quality, thresholds
from storage.lake import table_content
from storage.status import CheckStatus, GateVerdict, Label, RunStatus
from storage.tables import Run

PIPELINE = "daily_prices"
ROWS = 341
SHA = "c" * 64
DEFAULTS = snapshot({}, 0)


@dataclass(frozen=True)
class Found:
    """A finding of a session."""

    check: str
    symbol: str | None
    score: float
    line: int | None = None
    explained: bool = False


@dataclass(frozen=True)
class Session:
    """What the gate made of a session."""

    day: date
    run_id: int
    at: datetime
    found: Sequence[Found] = ()
    verdict: GateVerdict = GateVerdict.PASSED
    aside: Sequence[tuple[int, str, str, str]] = ()  # line, symbol, check, the line as it came
    approved_by: str | None = None
    limits: Thresholds = field(default_factory=lambda: DEFAULTS)


def write(store, session: Session) -> None:
    """Write a session's report, what each check found, its findings and the lines that were set aside."""
    rows = [
        {
            "session": session.day,
            "line": one.line,
            "symbol": one.symbol,
            "check": one.check,
            "score": one.score,
            "observed": 100.0 + one.score,
            "bound": 100.0,
            "explained": one.explained,
        }
        for one in session.found
    ]
    aside = [
        {"session": session.day, "line": line, "symbol": symbol, "raw": raw, "checks": check, "reason": f"{check}: 1 against 2"}
        for line, symbol, check, raw in session.aside
    ]
    lake = store.runtime.lake
    findings = lake.write("findings", session.day, table_content(pa.Table.from_pylist(rows, schema=FINDING_SCHEMA)))
    quarantine = (
        lake.write("quarantine", session.day, table_content(pa.Table.from_pylist(aside, schema=QUARANTINE_SCHEMA))) if aside else None
    )
    results = [_result(session, check_id) for check_id in CHECKS]
    warned = {one.symbol for one in session.found if one.symbol and _limits(session, one.check)[0] < one.score and not one.explained}
    report = {
        "run_id": session.run_id,
        "pipeline": PIPELINE,
        "partition": session.day,
        "session": session.day,
        "source_sha256": SHA,
        "verdict": session.verdict,
        "approved_by": session.approved_by,
        "reason": "20 of 341 lines (5.9 %) are set aside, more than the 5 % of gate.block_above"
        if session.verdict is GateVerdict.BLOCKED
        else f"{ROWS - len(aside)} rows pass",
        "physical": ROWS + 1,
        "header": 1,
        "blank": 0,
        "loaded": ROWS - len(aside),
        "quarantined": len(aside),
        "duplicates": 0,
        "warned": len(warned - {symbol for _, symbol, _, _ in session.aside}),
        "threshold_version": session.limits.version,
        "thresholds": {},
        "findings_path": findings.path,
        "quarantine_path": quarantine.path if quarantine else None,
        "reported_at": session.at,
    }
    with store.database.transaction() as connection:
        quality.add_report(connection, report, results)


def _limits(session: Session, check_id: str) -> tuple[float, float]:
    return CHECKS[check_id].limits(session.limits)


def _result(session: Session, check_id: str) -> dict[str, Any]:
    check, (warn, error) = CHECKS[check_id], _limits(session, check_id)
    mine = [one for one in session.found if one.check == check_id]
    counted = [one for one in mine if not one.explained]
    failed = sum(one.score > error for one in counted)
    warned = sum(warn < one.score <= error for one in counted)
    applicable = 0 if check_id == "control_totals" else 1 if check.scope in OF_THE_WHOLE else ROWS
    passed = CheckStatus.PASSED if applicable else CheckStatus.NOT_APPLICABLE
    worst = max((one.score for one in counted), default=None)
    return {
        "run_id": session.run_id,
        "check_id": check_id,
        "session": session.day,
        "version": 1,
        "scope": check.scope,
        "status": CheckStatus.FAILED if failed else CheckStatus.WARNED if warned else passed,
        "applicable": applicable,
        "warned": warned,
        "failed": failed,
        "explained": len(mine) - len(counted),
        "rate": (warned + failed) / applicable if applicable else None,
        "worst": worst,
        "observed": None if worst is None else 100 + worst,
        "bound": None if worst is None else 100.0,
        "warn_above": warn if warn < float("inf") else None,
        "error_above": error if error < float("inf") else None,
        "fingerprint": "f" * 64,
        "reason": None if applicable else f"no totals were published for {session.day}",
        "sample": None,
    }


def past(store, days: Sequence[date], runs: dict[date, int], *, at: datetime) -> None:
    """Judge sessions that passed; every third one with a flag."""
    for number, day in enumerate(days):
        found = [Found("volume_usual", "NABIL", 8.5 + number / 10, line=12)] if number % 3 == 0 else []
        verdict = GateVerdict.FLAGGED if found else GateVerdict.PASSED
        write(store, Session(day, runs[day], at, found, verdict))


FLAGS = (
    Found("volume_usual", "NABIL", 9.5, line=12),
    Found("close_inside_range", "EBL", 1.25, line=30),
    Found("close_inside_range", "NICA", 3.5, line=44),
    Found("close_inside_range", "SHL", 0.8, line=51, explained=True),
    Found("high_not_below_low", "UPPER", 2.0, line=77),
    Found("symbol_known", "<b>ODD</b>", 1.0, line=80),
)
ASIDE = ((77, "UPPER", "high_not_below_low", "77,UPPER,<script>document.title='broken'</script>,1,2"),)


def block(store, run_id: int) -> None:
    """Let a run be one whose session the gate holds."""
    with store.database.transaction() as connection:
        held = {"error_type": "SessionBlocked", "error_stage": "quality", "source_sha256": SHA, "status": RunStatus.FAILED}
        connection.execute(update(Run.__table__).where(Run.__table__.c.id == run_id).values(**held))


def label(store, day: date, said: dict[tuple[str, str], Label], *, at: datetime) -> None:
    """Write what people said of findings, by (symbol, check)."""
    with store.database.transaction() as connection:
        for (symbol, check_id), word in said.items():
            quality.set_label(connection, day, symbol, check_id, label=word, labelled_by="asha", labelled_at=at, run_id=None)


def turn(store, key: str, value: float, previous: float, *, at: datetime) -> int:
    """Change a threshold."""
    with store.database.transaction() as connection:
        said = {"changed_at": at, "changed_by": "asha", "reason": "too many false alarms <i>lately</i>"}
        return thresholds.add_change(connection, key=key, value=value, previous=previous, **said)
