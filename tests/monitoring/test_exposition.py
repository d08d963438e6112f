"""What Prometheus reads: conformant, the same from every process, and with labels that cannot grow."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.alerts.rules import OVERDUE
from engine.clock import FakeClock
from engine.drifting import blank
from engine.monitoring import metrics
from engine.monitoring.exposition import FAMILIES, exposition
from engine.monitoring.family import Family
from engine.pipelines import PIPELINES
from pages.ui import data
from storage import drift, marks, moves
from storage.status import DriftCause, DriftLabel, RunStatus, RunType, Verdict
from tests.conftest import REPOSITORY
from tests.pages.conftest import use
from tests.pages.gallery import BEFORE, CALENDAR, LAST, NOW, PIPELINE, SESSIONS, STATES, Store
from tests.pages.gallery_stream import STREAM_STATES

DEPLOY = REPOSITORY / "deploy"
EXPRESSIONS = {
    "alert rules": (DEPLOY / "prometheus" / "alerts.yml").read_text(),
    "dashboard": (DEPLOY / "grafana" / "nepse.json").read_text(),
}
NAME = re.compile(r"\bnepse_\w+")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A store a state, and the text of each."""

    def made(name: str) -> Store:
        store = Store(tmp_path_factory.mktemp(name) / "home")
        (STATES | STREAM_STATES)[name](store)
        return store

    found = {name: made(name) for name in ("empty", "healthy", "newest_failed", "stream_working")}
    yield found
    for store in found.values():
        store.database.close()


def values(store: Store) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(exposition(store.runtime, CALENDAR).decode())
    return {(one.name, tuple(one.labels.values())): one.value for family in families for one in family.samples}


@pytest.mark.parametrize("module", [found.name for found in iter_modules(metrics.__path__)])
def test_the_metrics_of_every_module_are_read(module):
    declared = [one for one in vars(import_module(f"{metrics.__name__}.{module}")).values() if isinstance(one, Family)]

    assert declared
    assert [one.name for one in declared if FAMILIES.get(one.name) is not one] == []


@pytest.mark.parametrize("state", ["empty", "healthy", "newest_failed", "stream_working"])
def test_promtool_finds_nothing_to_say(stores, state):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not available")
    text = exposition(stores[state].runtime, CALENDAR)

    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_the_alert_rules_are_rules():
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not available")
    checked = subprocess.run(["promtool", "check", "rules", str(DEPLOY / "prometheus" / "alerts.yml")], capture_output=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def alerting(store: Store, folder: Path, alert: str, *, now: datetime = NOW) -> bool:
    """Say whether promtool finds an alert of the deployed rules to fire on what a store exposes at an instant."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not available")
    text = exposition(replace(store.runtime, clock=FakeClock(now)), CALENDAR).decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    known = [{"series": name, "values": f"{value}x30"} for name, value in lines]
    wanted = {"interval": "1m", "input_series": known, "promql_expr_test": [{"expr": f'ALERTS{{alertname="{alert}"}}', "eval_time": "20m"}]}
    file = folder / "rules_test.json"
    file.write_text(json.dumps({"rule_files": [str(DEPLOY / "prometheus" / "alerts.yml")], "tests": [wanted]}))
    checked = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, check=False, text=True)
    said = checked.stdout + checked.stderr
    assert checked.returncode == 0 or f'alertname="{alert}"' in said.partition("got:")[2], said
    return checked.returncode != 0  # it expects no such alert


@pytest.fixture
def saved(tmp_path) -> Iterator[Store]:
    """A store of which everything is in the newest backup, five minutes ago."""
    store = Store(tmp_path / "home")
    store.run(BEFORE, RunStatus.SUCCEEDED, verdict=Verdict.SESSION, reason="a new session")
    with store.database.transaction() as connection:
        mark = marks.newest(connection).as_json()
    store.job("backup", {"mark": mark, "backup": str(tmp_path)}, ago=timedelta(minutes=5))
    yield store
    store.database.close()


def test_a_backup_is_not_overdue_on_a_day_on_which_nothing_is_written(saved, tmp_path):
    assert not alerting(saved, tmp_path, "NepseBackupOverdue", now=NOW + timedelta(hours=30))


def test_a_backup_is_overdue_when_something_was_written_and_none_came(saved, tmp_path):
    saved.run(LAST, RunStatus.FAILED, reason="no header")  # a minute ago

    assert not alerting(saved, tmp_path, "NepseBackupOverdue", now=NOW + timedelta(minutes=15))
    assert alerting(saved, tmp_path, "NepseBackupOverdue", now=NOW + timedelta(minutes=30))


def test_a_backup_that_never_came_is_overdue_too(tmp_path):
    store = Store(tmp_path / "home")
    store.run(BEFORE, RunStatus.SUCCEEDED, verdict=Verdict.SESSION, reason="a new session")

    assert alerting(store, tmp_path, "NepseBackupOverdue")
    store.database.close()


def test_prometheus_waits_as_long_for_a_backup_as_the_console():
    assert f"nepse_backup_overdue_seconds > {OVERDUE.total_seconds():.0f}\n" in EXPRESSIONS["alert rules"]


def test_the_lake_is_as_far_behind_as_the_overview_says(tmp_path, monkeypatch):
    store = Store(tmp_path / "home")
    store.run(
        SESSIONS[-20], RunStatus.SUCCEEDED, verdict=Verdict.SESSION, reason="a new session"
    )  # promised by nobody, nor what came after
    use(store.runtime, monkeypatch)

    assert values(store)["nepse_sessions_behind", ()] == len(data.health(PIPELINES[PIPELINE]).since_newest) == 19
    store.database.close()


def report(day: date, cause: DriftCause | None, alarms: int) -> dict[str, Any]:
    said = {"session": day, "basis": "silver", "cause": cause, "alarms": alarms, "headline": "As usual.", "reported_at": NOW}
    return blank() | {"run_id": 1, "alarms_per_month": 1.0, "threshold_version": 0} | said


def test_drift_is_told_by_cause_and_of_the_newest_session(saved):
    with saved.database.transaction() as connection:
        for day, cause, alarms in ((SESSIONS[-3], None, 0), (BEFORE, DriftCause.REGIME, 4), (LAST, DriftCause.ALARM, 7)):
            drift.write_report(connection, report(day, cause, alarms))
    found = values(saved)

    assert found["nepse_drift_sessions_compared", ()] == 3
    assert {cause: found["nepse_drift_sessions", (cause,)] for cause in DriftCause} == {"alarm": 1, "regime": 1, "declared": 0}
    assert [found["nepse_drift_newest_beyond_limit", (cause,)] for cause in DriftCause] == [7, 0, 0]
    assert found["nepse_drift_open_alarms", ()] == 1


def test_a_drift_alarm_is_told_until_somebody_has_said_what_it_was(saved, tmp_path):
    with saved.database.transaction() as connection:
        drift.write_report(connection, report(LAST, DriftCause.ALARM, 7))
    before = alerting(saved, tmp_path, "NepseDriftAlarm")
    with saved.database.transaction() as connection:
        said = {"label": DriftLabel.MARKET, "features": [], "labelled_by": "asha", "labelled_at": NOW, "reason": "a rally"}
        drift.set_label(connection, LAST, **said)

    assert before
    assert not alerting(saved, tmp_path, "NepseDriftAlarm")


@pytest.mark.parametrize("file", EXPRESSIONS)
def test_what_is_deployed_uses_exactly_the_names_that_are_exposed(file):
    assert set(NAME.findall(EXPRESSIONS[file])) <= FAMILIES.keys()


def test_every_metric_is_on_the_dashboard_or_in_a_rule():
    shown = set(NAME.findall("".join(EXPRESSIONS.values())))

    assert FAMILIES.keys() - shown == set()


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_every_metric_is_documented_as_it_explains_itself(family):
    labels = ", ".join(f"`{label}`" for label in family.labels) or "–"  # noqa: RUF001, what stands in a table where there is none

    assert f"| `{family.name}` | {labels} | {family.text} |" in (REPOSITORY / "docs" / "monitoring.md").read_text(encoding="utf-8")


def test_the_dashboard_is_one_that_grafana_imports():
    dashboard = json.loads(EXPRESSIONS["dashboard"])

    assert dashboard["uid"] == "nepse-pipelines"
    assert all(panel["targets"] and panel["title"] for panel in dashboard["panels"])
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_counters_go_on_where_they_were_when_a_run_ends(stores):
    store = stores["healthy"]
    before = values(store)
    store.run(LAST + timedelta(days=1), RunStatus.FAILED, verdict=Verdict.FAILED, reason="no header")
    after = values(store)
    failed, succeeded = ("nepse_runs_total", (PIPELINE, "failed")), ("nepse_runs_total", (PIPELINE, "succeeded"))

    assert after[failed] == before.get(failed, 0) + 1
    assert after[succeeded] == before[succeeded] > 0
    assert after["nepse_unmended_dates", (PIPELINE,)] == 1


def test_a_queued_run_is_active(stores):
    store = stores["empty"]
    with store.database.transaction() as connection:
        moves.add(connection, at=NOW, pipeline=PIPELINE, partition=LAST, run_type=RunType.MANUAL, requested_by="asha")

    assert values(store)["nepse_runs_active", ("queued",)] == 1


def test_the_stream_is_told(stores):
    found = values(stores["stream_working"])

    assert found["nepse_stream_records_total", ()] > 0
    assert found["nepse_stream_active", ()] == 1


def test_no_label_takes_a_value_that_grows_with_the_data(stores):
    allowed = {"pipeline", "status", "kind", "percentile", "state", "standing", "source", "job", "version", "code", "severity", "cause"}

    assert {label for family in FAMILIES.values() for label in family.labels} <= allowed
