"""The Safety page: how things stand, what can be done now, and what was done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pages.ui.safety import Kept, problems, standings
from pages.ui.views import JobView
from storage import jobs, runs
from storage.status import JobOutcome
from tests.pages.conftest import text_of
from tests.pages.gallery import BEFORE, NOW


def job(name: str, figures=None, *, ago: timedelta, outcome: JobOutcome = JobOutcome.SUCCEEDED, message: str = "done") -> JobView:
    at = NOW - ago
    return JobView(1, name, outcome, "clock", at, at, at + timedelta(seconds=2), figures, message)


HOUR = timedelta(hours=1)
DRILL = {"recovery_seconds": 8.4, "recovery_point_seconds": 900.0, "unsaved_seconds": 0.0}
SCRUB = {"files": 5_000, "bytes": 90_000_000, "findings": 0}


def known(**changed) -> Kept:
    last = {"backup": job("backup", ago=HOUR), "drill": job("drill", DRILL, ago=9 * HOUR), "scrub": job("scrub", SCRUB, ago=9 * HOUR)}
    due = {"backup": NOW - HOUR + timedelta(minutes=15), "drill": NOW + 9 * HOUR, "scrub": NOW + 9 * HOUR}
    values = {"last": last, "good": last, "due": due, "damaged": (), "saved": True, "every_minutes": 15}
    return Kept(**values | changed)


def test_what_is_well_is_green_and_no_problem():
    kept = known()

    assert [standing.colour for standing in standings(kept, now=NOW)] == ["green"] * 3
    assert problems(kept, now=NOW) == ()


def test_the_drill_says_what_it_has_measured():
    drill = standings(known(), now=NOW)[1]

    assert drill.line == "9 h ago: back in 8.4 s, newest write 15 min old, nothing lost"


def test_the_tick_log_stands_beside_them_once_the_stream_has_received_something():
    done = replace(known().last["scrub"], message="the log is kept for ever (tick_log.keep_days is 0)")
    kept = known(last={**known().last, "tick_log": done}, due={**known().due, "tick_log": NOW + HOUR})
    failed = replace(done, outcome=JobOutcome.FAILED, message="1 session could not be brought into a file")

    assert [standing.title for standing in standings(kept, now=NOW)][3:] == ["Tick log"]
    assert standings(kept, now=NOW)[3].line.endswith("the log is kept for ever (tick_log.keep_days is 0)")
    (problem,) = problems(replace(kept, last={**kept.last, "tick_log": failed}), now=NOW)
    assert "1 session could not be" in problem.detail


def test_a_backup_is_overdue_only_when_something_was_written_since():
    (problem,) = problems(known(saved=False), now=NOW)

    assert problem.headline == "Backup needs a person"
    assert "It was due 45 min ago. Is a runner alive?" in problem.detail


@pytest.mark.parametrize(("minutes", "wrong"), [(1, []), (11, ["Backup needs a person"])])
def test_a_runner_that_has_just_begun_has_its_time_for_what_came_due_while_the_machine_was_off(minutes, wrong):
    kept = known(saved=False, alive_since=NOW - timedelta(minutes=minutes))

    assert [problem.headline for problem in problems(kept, now=NOW)] == wrong


def test_a_failure_is_told_with_its_reason_until_the_next_one_goes_well():
    failed = {**known().last, "backup": job("backup", ago=HOUR, outcome=JobOutcome.FAILED, message="the disk is full")}
    (problem,) = problems(known(last=failed), now=NOW)

    assert problem.detail.endswith("The last one failed 60 min ago: the disk is full")


def test_a_drill_that_did_not_come_is_told():
    (problem,) = problems(known(due={**known().due, "drill": NOW - 7 * HOUR}), now=NOW)

    assert problem.headline == "Restore drill needs a person"


def test_a_scrub_whose_findings_were_mended_is_no_problem():
    found = job("scrub", SCRUB | {"findings": 2}, ago=HOUR, outcome=JobOutcome.FAILED)

    assert problems(known(last={**known().last, "scrub": found}), now=NOW) == ()


def test_nothing_is_red_where_nothing_ever_ran():
    nothing = dict.fromkeys(("backup", "drill", "scrub"))
    kept = known(last=nothing, good=nothing, due=nothing, saved=False)

    assert [standing.colour for standing in standings(kept, now=NOW)] == ["gray"] * 3
    assert problems(kept, now=NOW) == ()


@pytest.mark.parametrize("name", ["backup", "verify", "drill", "scrub"])
def test_a_button_queues_its_job_once(name, open_store, visit):
    store = open_store("healthy")
    app = visit("safety.py")

    app.button(key=f"job_{name}").click().run()

    assert not app.exception
    with store.database.reading() as connection:
        assert [(row["job"], row["requested_by"]) for row in jobs.unfinished(connection)] == [(name, "console")]
    assert app.button(key=f"job_{name}").disabled
    assert "is queued" in text_of(app)


def test_a_damaged_file_is_shown_with_what_makes_it_whole(open_store, visit):
    open_store("unsafe")
    app = visit("safety.py")
    said = text_of(app)

    assert f"silver of Mon {BEFORE.day} Jun 2025** is missing" in said
    assert app.button(key="mend_0").label == "Rebuild from bronze"
    assert app.button(key="take_back_0").label == "Take it back from a backup"


def test_mending_queues_the_run_of_its_date(open_store, visit):
    store = open_store("unsafe")
    app = visit("safety.py")

    app.button(key="mend_0").click().run()

    assert not app.exception
    assert app.toast[0].value.endswith("is queued.")
    with store.database.reading() as connection:
        assert runs.recent(connection, limit=1)[0]["status"] == "queued"


def test_what_no_backup_holds_is_said_where_the_button_is(open_store, visit):
    open_store("unsafe")
    app = visit("safety.py")

    app.button(key="take_back_0").click().run()

    assert "no backup in" in "\n".join(error.value for error in app.error)


def test_the_overview_shows_the_three_and_links_to_the_rest(open_store, visit):
    open_store("healthy")
    said = text_of(visit("overview.py"))

    for line in ("Backup", "Restore drill", "Scrub", "back in 8.4 s", "5,000 files", "Backups, drills, damage"):
        assert line in said
