"""Runs move only where they may, each move tells its story, and a date has at most one active run."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storage import backfills, moves, runs
from storage.database import Database, open_database
from storage.status import MOVES, BackfillMode, BackfillState, OnFailure, RunStatus, RunType, Verdict
from tests.storage.databases import at_once

PIPELINE = "daily_prices"
DAY = date(2025, 6, 1)
NOW = datetime(2025, 6, 1, 12, 15, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)

PAIRS = [(before, after) for before in RunStatus for after in RunStatus]
ALLOWED = [(before, after) for before, after in PAIRS if after in MOVES.get(before, frozenset())]
REFUSED = [pair for pair in PAIRS if pair not in ALLOWED]
WAY_TO = {  # how a run comes to a status
    RunStatus.QUEUED: (),
    RunStatus.RUNNING: (RunStatus.RUNNING,),
    **{final: (RunStatus.RUNNING, final) for final in RunStatus if final not in MOVES},
}


def _queue(database: Database, day: date = DAY, **values) -> int:
    with database.transaction() as connection:
        asked = {"run_type": RunType.MANUAL, "requested_by": "a person", "priority": 0}
        return moves.add(connection, at=NOW, pipeline=PIPELINE, partition=day, **asked | values)


def _move(database: Database, run_id: int, to: RunStatus, **values) -> None:
    with database.transaction() as connection:
        moves.move(connection, run_id, to, at=SOON, name=f"run_{to}", **values)


def _finish(database: Database, run_id: int, to: RunStatus, **values) -> None:
    with database.transaction() as connection:
        moves.finish(connection, run_id, to, at=SOON, day=DAY, **values)


def _claim(database: Database, *, sequential=(), **options):
    return moves.claim(database, runner_id="host-1", at=NOW, sequential=sequential, **options)


def _run(database: Database, run_id: int):
    with database.reading() as connection:
        return runs.one(connection, run_id)


def _state(database: Database):
    with database.reading() as connection:
        return runs.states_between(connection, PIPELINE, DAY, DAY)[0]


def _backfill(database: Database, days: int, *, max_active: int = 10) -> int:
    since, until = DAY, DAY + timedelta(days=days - 1)
    asked = {"mode": BackfillMode.ALL, "on_failure": OnFailure.CONTINUE, "max_active": max_active, "dates": days}
    with database.transaction() as connection:
        own = {"pipeline": PIPELINE, "since": since, "until": until, "state": BackfillState.RUNNING, "requested_by": "a person"}
        backfill_id = backfills.add(connection, **own, **asked, created_at=NOW)
        dates = [since + timedelta(days=number) for number in range(days)]
        new = {"run_type": RunType.BACKFILL, "backfill_id": backfill_id, "requested_by": "a person", "priority": 2}
        moves.add_many(connection, dates, at=NOW, pipeline=PIPELINE, **new)
    return backfill_id


def _at(database: Database, status: RunStatus) -> int:
    run_id = _queue(database)
    for step in WAY_TO[status]:
        _move(database, run_id, step)
    return run_id


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_a_run_moves_where_it_may(database, before, after):
    run_id = _at(database, before)
    _move(database, run_id, after)

    assert _run(database, run_id)["status"] == after


@pytest.mark.parametrize("before", list(RunStatus))
def test_a_run_moves_nowhere_else(database, before):
    run_id = _at(database, before)
    others = [after for origin, after in REFUSED if origin is before]

    for after in others:
        with pytest.raises(moves.StaleMove, match=f"run {run_id} cannot move to {after}"):
            _move(database, run_id, after)
    assert others
    assert _run(database, run_id)["status"] == before


def test_a_move_with_an_older_fence_number_is_refused(database):
    run_id = _queue(database)
    older = _claim(database)["fence"]
    _move(database, run_id, RunStatus.QUEUED, fence=older + 1)
    newer = _claim(database)["fence"]

    with pytest.raises(moves.StaleMove):
        _finish(database, run_id, RunStatus.SUCCEEDED, held=older)
    _finish(database, run_id, RunStatus.SUCCEEDED, held=newer)
    assert newer > older


def test_every_move_leaves_an_event(database):
    run_id = _at(database, RunStatus.SUCCEEDED)

    with database.reading() as connection:
        told = [(row["name"], row["status"]) for row in runs.events_of(connection, run_id)]
    assert told == [("run_queued", "queued"), ("run_running", "running"), ("run_succeeded", "succeeded")]


def test_a_refused_move_leaves_no_event(database):
    run_id = _queue(database)
    with pytest.raises(moves.StaleMove):
        _move(database, run_id, RunStatus.SUCCEEDED)

    with database.reading() as connection:
        assert len(runs.events_of(connection, run_id)) == 1


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING])
def test_the_database_refuses_a_second_active_run_of_a_date(database, status):
    _at(database, status)

    with pytest.raises(IntegrityError):
        _queue(database)


def test_a_date_may_be_run_again_when_its_run_is_over(database):
    first = _at(database, RunStatus.FAILED)

    assert _queue(database) > first


def test_a_date_keeps_its_verdict_while_a_newer_run_waits_or_is_cancelled(database):
    first = _queue(database)
    _claim(database)
    said = {"verdict": Verdict.SESSION, "session_date": DAY, "rows": 340, "reason": "the session of its date"}
    _finish(database, first, RunStatus.SUCCEEDED, **said)
    second = _queue(database)
    while_waiting = _state(database)
    with database.transaction() as connection:
        assert moves.cancel_queued(connection, second, at=SOON, day=DAY, reason="cancelled")

    assert (while_waiting["run_id"], while_waiting["status"], while_waiting["verdict"]) == (second, "queued", "session")
    cancelled = _state(database)
    assert (cancelled["status"], cancelled["verdict"], cancelled["rows"]) == ("cancelled", "session", 340)


def test_an_older_run_does_not_speak_for_a_date_that_has_a_newer_one(database):
    older = _at(database, RunStatus.FAILED)
    newer = _queue(database)
    with database.transaction() as connection:
        moves._remember(connection, older, at=SOON)

    assert _state(database)["run_id"] == newer


def test_the_daily_roll_up_sums_the_runs_that_ended(database):
    for number, rows in enumerate((300, 340)):
        run_id = _queue(database, DAY - timedelta(days=number))
        _claim(database)
        _finish(database, run_id, RunStatus.SUCCEEDED, rows=rows, cpu_us=1000)

    with database.reading() as connection:
        (row,) = runs.daily_between(connection, PIPELINE, DAY, DAY)
    five_minutes = 300_000_000
    assert (row["status"], row["runs"], row["rows"], row["cpu_us"]) == ("succeeded", 2, 640, 2000)
    assert row["duration_us"] == 2 * five_minutes


def test_a_clock_that_was_set_back_gives_no_negative_sum(database):
    run_id = _queue(database)
    _claim(database)
    with database.transaction() as connection:
        moves.finish(connection, run_id, RunStatus.SUCCEEDED, at=NOW - timedelta(days=1), day=DAY)

    with database.reading() as connection:
        assert runs.daily_between(connection, PIPELINE, DAY, DAY)[0]["duration_us"] == 0


def test_a_cancel_of_a_run_that_has_begun_cancels_nothing_by_itself(database):
    run_id = _queue(database)
    _claim(database)
    with database.transaction() as connection:
        assert not moves.cancel_queued(connection, run_id, at=SOON, day=DAY, reason="cancelled")
        moves.request_cancel(connection, run_id)

    with database.reading() as connection:
        assert moves.cancel_wanted(connection, run_id, fence=1)
    assert _run(database, run_id)["status"] == RunStatus.RUNNING


def test_a_claim_takes_what_a_person_asked_for_before_a_backfill_and_older_dates_first(database):
    _backfill(database, 3)
    asked = _queue(database, DAY + timedelta(days=9))

    claimed = [_claim(database) for _ in range(4)]
    assert claimed[0]["id"] == asked
    assert [row["partition"] for row in claimed[1:]] == [DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]
    assert _claim(database) is None


def test_a_run_is_not_claimed_before_it_is_available(database):
    _queue(database)
    with database.transaction() as connection:
        connection.execute(moves.runs.update().values(available_at=SOON))

    assert _claim(database) is None
    with database.reading() as connection:
        assert moves.claimable(connection, at=SOON, sequential=())


def test_of_a_sequential_pipeline_one_run_is_claimed_at_a_time(database):
    _backfill(database, 2)
    first = _claim(database, sequential=[PIPELINE])

    assert _claim(database, sequential=[PIPELINE]) is None
    _finish(database, first["id"], RunStatus.SUCCEEDED)
    assert _claim(database, sequential=[PIPELINE]) is not None


def test_of_a_backfill_no_more_than_its_limit_run_at_once(database):
    _backfill(database, 4, max_active=2)

    assert [_claim(database) is not None for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("state", [BackfillState.PAUSED, BackfillState.STOPPED, BackfillState.CANCELLED])
def test_nothing_is_claimed_of_a_backfill_that_does_not_go_on(database, state):
    backfill_id = _backfill(database, 1)
    with database.transaction() as connection:
        backfills.set_state(connection, backfill_id, state, at=NOW)

    assert _claim(database) is None


def test_a_runner_of_one_backfill_claims_no_other_run(database):
    _queue(database, DAY - timedelta(days=1))
    backfill_id = _backfill(database, 1)

    assert _claim(database, only_backfill=backfill_id)["backfill_id"] == backfill_id
    assert _claim(database, only_backfill=backfill_id) is None


JOBS = 200


def _claim_all(number: int, url: str) -> list[tuple[int, int]]:
    database = open_database(url)
    mine = []
    while (row := moves.claim(database, runner_id=f"runner-{number}", at=NOW, sequential=())) is not None:
        mine.append((row["id"], row["fence"]))
    database.close()
    return mine


def test_processes_that_claim_at_once_get_each_run_once(database, url):
    _backfill(database, JOBS, max_active=JOBS)
    claimed = [run for mine in at_once(4, _claim_all, url) for run in mine]

    with database.reading() as connection:
        every = connection.execute(select(moves.runs.c.id)).scalars().all()
    assert sorted(claimed) == [(run_id, 1) for run_id in sorted(every)]
    assert len(claimed) == JOBS
