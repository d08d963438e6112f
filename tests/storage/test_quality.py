"""Reports of sessions, decisions about blocked ones and labels of findings are found again, by index."""

from datetime import UTC, date, datetime, timedelta

import pytest

from storage import quality, stages
from storage.database import Database
from storage.status import CheckStatus, Decision, GateVerdict, Label, StageStatus
from tests.storage.databases import read, statements

PIPELINE = "daily_prices"
DAY = date(2025, 6, 1)
NOW = datetime(2025, 6, 1, 12, 15, tzinfo=UTC)
SHA = "a" * 64


def report(run_id: int, session: date = DAY, **values) -> dict:
    whose = {"run_id": run_id, "pipeline": PIPELINE, "partition": session, "session": session, "source_sha256": SHA}
    lines = {"physical": 12, "header": 1, "blank": 0, "loaded": 9, "quarantined": 1, "duplicates": 1, "warned": 2}
    said = {"verdict": GateVerdict.FLAGGED, "reason": "1 row was set aside", "threshold_version": 0, "thresholds": {"a.enabled": 1.0}}
    return whose | lines | said | {"reported_at": NOW} | values


def result(run_id: int, check_id: str = "price_band", session: date = DAY) -> dict:
    sample = [{"line": 5, "symbol": "ADBL", "observed": 14.2, "bound": 10.0, "score": 4.2}]
    counts = {"applicable": 10, "warned": 2, "failed": 1, "explained": 0, "rate": 0.3, "worst": 4.2, "observed": 14.2, "bound": 10.0}
    what = {"run_id": run_id, "check_id": check_id, "session": session, "version": 1, "scope": "row", "status": CheckStatus.FAILED}
    return what | counts | {"warn_above": 0.0, "error_above": 2.0, "fingerprint": "f" * 64, "reason": None, "sample": sample}


def add(database: Database, run_id: int, session: date = DAY, **values) -> None:
    with database.transaction() as connection:
        found = [result(run_id, check, session) for check in ("price_band", "high_low")]
        quality.add_report(connection, report(run_id, session, **values), found)


def test_a_report_comes_back_with_what_each_check_found(database):
    add(database, 7)
    found = read(database, quality.report_of, 7)
    checks = read(database, quality.results_of, 7)

    assert {name: found[name] for name in report(7)} == report(7)
    assert [row["check_id"] for row in checks] == ["high_low", "price_band"]
    assert dict(checks[1]) == result(7)


def test_a_run_without_a_report_has_none(database):
    assert read(database, quality.report_of, 7) is None
    assert read(database, quality.results_of, 7) == []


def test_a_run_that_took_the_gate_over_has_the_report_of_the_run_that_was_judged(database):
    add(database, 7)
    with database.transaction() as connection:
        for position, stage in enumerate(("bronze", "quality")):
            stages.open_stage(connection, 9, stage, position=position, at=NOW, status=StageStatus.SUCCEEDED, reused_from=7)

    assert read(database, quality.report_of, 9)["run_id"] == 7
    assert read(database, quality.results_of, 9) == read(database, quality.results_of, 7)


def test_the_newest_report_of_each_of_the_last_sessions_oldest_first(database):
    for number in range(5):
        add(database, number + 1, DAY + timedelta(days=number))
    add(database, 9, DAY + timedelta(days=3), verdict=GateVerdict.PASSED)
    found = read(database, quality.judged, PIPELINE, until=DAY + timedelta(days=3), limit=3)

    assert [row["run_id"] for row in found] == [2, 3, 9]
    assert read(database, quality.judged, "other", until=DAY, limit=3) == []


def test_reports_of_a_range_are_the_newest_of_each_session(database):
    add(database, 1)
    add(database, 2)
    add(database, 3, DAY + timedelta(days=1))

    assert [row["run_id"] for row in read(database, quality.reports_between, PIPELINE, DAY, DAY + timedelta(days=5))] == [2, 3]
    assert [row["run_id"] for row in read(database, quality.reports_between, PIPELINE, DAY, DAY)] == [2]


def test_how_the_checks_of_several_runs_ended_comes_in_one_read(database):
    add(database, 1)
    add(database, 2)

    found = read(database, quality.statuses_of_runs, [1, 2])
    assert {(row["run_id"], row["check_id"]) for row in found} == {(n, check) for n in (1, 2) for check in ("high_low", "price_band")}
    assert read(database, quality.statuses_of_runs, []) == []


@pytest.mark.parametrize("what", ["newest", "between", "runs", "decision", "report"])
def test_no_read_scans_or_sorts_a_whole_table(database, what):
    if database.dialect != "sqlite":
        pytest.skip("plans are read on SQLite")
    reads = {
        "newest": lambda connection: quality.judged(connection, PIPELINE, until=DAY, limit=60),
        "between": lambda connection: quality.reports_between(connection, PIPELINE, DAY, DAY),
        "runs": lambda connection: quality.statuses_of_runs(connection, [1, 2, 3]),
        "report": lambda connection: quality.report_of(connection, 7),
        "decision": lambda connection: quality.decision_for(connection, PIPELINE, DAY, SHA),
    }
    with statements(database) as made:
        read(database, reads[what])
    asked = [one for one in made if one[0].startswith("SELECT")]
    with database.reading() as connection:
        plans = [row[3] for one in asked for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one[0]}", tuple(one[1])).all()]

    assert len(asked) == 1
    assert [step for step in plans if step.startswith("SCAN ") and step != "SCAN newest"] == []


def decide(database: Database, decision: Decision, **values) -> int:
    asked = {"pipeline": PIPELINE, "partition": DAY, "source_sha256": SHA, "run_id": 3} | values
    with database.transaction() as connection:
        return quality.decide(connection, decision=decision, decided_by="ram", decided_at=NOW, reason="seen", **asked)


def test_the_newest_decision_about_the_same_bytes_stands(database):
    decide(database, Decision.REJECT)
    newest = decide(database, Decision.APPROVE)
    decide(database, Decision.REJECT, source_sha256="b" * 64)
    found = read(database, quality.decision_for, PIPELINE, DAY, SHA)

    assert (found["id"], found["decision"], found["decided_by"]) == (newest, Decision.APPROVE, "ram")
    assert read(database, quality.decision_for, PIPELINE, DAY + timedelta(days=1), SHA) is None


def label(database: Database, word: Label, check_id: str = "price_band") -> None:
    with database.transaction() as connection:
        quality.set_label(connection, DAY, "ADBL", check_id, label=word, labelled_by="ram", labelled_at=NOW, run_id=3)


def test_a_finding_has_one_label_the_last_one(database):
    label(database, Label.FAULT)
    label(database, Label.FALSE_ALARM)
    label(database, Label.FAULT, "stale")

    assert [(row["check_id"], row["label"]) for row in read(database, quality.labels_of, DAY)] == [
        ("price_band", Label.FALSE_ALARM),
        ("stale", Label.FAULT),
    ]
    assert len(read(database, quality.labels)) == 2


def test_a_label_is_taken_back_once(database):
    label(database, Label.FAULT)
    with database.transaction() as connection:
        cleared = [quality.clear_label(connection, DAY, "ADBL", "price_band") for _ in range(2)]

    assert cleared == [True, False]
    assert read(database, quality.labels) == []
