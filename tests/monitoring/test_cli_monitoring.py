"""Metrics, deadlines and logs from the command line: what is told, and by which exit code."""

import json
from datetime import timedelta

import pytest

from engine.clock import nepal_time
from storage import schedules
from storage.status import SlotOutcome
from tests.pipelines.house import DAILY, SUNDAY, House, with_a_week
from tests.shell import inside


@pytest.fixture
def week(tmp_path) -> House:
    return with_a_week(tmp_path)


@pytest.fixture
def here(monkeypatch):
    return inside(monkeypatch)


def test_metrics_tell_how_runs_have_done(here, week):
    found = json.loads(here(week, "metrics", "--json").stdout)

    assert (found["succeeded"], found["failed"], found["success_rate"]) == (5, 0, 1.0)
    assert found["recovery"] == {"mended": 0, "median_seconds": None, "open": []}


def test_one_series_is_told_value_by_value(here, week):
    rows = json.loads(here(week, "metrics", "--series", "report.rows", "--json").stdout)

    assert [row["unit"] for row in rows] == ["rows"] * 5
    assert all(row["value"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["metrics", "--series", "report.joy"], "has no series 'report.joy'; it has: cpu_seconds"),
        (["metrics", "--pipeline", "joy"], "nothing is measured of 'joy'; there are: daily_prices, ticks"),
        (["deadlines", "--pipeline", "joy"], "no pipeline is called 'joy'"),
        (["logs", "--limit", "0"], "--limit may be 1 to"),
    ],
)
def test_what_is_not_there_is_named(here, week, arguments, said):
    shown = here(week, *arguments)

    assert shown.exit_code == 2
    assert said in shown.stderr


def test_what_prometheus_reads_can_be_printed(here, week):
    shown = here(week, "metrics", "--prometheus")

    assert f'nepse_runs_total{{pipeline="{DAILY}",status="succeeded"}} 5.0' in shown.stdout


def test_a_session_past_its_deadline_is_an_exit_code(here, week):
    day = SUNDAY + timedelta(days=8)
    row = {"pipeline": DAILY, "day": day, "due_at": nepal_time(day, 18), "outcome": SlotOutcome.SOURCE_EMPTY, "reason": "no file"}
    with week.runtime.database.transaction() as connection:
        schedules.ensure(connection, DAILY, since=day)
        schedules.write_slots(connection, [row | {"run_id": None, "updated_at": nepal_time(day, 19)}])

    shown = here(week, "deadlines", "--since", str(day), "--json")

    assert shown.exit_code == 1, shown.stdout
    assert f"1 past their deadline and not loaded: {day}" in shown.stderr
    found = json.loads(shown.stdout)
    assert found["deadlines"][0]["state"] == "never came"
    assert (found["budget"]["allowed"], found["budget"]["left"]) == (0, -1)


def test_log_lines_are_found_and_carry_their_run(here, week):
    rows = json.loads(here(week, "logs", "run_finished", "--limit", "2", "--json").stdout)

    assert [(row["event"], row["pipeline"]) for row in rows] == [("run_finished", DAILY)] * 2
    assert rows[0]["run_id"] > rows[1]["run_id"]
