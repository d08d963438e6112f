"""What Prometheus reads: conformant, the same from every process, and with labels that cannot grow."""

import json
import re
import shutil
import subprocess
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.monitoring.exposition import FAMILIES, exposition
from storage import moves
from storage.status import RunStatus, RunType, Verdict
from tests.conftest import REPOSITORY
from tests.pages.gallery import CALENDAR, LAST, NOW, PIPELINE, STATES, Store
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


@pytest.mark.parametrize("file", EXPRESSIONS)
def test_what_is_deployed_uses_exactly_the_names_that_are_exposed(file):
    assert set(NAME.findall(EXPRESSIONS[file])) <= FAMILIES.keys()


def test_every_metric_is_on_the_dashboard_or_in_a_rule():
    shown = set(NAME.findall("".join(EXPRESSIONS.values())))

    assert FAMILIES.keys() - shown == set()


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
    allowed = {"pipeline", "status", "kind", "percentile", "state", "standing", "source", "job", "version", "code"}

    assert {label for family in FAMILIES.values() for label in family.labels} <= allowed
