"""The command line as people and programs use it: JSON on stdout, errors on stderr, and an exit code that tells the truth."""

import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.waiting import wait_until
from storage import backfills, runners, runs
from storage.status import RunStatus
from tests.pipelines.house import DAILY, SUNDAY, House, announced, days_from, with_a_week
from tests.shell import PYTHON, REPOSITORY, environment, forked, inside, refused, run, said

MONDAY, THURSDAY, FRIDAY = (SUNDAY + timedelta(days=n) for n in (1, 4, 5))
RANGE = ("--since", "2024-06-02", "--until", "2024-06-08")


@pytest.fixture(scope="module")
def week(tmp_path_factory) -> House:
    """A home with a week of sessions, which no test changes."""
    return with_a_week(tmp_path_factory.mktemp("week"))


@pytest.fixture
def stocked(tmp_path) -> House:
    """A home that nobody has used, beside a week of files."""
    built = announced(tmp_path)
    built.sessions(5)
    built.session(FRIDAY, 4)
    return built


@pytest.fixture
def here_waiting(monkeypatch) -> Callable[..., Any]:
    """Run a command in this process, which waits for whatever runner there is."""
    return inside(monkeypatch, waits=True)


READS = {
    "runs": ["runs"],
    "run": ["run", "1"],
    "sessions": ["sessions", *RANGE],
    "pipelines": ["pipelines"],
    "checks": ["checks"],
    "schedule": ["schedule", "--days", "3660"],
    "backfills": ["backfills"],
    "runner --status": ["runner", "--status"],
    "backfill --plan": ["backfill", DAILY, *RANGE, "--plan"],
    "rebuild --check": ["rebuild", "gold", "--check"],
    "sql": ["sql", "SELECT * FROM prices LIMIT 3"],
    "jobs": ["jobs"],
    "verify --home": ["verify", "--home"],
    "doctor": ["doctor"],
}


@pytest.mark.parametrize("read", READS)
def test_every_read_has_json_and_nothing_else_on_stdout(here, week, read):
    shown = here(week, *READS[read], "--json")

    assert (shown.exit_code, shown.stderr) == (0, "")
    assert isinstance(json.loads(shown.stdout), (list, dict))


@pytest.mark.parametrize("read", ["sql", "doctor"])
def test_a_process_says_the_same_as_a_call(here, week, read):
    done = run(week, *READS[read], "--json")

    assert done.stderr == ""
    assert steady(said(done)) == steady(json.loads(here(week, *READS[read], "--json").stdout))


def steady(answer: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return an answer without what another program may change from one moment to the next: the free room on the disk."""
    return [row | {"observed": ""} if row.get("name") in ("disk", "backup space") else row for row in answer]


def test_every_command_that_the_product_promises_is_there(here, week):
    listed = here(week, "--help").output

    promised = [
        "backfill",
        "run",
        "rerun",
        "cancel",
        "runs",
        "sessions",
        "pipelines",
        "schedule",
        "runner",
        "doctor",
        "sql",
        "rebuild",
        "check",
        "checks",
    ]
    assert [name for name in promised if f" {name} " not in listed] == []


@pytest.mark.parametrize("read", [name for name in READS if name != "doctor"])
def test_every_read_is_a_table_for_people(here, week, read):
    shown = here(week, *READS[read])

    assert (shown.exit_code, shown.stderr) == (0, "")
    assert not shown.stdout.lstrip().startswith(("{", "["))


def test_sessions_have_exactly_their_keys(here, week):
    found = json.loads(here(week, "sessions", *RANGE, "--json").stdout)

    assert {tuple(row) for row in found} == {("date", "verdict", "reason", "session_date", "rows", "run_id")}
    assert [row["verdict"] for row in found] == ["session"] * 5 + ["no_session"] * 2
    assert [row["date"] for row in found] == [str(day) for day in days_from(SUNDAY, 7)]
    assert found[5]["session_date"] == "2024-06-06"


def test_simulated_sessions_say_so(tmp_path):
    house = announced(tmp_path)
    found = said(forked(house, "sessions", *RANGE, "--json", NEPSE_SOURCE="simulated"))

    assert {row["simulated"] for row in found} == {True}


def test_a_run_is_shown_with_all_that_is_known_of_it(here, week):
    shown = json.loads(here(week, "run", "3", "--json").stdout)

    assert [stage["stage"] for stage in shown["stages"]] == [
        "check_source",
        "bronze",
        "parsed",
        "quality",
        "silver",
        "gold",
        "loaded",
        "report",
    ]
    assert {"events", "log", "attempts", "metrics", "evidence", "source_sha256", "verdict"} <= shown.keys()
    assert shown["date"] == "2024-06-04"


def test_runs_are_paged_and_filtered(here, week):
    first = json.loads(here(week, "runs", "--limit", "2", "--json").stdout)
    second = json.loads(here(week, "runs", "--limit", "2", "--before", str(first[-1]["run_id"]), "--json").stdout)
    skipped = json.loads(here(week, "runs", "--status", "skipped", "--json").stdout)

    assert [row["run_id"] for row in first + second] == [7, 6, 5, 4]
    assert [row["date"] for row in skipped] == ["2024-06-08", "2024-06-07"]


def test_a_line_of_runs_says_a_person_what_became_of_the_date(here, week):
    head, first, *_ = here(week, "runs").stdout.splitlines()

    assert head.split() == ["run_id", "date", "status", "session_date", "outcome", "rows", "duration", "reason"]
    assert re.search(r"\d (ms|s) ", first)


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_backfill_ends_with_one_object_of_counts_and_leaves_no_runner_behind(here, stocked):
    done = run(stocked, "backfill", DAILY, *RANGE, "--wait", "--json")
    counts = said(done)

    assert done.stderr == ""  # no progress bar where nobody looks
    assert {name: counts[name] for name in ("dates", "session", "no_session", "failed", "missing", "loaded")} == {
        "dates": 7,
        "session": 5,
        "no_session": 2,
        "failed": 0,
        "missing": 0,
        "loaded": 5,
    }
    assert stocked.accepted() == days_from(SUNDAY, 5)
    (started,) = stocked.read(runners.recent)
    assert started["stopped_at"] is not None
    assert not alive(started["pid"])
    again = json.loads(here(stocked, "backfill", DAILY, *RANGE, "--wait", "--json").stdout)
    assert (again["runs"], again["already_done"], again["session"]) == (0, 7, 5)


def test_waiting_uses_the_runner_that_is_alive(here_waiting, stocked):
    with subprocess.Popen([*PYTHON, "runner"], cwd=REPOSITORY, env=environment(stocked), stderr=subprocess.PIPE) as runner:
        assert runner.stderr is not None
        assert b"runner_started" in runner.stderr.readline()
        done = here_waiting(stocked, "run", DAILY, "--date", "2024-06-02", "--json")
        runner.terminate()
        runner.communicate(timeout=20)

    assert json.loads(done.stdout)["status"] == "succeeded"
    assert [row["pid"] for row in stocked.read(runners.recent)] == [runner.pid]
    assert runner.returncode == 128 + signal.SIGTERM


def test_without_waiting_the_run_is_only_queued(here, stocked):
    queued = json.loads(here(stocked, "run", DAILY, "--date", "2024-06-02", "--no-wait", "--json").stdout)

    assert queued["status"] == "queued"
    assert stocked.read(runners.recent) == []


def test_a_failed_date_gives_exit_code_1_and_its_error_on_stderr(here, stocked):
    stocked.put(MONDAY, b"nothing")
    done = here(stocked, "run", DAILY, "--date", "2024-06-03", "--json")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["error_type"] == "UnreadableFile"
    assert "2024_06_03.csv.gz" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_backfill_with_a_failed_date_gives_exit_code_1(here, stocked):
    stocked.put(MONDAY, b"nothing")
    done = here(stocked, "backfill", DAILY, "--since", "2024-06-02", "--until", "2024-06-04", "--wait", "--json")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["failed"] == 1


def test_a_date_without_a_session_is_no_failure(here, stocked):
    stocked.backfill(SUNDAY, THURSDAY)
    done = here(stocked, "run", DAILY, "--date", "2024-06-07", "--json")

    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["verdict"] == "no_session"


def test_a_rerun_from_a_stage_by_date(here, stocked):
    stocked.backfill(SUNDAY, MONDAY)
    done = json.loads(here(stocked, "rerun", "--date", "2024-06-03", "--from-stage", "gold", "--json").stdout)

    assert (done["outcome"], done["rerun_of"]) == ("unchanged", 2)


def test_a_queued_run_is_cancelled(here, stocked):
    stocked.services.run(DAILY, MONDAY)
    shown = here(stocked, "cancel", "1", "--json")

    assert json.loads(shown.stdout)["run_id"] == 1
    assert stocked.found(1)["status"] == RunStatus.CANCELLED


def test_a_backfill_is_paused_resumed_and_cancelled(here, stocked):
    stocked.services.backfill(DAILY, SUNDAY, MONDAY)
    told = [json.loads(here(stocked, "backfills", order, "1", "--json").stdout)[0] for order in ("--pause", "--resume", "--cancel")]

    assert [one["state"] for one in told] == ["paused", "running", "cancelled"]
    assert [(one["done"], one["dates"]) for one in told] == [(0, 2), (0, 2), (2, 2)]


def test_the_ledger_shows_dates_that_only_a_backfill_brought_in(here, stocked):
    backfill_id = stocked.backfill(SUNDAY, MONDAY)
    asked = here(stocked, "schedule", "--days", "1000", "--json")
    slots = json.loads(asked.stdout)[0]["slots"]

    assert [(slot["date"], slot["outcome"], slot["due_at"]) for slot in slots] == [
        ("2024-06-02", "backfilled", None),
        ("2024-06-03", "backfilled", None),
    ]
    assert slots[1]["reason"].startswith(f"brought in by backfill {backfill_id}: ")
    assert "brought in by backfill" in here(stocked, "schedule", "--days", "1000").stdout


def test_a_schedule_without_newer_dates_says_how_to_see_older_ones(here, stocked):
    assert "no date in the last 14 days; use --days" in here(stocked, "schedule").stderr


def test_a_schedule_is_paused_and_resumed(here, stocked):
    paused = [json.loads(here(stocked, "schedule", order, DAILY, "--json").stdout)[0]["paused"] for order in ("--pause", "--resume")]

    assert paused == [True, False]


WRONG = {
    "no such command": ["bakfill"],
    "no such option": ["runs", "--everything"],
    "not a date": ["run", DAILY, "--date", "3 June"],
    "no date": ["run", DAILY],
    "a future date": ["run", DAILY, "--date", "2999-01-01"],
    "a date before the exchange": ["run", DAILY, "--date", "1800-01-02"],
    "a range before the exchange": ["backfill", DAILY, "--since", "1800-01-01", "--until", "1800-01-03", "--plan"],
    "two forms at once": ["sql", "SELECT 1", "--json", "--csv"],
    "no such status": ["runs", "--status", "purple"],
    "no such pipeline": ["run", "weekly", "--date", "2024-06-03"],
    "no such run": ["run", "99"],
    "no such run to cancel": ["cancel", "99"],
    "a date that never ran": ["rerun", "--date", "2020-01-01"],
    "both a run and a date": ["rerun", "--run", "1", "--date", "2024-06-03"],
    "no such stage": ["rerun", "--run", "1", "--from-stage", "golden"],
    "no such mode": ["backfill", DAILY, *RANGE, "--mode", "some"],
    "a range backwards": ["sessions", "--since", "2024-06-08", "--until", "2024-06-02"],
    "no such layer": ["rebuild", "silver"],
    "not a SELECT": ["sql", "DROP TABLE run"],
    "runs of no pipeline": ["runs", "--pipeline", "nope"],
    "sessions of no pipeline": ["sessions", *RANGE, "--pipeline", "nope"],
    "a run of no pipeline": ["run", "nope"],
    "wrong SQL": ["sql", "SELECT nothing FROM nowhere"],
    "a booking to a later date": ["run", DAILY, "--date", "2024-06-03", "--book-to", "2024-06-04"],
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_request_gives_exit_code_2_and_a_sentence(here, week, wrong):
    refused(here(week, *WRONG[wrong]))


def test_a_date_before_the_exchange_opened_is_refused_with_that_day(here, week):
    assert "before the exchange opened (1994-01-13)" in here(week, *WRONG["a date before the exchange"]).stderr
    assert "before the exchange opened (1994-01-13)" in here(week, *WRONG["a range before the exchange"]).stderr


def test_a_word_that_is_none_is_refused_with_those_that_are(here, week):
    said = " ".join(here(week, *WRONG["no such status"]).stderr.replace("│", "").split())

    assert "'purple' is none of queued, running, succeeded, skipped, failed, cancelled, crashed" in said


def test_the_progress_bar_is_shown_on_a_terminal(stocked):
    ours, theirs = pty.openpty()
    command = [*PYTHON, "backfill", DAILY, *RANGE, "--wait", "--json"]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment(stocked), stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        shown = b""
        while part := read_terminal(ours):
            shown += part
        assert process.stdout is not None
        counts = json.loads(process.stdout.read())

    os.close(ours)
    assert counts["session"] == 5
    assert b"dates" in shown
    assert b"100%" in shown


def read_terminal(ours: int) -> bytes:
    try:
        return os.read(ours, 4096)
    except OSError:  # Linux says so when the other end is closed
        return b""


@pytest.fixture
def heard() -> Iterator[None]:
    """Let what is started hear Ctrl-C, also where a shell runs these tests in its background and has all they start ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_ctrl_c_while_waiting_leaves_the_queue_and_says_how_to_go_on(tmp_path):
    house = announced(tmp_path)
    for number, day in enumerate(day for day in days_from(SUNDAY, 200) if day.isoweekday() % 7 < 5):
        house.session(day, number)
    command = [*PYTHON, "backfill", DAILY, "--since", str(SUNDAY), "--until", "2024-12-18", "--wait", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment(house), start_new_session=True, **pipes)
    assert wait_until(lambda: process.poll() is not None or house.accepted(), timeout=timedelta(minutes=2)), "no session came in"
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the runner too
    out, error = process.communicate(timeout=30)

    by_status = house.read(backfills.counts, 1)
    assert (process.returncode, out) == (1, "")
    assert "python -m engine backfill daily_prices --since 2024-06-02 --until 2024-12-18 --wait" in error
    assert "Traceback" not in error
    assert RunStatus.RUNNING not in by_status
    assert by_status[RunStatus.QUEUED] > 0
    assert house.read(runs.backfill_has_work, 1)
    assert [row["stopped_at"] is None for row in house.read(runners.recent)] == [False]
