"""Jobs: due by the clock, one at a time over all runners, claimed again when their process dies."""

import os
import signal
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from engine.clock import nepal_time
from engine.errors import BackupError, Fenced, UnknownName
from engine.jobs import JOBS, catalogue
from engine.jobs.catalogue import Done, Job
from engine.jobs.keeper import MOST_ATTEMPTS, Keeper
from engine.jobs.timetable import due, due_at
from engine.jobs.worker import Pulse, Worker
from engine.pipeline.rescue import lock_folder
from storage import costs, jobs
from storage.status import CostPurpose, CostWork, JobOutcome
from storage.tables import JobRun
from tests.crash.runners import Home
from tests.forked import script
from tests.pipelines.house import SUNDAY
from tests.shell import environment
from tests.storage.conftest import database, migrated, url  # noqa: F401, fixtures
from tests.storage.databases import at_once

MINUTE = timedelta(minutes=1)


def due_now(week, *, after: timedelta = timedelta()) -> list[str]:
    """Return what the clock asks for; what follows runs is due as well (tests/pipelines/test_drift.py)."""
    week.clock.advance(after)
    return [name for name in week.read(due, week.settings, now=week.clock.now()) if JOBS[name].follows is None]


def runs_of(week) -> list[tuple]:
    with week.runtime.database.reading() as connection:
        rows = connection.execute(select(JobRun.__table__).order_by(JobRun.__table__.c.id)).mappings()
        return [(row["job"], row["outcome"], row["requested_by"]) for row in rows]


def test_a_home_in_which_nothing_ever_ran_has_nothing_due(tmp_path):
    from tests.pipelines.house import announced  # noqa: PLC0415

    assert due_now(announced(tmp_path), after=timedelta(days=3)) == []


def test_a_backup_is_due_a_quarter_of_an_hour_after_the_first_run_and_then_only_when_something_was_written(week, job):
    first = due_now(week, after=14 * MINUTE), due_now(week, after=MINUTE)
    job("backup")
    calm = due_now(week, after=timedelta(hours=1))
    week.run(SUNDAY)

    assert first == ([], ["backup"])
    assert "backup" not in calm
    assert "backup" in due_now(week)


def test_what_a_job_used_is_measured_and_charged_with_what_it_wrote(week, job):
    ended = job("backup")
    charged = week.read(costs.one, CostWork.JOB, ended["id"])

    assert (charged["name"], charged["status"], charged["purpose"]) == ("backup", "succeeded", CostPurpose.UPKEEP)
    assert charged["cpu_us"] == week.read(jobs.one, ended["id"])["cpu_us"] > 0
    assert charged["bytes_written"] == ended["figures"]["new_bytes"] > 0
    assert min(charged["compute_nano"], charged["storage_nano"]) > 0


def test_a_backup_that_was_taken_away_is_made_again(week, job):
    from shutil import rmtree  # noqa: PLC0415

    rmtree(job("backup")["figures"]["backup"])

    assert "backup" in due_now(week, after=timedelta(hours=1))


def test_a_backup_that_failed_is_tried_again_soon(week, monkeypatch, job):
    def full(*_arguments, **_options):
        raise BackupError("the disk is full")

    monkeypatch.setattr(catalogue, "take", full)
    ended = job("backup")

    assert (ended["outcome"], ended["message"]) == ("failed", "the disk is full")
    assert "backup" not in due_now(week, after=4 * MINUTE)
    assert "backup" in due_now(week, after=MINUTE)


def test_the_nightly_jobs_are_due_in_the_night_and_the_drill_only_with_a_backup(week, job):
    def when(name):
        return week.read(due_at, JOBS[name], week.settings, now=week.clock.now())

    tonight = week.clock.now().date() + timedelta(days=1)
    before = when("scrub"), when("drill")
    job("backup")
    drill = when("drill")
    week.clock.at = nepal_time(tonight, 4)

    assert before == (nepal_time(tonight, 2), None)
    assert drill == nepal_time(tonight, 3)
    assert {"scrub", "drill"} <= set(due_now(week))


def test_a_clock_that_was_set_back_makes_jobs_due_rather_than_forgotten(week):
    week.clock.advance(timedelta(days=-400))

    assert "scrub" in due_now(week)


def test_no_backup_is_due_by_schedule_where_the_setting_says_so(week):
    week.settings = week.settings.model_copy(update={"backup_minutes": 0})

    assert due_now(week, after=timedelta(days=2)) == ["scrub"]


def test_what_is_due_is_queued_once(week):
    week.clock.advance(20 * MINUTE)
    asked = [Keeper(week.runtime).request_due() for _ in range(2)]

    assert asked == [["backup", "drift"], []]
    assert runs_of(week) == [("backup", "queued", "clock"), ("drift", "queued", "clock")]


def test_a_double_click_is_one_request(week):
    assert week.services.ask_for("drill") == week.services.ask_for("drill")
    assert runs_of(week) == [("drill", "queued", "test")]


def test_an_unknown_job_is_refused_with_those_there_are(week):
    with pytest.raises(UnknownName, match="backup, verify, drill, scrub, tick_log, rebuild_gold"):
        week.services.request_job("nonsense")


def test_a_drill_measures_recovery_and_leaves_nothing(week, job):
    job("backup")
    week.clock.advance(10 * MINUTE)
    sound = job("drill")
    week.run(SUNDAY)
    later = job("drill")

    assert sound["outcome"] == later["outcome"] == "succeeded"
    assert (sound["figures"]["recovery_point_seconds"], sound["figures"]["unsaved_seconds"]) == (600, 0)
    assert later["figures"]["unsaved_seconds"] == 600
    assert sound["figures"]["recovery_seconds"] > 0
    assert not (week.settings.home / "drill").exists()


def test_a_drill_without_a_backup_fails_with_what_to_do(week, job):
    assert job("drill")["message"].endswith("make one: python -m engine backup")


def test_a_drill_of_a_damaged_backup_fails(week, job):
    from pathlib import Path  # noqa: PLC0415

    from tests.backup.damage import flip  # noqa: PLC0415

    flip(Path(job("backup")["figures"]["backup"]) / "console.db")
    ended = job("drill")

    assert ended["outcome"] == "failed"
    assert "is damaged: console.db" in ended["message"]


def test_verify_marks_a_sound_backup_and_says_what_is_wrong_with_another(week, job):
    from engine.backup import shelf  # noqa: PLC0415
    from tests.backup.damage import flip  # noqa: PLC0415

    job("backup")
    newest = shelf.newest(week.settings.backups)
    sound = job("verify"), shelf.verified_at(newest)
    flip(next((newest / "lake" / "gold").rglob("*.parquet")))
    broken = job("verify"), shelf.verified_at(newest)

    assert (sound[0]["outcome"], sound[1]) == ("succeeded", week.clock.now())
    assert (broken[0]["outcome"], broken[1]) == ("failed", None)
    assert "sha256 differs" in broken[0]["message"]


def test_an_error_of_any_kind_ends_a_job_as_failed(week, monkeypatch, job):
    monkeypatch.setitem(JOBS, "scrub", Job("scrub", "Scrub", "", lambda _task: 1 / 0))

    assert job("scrub")["message"] == "ZeroDivisionError: division by zero"


def _claim(number, url):  # noqa: F811
    from datetime import UTC, datetime  # noqa: PLC0415

    from storage.database import open_database  # noqa: PLC0415

    opened, taken = open_database(url), []
    while (row := jobs.claim(opened, holder=f"host-{number}", at=datetime(2026, 1, 5, tzinfo=UTC))) is not None:
        taken.append(row["id"])
        with opened.transaction() as connection:
            told = {"outcome": JobOutcome.SUCCEEDED, "figures": {}, "message": ""}
            assert jobs.finish(connection, row["id"], holder=f"host-{number}", at=datetime(2026, 1, 5, tzinfo=UTC), **told)
    opened.close()
    return taken


def test_jobs_are_claimed_once_by_processes_that_ask_at_the_same_time(url, database, week):  # noqa: F811
    with database.transaction() as connection:
        for name in range(12):
            jobs.request(connection, f"job {name}", by="test", at=week.clock.now())
    taken = at_once(4, _claim, url)
    with database.reading() as connection:
        left = {row["id"] for row in jobs.unfinished(connection)}

    done = [run_id for one in taken for run_id in one]
    assert len(done) == len(set(done))
    assert len(done) + len(left) == 12


def test_only_one_job_runs_over_all_runners(url, database, week):  # noqa: F811
    at = week.clock.now()
    with database.transaction() as connection:
        first, second = (jobs.request(connection, name, by="test", at=at) for name in ("scrub", "drill"))
    held = jobs.claim(database, holder="host-1", at=at)
    refused = jobs.claim(database, holder="host-2", at=at)
    with database.transaction() as connection:
        jobs.finish(connection, first, holder="host-1", outcome=JobOutcome.SUCCEEDED, at=at, figures={}, message="")

    assert held["id"] == first
    assert refused is None
    assert jobs.claim(database, holder="host-2", at=at)["id"] == second


def _running(week, *, holder="elsewhere-1-a", attempts=1) -> int:
    at = week.clock.now()
    row = {"job": "scrub", "outcome": "running", "requested_by": "clock", "requested_at": at, "started_at": at, "holder": holder}
    with week.runtime.database.transaction() as connection:
        result = connection.execute(insert(JobRun.__table__), row | {"beats": 4, "attempts": attempts, "figures": {"files": 2}})
        return result.inserted_primary_key[0]


def test_a_job_of_a_silent_process_is_queued_anew_with_how_far_it_had_come(week):
    run_id = _running(week)
    keeper = Keeper(week.runtime, silence=timedelta())
    keeper.rescue()
    heard = week.read(jobs.one, run_id)["outcome"]
    keeper.rescue()
    row = week.read(jobs.one, run_id)

    assert heard == "running"
    assert (row["outcome"], row["figures"]) == ("queued", {"files": 2})


def test_a_job_that_beats_is_left_alone(week):
    run_id, keeper = _running(week), Keeper(week.runtime, silence=timedelta())
    for _ in range(3):
        keeper.rescue()
        with week.runtime.database.transaction() as connection:
            jobs.beat(connection, run_id, holder="elsewhere-1-a")

    assert week.read(jobs.one, run_id)["outcome"] == "running"


def test_a_job_that_took_too_many_processes_with_it_has_failed(week):
    run_id, keeper = _running(week, attempts=MOST_ATTEMPTS), Keeper(week.runtime, silence=timedelta())
    keeper.rescue()
    keeper.rescue()

    assert (week.read(jobs.one, run_id)["outcome"], week.read(jobs.one, run_id)["message"]) == ("failed", "its process died")


def test_a_zombie_cannot_end_a_job_that_was_taken_over(week):
    run_id = _running(week, holder="zombie")
    keeper = Keeper(week.runtime, silence=timedelta())
    keeper.rescue()
    keeper.rescue()
    worker = Worker(week.runtime)
    worker.serve()
    with week.runtime.database.transaction() as connection:
        told = {"outcome": JobOutcome.FAILED, "figures": {}, "message": "I am late"}
        own = jobs.finish(connection, run_id, holder="zombie", at=week.clock.now(), **told)

    assert not own
    assert week.read(jobs.one, run_id)["outcome"] == "succeeded"
    with pytest.raises(Fenced):
        Pulse(week.runtime, run_id, "zombie").tell(None)


KILLED = """
import os, signal
from engine.jobs import following
from engine.jobs.catalogue import JOBS, Done, Job
from engine.runtime import runtime

def die(task):
    task.tell({"after": "", "files": 0, "bytes": 0, "findings": 0, "mended": 0, "of_files": 9})
    os.kill(os.getpid(), signal.SIGKILL)

JOBS["scrub"] = Job("scrub", "Scrub", "", die)
following.work(runtime())
"""


def test_a_job_whose_process_was_killed_is_claimed_again_at_once(week):
    run_id = week.services.ask_for("scrub")
    killed = script(KILLED, environment=environment(week)).wait(60)
    held = week.read(jobs.one, run_id)
    Keeper(week.runtime).rescue()
    Worker(week.runtime).serve()
    ended = week.read(jobs.one, run_id)

    assert killed == -signal.SIGKILL
    assert held["outcome"] == "running"
    assert (ended["outcome"], ended["attempts"]) == ("succeeded", 2)
    assert list(lock_folder(week.runtime).glob("*.lock")) == []


def test_a_runner_does_what_is_queued_in_a_process_that_yields_to_it(tmp_path):
    from engine.services import Services  # noqa: PLC0415
    from tests.crash.runners import open_home  # noqa: PLC0415

    home: Home = open_home(tmp_path / "home")
    services = Services(home.runtime, actor="test")
    services.ask_for("scrub")
    runner = home.command("runner")
    scrubs = "SELECT holder, attempts FROM job_run WHERE job = 'scrub'"  # the clock may have asked for others
    home.until(lambda: home.rows(f"{scrubs} AND outcome = 'succeeded'"), seconds=60)
    (row,) = home.rows(scrubs)
    runner.terminate()
    code = runner.wait(20)
    home.close()

    assert code == 128 + signal.SIGTERM
    assert row["attempts"] == 1
    assert int(row["holder"].split("-")[-2]) not in (runner.pid, os.getpid())


def test_done_needs_no_figures():
    assert Done(JobOutcome.SKIPPED, "nothing").figures == {}
