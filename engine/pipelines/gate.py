"""The gate behind the parsed rows: judges a session with what the lake knows, and writes down what it found, what it set aside and why."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from engine.market.daily_file import LineCounts, lines_of
from engine.market.defects import Defect
from engine.pipeline.context import StageContext
from engine.pipelines import thresholds
from engine.pipelines.carry import state_before
from engine.quality.report import CheckResult, QualityReport, judge
from engine.quality.sample import History, Sample
from engine.thresholds import SPECS, Thresholds
from storage import dead_letters, lake, sessions
from storage import quality as stored
from storage.dead_letters import Letter
from storage.lake import Version
from storage.status import Decision, GateVerdict, Label, LetterKind

FINDINGS, QUARANTINE = "findings", "quarantine"
STAGE = "quality"

QUARANTINE_SCHEMA = pa.schema(
    [
        ("session", pa.date32()),
        ("line", pa.int32()),
        ("symbol", pa.string()),
        ("raw", pa.string()),  # bytes that are not text are escaped; the bytes themselves are in bronze
        ("checks", pa.string()),  # by which it was set aside, or what made it unreadable
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the stage before gives: the rows, the lines that could not be read, and whose file they are."""

    session: date
    name: str
    sha256: str
    layout: str
    lines: LineCounts
    rows: pa.Table
    rejected: pa.Table | None
    corrected: Mapping[int, str]  # lines that a person has corrected, with the digest of what was put there


def thresholds_of(context: StageContext) -> Thresholds:
    """Return the thresholds that the run took when it was claimed."""
    version = context.run["threshold_version"] or 0
    known: Thresholds | None = context.cache.get(f"thresholds:{version}")
    if known is None:
        known = context.query(thresholds.load, version)
        context.cache.put(f"thresholds:{version}", known)
    return known


def judged(context: StageContext, file: Parsed) -> QualityReport:
    """Judge a session against what was known before it, with what people have said of these bytes."""
    newest = context.query(sessions.last_before, file.session)
    history = History(state_before(context, newest), newest["layout"]) if newest else History()
    sample = Sample(file.session, file.rows, file.layout, file.lines, context.runtime.source.reference(), history)
    return judge(
        sample, thresholds_of(context), accepted=_false_alarms(context, file.session), approved=approval(context, file) is not None
    )


def approval(context: StageContext, file: Parsed) -> str | None:
    """Return who let these very bytes pass the gate; None where nobody did, or somebody refused them since."""
    decision = context.query(stored.decision_for, context.run["pipeline"], context.day, file.sha256)
    return decision["decided_by"] if decision is not None and decision["decision"] == Decision.APPROVE else None


def _false_alarms(context: StageContext, session: date) -> Mapping[str, set[str]]:
    """Return, by check, the symbols of the session whose finding a person called a false alarm."""
    said: dict[str, set[str]] = {}
    for row in context.query(stored.labels_of, session):
        if row["label"] == Label.FALSE_ALARM:
            said.setdefault(row["check_id"], set()).add(row["symbol"])
    return said


def write_down(context: StageContext, file: Parsed, report: QualityReport, bronze: Version) -> tuple[int, ...]:
    """Have everything that the gate found committed with its checkpoint, before anything good is written; return the lines set aside."""
    sample_lines = file.rows["line"].to_numpy()
    aside = tuple(int(line) for line in sample_lines[report.quarantined])
    letters = _letters(context, file, report, bronze)
    sample = Sample(file.session, file.rows, file.layout, file.lines)
    findings, _ = context.publish_table(FINDINGS, file.session, report.findings.table(sample))
    quarantine = _publish_quarantine(context, file, letters)
    row, results = (
        _report_row(context, file, report, findings, quarantine),
        [_result_row(context, file, result) for result in report.results],
    )
    at = context.now()

    def write(connection: Connection) -> None:
        stored.add_report(connection, row, results)
        dead_letters.record(
            connection,
            dict(context.run),
            file.sha256,
            file.name,
            letters,
            at=at,
            blocked=report.verdict is GateVerdict.BLOCKED,
            corrected=file.corrected,
        )

    context.commit_with(write)
    context.log.info("session_judged", verdict=report.verdict, reason=report.reason, **asdict(report.lines))
    return aside


def _letters(context: StageContext, file: Parsed, report: QualityReport, bronze: Version) -> list[Letter]:
    """Return one letter for each line that did not pass: those that could not be read, then rows that a check set aside."""
    unreadable = [row for row in _rows(file.rejected) if row["defect"] != Defect.DUPLICATE]
    aside = file.rows.take(pa.array(report.quarantined)).to_pylist() if len(report.quarantined) else []
    if not unreadable and not aside:
        return []
    raw = lines_of(context.content(bronze), file.name, [row["line"] for row in (*unreadable, *aside)])
    letters = [
        Letter(
            LetterKind.LINE, row["line"], row["symbol"], row["defect"], None, row["reason"], raw[row["line"]], None, file.session, "parsed"
        )
        for row in unreadable
    ]
    for position, row in zip(report.quarantined, aside, strict=True):
        errors = report.errors_of(int(position))
        parsed = {name: value for name, value in row.items() if name != "line"}
        checks = [str(error["check"]) for error in errors]
        letters.append(
            Letter(
                LetterKind.ROW,
                row["line"],
                row["symbol"],
                checks[0],
                errors,
                _sentence(errors),
                raw[row["line"]],
                parsed,
                file.session,
                STAGE,
            )
        )
    return letters


def _sentence(errors: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{error['check']}: {error['observed']:g} against {error['bound']:g}" for error in errors)


def _rows(table: pa.Table | None) -> list[dict[str, Any]]:
    return [] if table is None else table.to_pylist()


def _publish_quarantine(context: StageContext, file: Parsed, letters: Sequence[Letter]) -> Version | None:
    if not letters:
        if context.query(lake.current, QUARANTINE, file.session) is not None:
            context.withdraw(QUARANTINE, file.session)  # every line of it passes now
        return None
    rows = [
        {
            "session": file.session,
            "line": letter.line,
            "symbol": letter.symbol,
            "raw": (letter.raw or b"").decode("utf-8", errors="backslashreplace"),
            "checks": ", ".join(str(one["check"]) for one in letter.checks) if letter.checks else letter.reason,
            "reason": letter.message,
        }
        for letter in letters
    ]
    return context.publish_table(QUARANTINE, file.session, pa.Table.from_pylist(rows, schema=QUARANTINE_SCHEMA))[0]


def _report_row(
    context: StageContext, file: Parsed, report: QualityReport, findings: Version, quarantine: Version | None
) -> dict[str, Any]:
    return {
        "run_id": context.run["id"],
        "pipeline": context.run["pipeline"],
        "partition": context.day,
        "session": file.session,
        "source_sha256": file.sha256,
        "verdict": report.verdict,
        "approved_by": approval(context, file) if report.let_through else None,
        "reason": report.reason,
        **asdict(report.lines),
        "warned": len(report.flagged),
        "threshold_version": report.thresholds.version,
        "thresholds": {key: value for key, value in report.thresholds.values.items() if value != SPECS[key].default},
        "findings_path": findings.path,
        "quarantine_path": quarantine.path if quarantine else None,
        "reported_at": context.now(),
    }


def _result_row(context: StageContext, file: Parsed, result: CheckResult) -> dict[str, Any]:
    return {
        "run_id": context.run["id"],
        "check_id": result.check.id,
        "session": file.session,
        "version": result.check.version,
        "scope": result.check.scope,
        "status": result.status,
        "applicable": result.applicable,
        "warned": result.warned,
        "failed": result.failed,
        "explained": result.explained,
        "rate": result.rate,
        "worst": result.worst,
        "observed": result.observed,
        "bound": result.bound,
        "warn_above": result.warn_above,
        "error_above": result.error_above,
        "fingerprint": result.fingerprint,
        "reason": result.reason,
        "sample": list(result.sample) or None,
    }


def without(rows: pa.Table, aside: Sequence[int]) -> pa.Table:
    """Return the rows but for those of the lines that were set aside."""
    if not aside:
        return rows
    return rows.filter(pa.array(~np.isin(rows["line"].to_numpy(), np.array(aside))))
