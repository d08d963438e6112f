"""Metrics, deadlines and logs from the command line: what is told, and by which exit code."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.cli.monitoring_words import budget_in_words, statistics_in_words
from engine.clock import nepal_time
from engine.monitoring.deadlines import Budget
from engine.monitoring.statistics import Recovery, Trend, statistics_of
from storage import schedules
from storage.status import SlotOutcome
from tests.pipelines.house import DAILY, SUNDAY, House


def test_metrics_tell_how_runs_have_done(here, week):
    found = json.loads(here(week, "metrics", "--json").stdout)

    assert (found["succeeded"], found["failed"], found["success_rate"]) == (5, 0, 1.0)
    assert found["recovery"] == {"mended": 0, "median_seconds": None, "open": []}


def test_metrics_speak_to_people_in_sentences(here, week):
    said = here(week, "metrics").stdout

    assert "the newest 7: 5 succeeded, 0 failed, 2 closed days" in said
    assert "100 % of those that succeeded or failed" in said
    assert "too few runs to tell one" in said
    assert "no date has failed" in said
    assert "None" not in said
    assert "=" not in said  # no mapping as it lies in the memory


def test_metrics_of_a_home_in_which_nothing_ran_say_so(here, tmp_path):
    assert "none is over" in here(House(tmp_path), "metrics").stdout


def test_a_trend_and_what_is_not_mended_are_said_with_what_they_mean():
    days = tuple(SUNDAY + timedelta(days=number) for number in range(7))
    known = statistics_of([])
    trend, recovery = Trend(change=-0.08783257035154321, p_value=0.3), Recovery(mended=3, median_seconds=700.0, open=days)
    said = statistics_in_words(DAILY, replace(known, runs=30, succeeded=20, failed=10, trend=trend, recovery=recovery))

    assert said["trend"] == "steady: 9 % shorter from the first of them to the last, no more than chance (p = 0.3)"
    assert said["recovery"].startswith("3 mended, in 12 min (median); not mended: 2024-06-04, ")
    assert said["recovery"].endswith(" and 2 older")


def test_the_error_budget_is_a_sentence(here, week):
    assert budget_in_words(Budget(sessions=60, missed=4, objective=0.95)) == (
        "4 of the last 60 sessions were late; at 95 % in time 3 may be: 1 too many"
    )
    assert "no session was promised yet" in here(week, "deadlines").stdout


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
