"""What the gate said of sessions, what people decided about blocked ones, and how they labelled findings."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, delete, func, insert, select

from storage.prepared import Prepared
from storage.status import Decision, Label
from storage.tables import CheckResult, FindingLabel, GateDecision, QualityReport, StageRun
from storage.upsert import upsert

reports = QualityReport.__table__
results = CheckResult.__table__
decisions = GateDecision.__table__
finding_labels = FindingLabel.__table__
stage_runs = StageRun.__table__

GATE = "quality"  # the stage that judges
MOST_LABELS = 100_000  # more than operators will ever give; a page must not read without end

_add_report = Prepared(insert(reports))
_add_results = Prepared(insert(results))
_taken_over = select(func.max(stage_runs.c.reused_from)).where(stage_runs.c.run_id == bindparam("run_id"), stage_runs.c.stage == GATE)
_judged_in = func.coalesce(_taken_over.scalar_subquery(), bindparam("run_id"))  # a rerun from a later stage takes the gate's word over
_report_of = select(reports).where(reports.c.run_id == _judged_in)
_results_of = select(results).where(results.c.run_id == _judged_in).order_by(results.c.check_id)
_decision_for = Prepared(
    select(decisions)
    .where(
        decisions.c.pipeline == bindparam("pipeline"),
        decisions.c.partition == bindparam("partition"),
        decisions.c.source_sha256 == bindparam("sha256"),
    )
    .order_by(decisions.c.id.desc())
    .limit(1)
)
_labels_of = Prepared(
    select(finding_labels)
    .where(finding_labels.c.session == bindparam("session"))
    .order_by(finding_labels.c.symbol, finding_labels.c.check_id)
)


def add_report(connection: Connection, report: Mapping[str, Any], checked: Sequence[Mapping[str, Any]]) -> None:
    """Record what the gate said of a run's session, and what each check found in it."""
    _add_report.write(connection, report)
    if checked:
        _add_results.write_many(connection, checked)


def report_of(connection: Connection, run_id: int) -> RowMapping | None:
    """Return the report of a run, or of the run whose gate it took over; or None."""
    return connection.execute(_report_of, {"run_id": run_id}).mappings().one_or_none()


def results_of(connection: Connection, run_id: int) -> Sequence[RowMapping]:
    """Return what each check found in a run, or in the run whose gate it took over, by check."""
    return connection.execute(_results_of, {"run_id": run_id}).mappings().all()


def reports_between(connection: Connection, pipeline: str, since: date, until: date) -> Sequence[RowMapping]:
    """Return the newest report of each session of a range, oldest first."""
    newest = _newest(pipeline).where(reports.c.session.between(since, until)).subquery("newest")
    query = select(reports).join(newest, newest.c.run_id == reports.c.run_id).order_by(reports.c.session)
    return connection.execute(query).mappings().all()


def _newest(pipeline: str) -> Select[Any]:
    """One walk of (pipeline, session, run_id)."""
    newest = select(func.max(reports.c.run_id).label("run_id"))
    return newest.where(reports.c.pipeline == pipeline).group_by(reports.c.session)


def judged(connection: Connection, pipeline: str, *, limit: int, until: date = date.max) -> Sequence[RowMapping]:
    """Return the newest report of each of the last `limit` sessions up to `until`, oldest first, without its words and thresholds."""
    newest = _newest(pipeline).where(reports.c.session <= until).order_by(reports.c.session.desc()).limit(limit).subquery("newest")
    query = select(*_SLIM).join(newest, newest.c.run_id == reports.c.run_id).order_by(reports.c.session)
    return connection.execute(query).mappings().all()


_SLIM = [column for column in reports.c if column.name not in {"reason", "thresholds"}]


def statuses_of_runs(connection: Connection, run_ids: Sequence[int]) -> Sequence[RowMapping]:
    """Return how each check ended in these runs, without the samples of rows."""
    names = ("run_id", "check_id", "status", "applicable", "warned", "failed", "rate")
    query = select(*(results.c[name] for name in names)).where(results.c.run_id.in_(run_ids))
    return connection.execute(query).mappings().all()


def decide(connection: Connection, *, decision: Decision, **values: Any) -> int:
    """Record what a person decided about a blocked session; return the decision's id."""
    row = {"decision": decision} | values
    decision_id: int = connection.execute(insert(decisions).values(row).returning(decisions.c.id)).scalar_one()
    return decision_id


def decision_for(connection: Connection, pipeline: str, partition: date, sha256: str) -> Mapping[str, Any] | None:
    """Return the newest decision about these bytes of a date's file, or None."""
    return _decision_for.one(connection, {"pipeline": pipeline, "partition": partition, "sha256": sha256})


def set_label(connection: Connection, session: date, symbol: str, check_id: str, *, label: Label, **values: Any) -> None:
    """Record an operator's word on a finding; the one before is replaced."""
    row = {"session": session, "symbol": symbol, "check_id": check_id, "label": label} | values
    upsert(connection, finding_labels, [row], key=["session", "symbol", "check_id"])


def clear_label(connection: Connection, session: date, symbol: str, check_id: str) -> bool:
    """Take back an operator's word on a finding; say whether there was one."""
    mine = (finding_labels.c.session == session, finding_labels.c.symbol == symbol, finding_labels.c.check_id == check_id)
    return bool(connection.execute(delete(finding_labels).where(*mine)).rowcount)


def labels(connection: Connection) -> Sequence[RowMapping]:
    """Return what operators said of findings, newest session first."""
    query = select(finding_labels).order_by(finding_labels.c.session.desc(), finding_labels.c.symbol, finding_labels.c.check_id)
    return connection.execute(query.limit(MOST_LABELS)).mappings().all()


def labels_of(connection: Connection, session: date) -> Sequence[Mapping[str, Any]]:
    """Return what operators said of the findings of one session."""
    return _labels_of.all(connection, {"session": session})
