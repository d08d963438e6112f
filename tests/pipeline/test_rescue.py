"""Runs of runners that are gone or hang go on elsewhere; runs of living runners are left alone."""

from datetime import date, timedelta

import pytest

from engine.pipeline.execution import hand_back
from engine.pipeline.liveness import LifeLock, is_dead, sweep
from engine.pipeline.rescue import MOST_RESCUES, Rescuer, lock_folder
from engine.runtime import HOST
from storage import backfills, moves, runners, stages
from storage.status import BackfillMode, BackfillState, OnFailure, RunStatus, RunType, StageStatus, Verdict
from tests.pipeline.machine import DAY

HUNG = timedelta(0)  # the very next look that sees no new beat finds the runner silent


def _register(machine, runner_id: str, *, host: str = HOST) -> None:
    with machine.runtime.database.transaction() as connection:
        at = machine.clock.now()
        runners.add(connection, id=runner_id, host=host, pid=1, started_at=at, heartbeat_at=at, beats=0, scheduling=True)


def _beat(machine, runner_id: str) -> None:
    with machine.runtime.database.transaction() as connection:
        runners.beat(connection, runner_id, at=machine.clock.now(), run_id=None)


def _unstopped(machine) -> list[str]:
    with machine.runtime.database.reading() as connection:
        return [row["id"] for row in runners.unstopped(connection)]


def _left_lock(machine, runner_id: str) -> None:
    """Leave what a killed runner leaves: its file, without the lock."""
    folder = lock_folder(machine.runtime)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{runner_id}.lock").touch()


@pytest.fixture
def dead(machine) -> str:
    """A registered runner whose process is gone."""
    _register(machine, "dead")
    _left_lock(machine, "dead")
    return "dead"


@pytest.fixture
def rescuer(machine) -> Rescuer:
    return Rescuer(machine.runtime, "rescuer")


def test_the_run_of_a_dead_runner_goes_back_to_the_queue_before_all_others(machine, dead, rescuer):
    run_id = machine.queue()
    fence = machine.claim(dead)["fence"]

    assert rescuer.rescue() == 1
    row = machine.run(run_id)
    assert (row["status"], row["rescues"], row["fence"]) == (RunStatus.QUEUED, 1, fence + 1)
    assert machine.events(run_id)[-1] == "run_rescued"
    assert _unstopped(machine) == []
    machine.queue(DAY - timedelta(days=1))
    assert machine.claim()["id"] == run_id


def test_a_second_look_rescues_nothing_more(machine, dead, rescuer):
    machine.queue()
    machine.claim(dead)

    assert [rescuer.rescue(), rescuer.rescue()] == [1, 0]


def test_what_a_dead_runner_left_behind_is_removed(machine, dead, rescuer):
    rescuer.rescue()

    assert list(lock_folder(machine.runtime).iterdir()) == []


def test_a_runner_that_holds_its_lock_keeps_its_run(machine, rescuer):
    _register(machine, "alive")
    lock = LifeLock(lock_folder(machine.runtime), "alive")
    run_id = machine.queue()
    machine.claim("alive")

    assert rescuer.rescue() == 0
    assert machine.run(run_id)["status"] == RunStatus.RUNNING
    lock.release()


def test_a_lock_is_free_when_its_holder_let_go_and_then_there_is_no_file(tmp_path):
    lock = LifeLock(tmp_path, "runner")
    held = is_dead(tmp_path, "runner")
    lock.release()

    assert not held
    assert list(tmp_path.iterdir()) == []


def test_what_a_runner_left_that_died_before_anybody_knew_of_it_is_removed(machine, dead):
    folder = lock_folder(machine.runtime)
    _left_lock(machine, "unheard-of")
    alive = LifeLock(folder, "starts-now")

    assert sweep(folder, {dead}) == 1
    assert sorted(path.stem for path in folder.iterdir()) == [dead, "starts-now"]
    alive.release()


def test_a_runner_of_another_home_is_not_taken_for_dead_for_want_of_its_lock(machine, rescuer):
    _register(machine, "elsewhere")
    machine.queue()
    machine.claim("elsewhere")

    assert [rescuer.rescue(), rescuer.rescue()] == [0, 0]


def test_a_runner_that_beats_no_more_loses_its_run(machine):
    _register(machine, "far", host="another-machine")
    run_id = machine.queue()
    machine.claim("far")
    rescuer = Rescuer(machine.runtime, "rescuer", HUNG)

    assert [rescuer.rescue(), rescuer.rescue()] == [0, 1]
    assert machine.run(run_id)["status"] == RunStatus.QUEUED


def test_a_runner_that_beats_keeps_its_run(machine):
    _register(machine, "far", host="another-machine")
    machine.queue()
    machine.claim("far")
    rescuer = Rescuer(machine.runtime, "rescuer", HUNG)
    freed = []
    for _ in range(3):
        freed.append(rescuer.rescue())
        _beat(machine, "far")

    assert freed == [0, 0, 0]


@pytest.mark.parametrize("jump", [timedelta(days=1), -timedelta(days=1)])
def test_a_jump_of_the_clock_is_no_silence(machine, clock, jump):
    _register(machine, "far", host="another-machine")
    machine.queue()
    machine.claim("far")
    rescuer = Rescuer(machine.runtime, "rescuer")
    first = rescuer.rescue()
    clock.advance(jump)

    assert [first, rescuer.rescue()] == [0, 0]


def test_a_runner_that_wakes_up_counts_as_alive_again(machine):
    _register(machine, "far", host="another-machine")
    rescuer = Rescuer(machine.runtime, "rescuer", HUNG)
    rescuer.rescue()
    rescuer.rescue()
    given_up = _unstopped(machine)
    _beat(machine, "far")

    assert given_up == []
    assert _unstopped(machine) == ["far"]


def test_the_run_of_a_runner_that_nobody_knows_is_rescued(machine, rescuer):
    run_id = machine.queue()
    machine.claim("unknown")

    assert rescuer.rescue() == 1
    assert machine.run(run_id)["status"] == RunStatus.QUEUED


def test_a_runner_does_not_rescue_its_own_run(machine):
    machine.queue()
    machine.claim("own")

    assert Rescuer(machine.runtime, "own").rescue() == 0


def test_a_run_that_takes_its_runners_with_it_is_given_up(machine, dead, rescuer):
    run_id = machine.queue()
    for number in range(MOST_RESCUES + 1):
        _register(machine, f"victim-{number}")
        _left_lock(machine, f"victim-{number}")
        machine.claim(f"victim-{number}")
        rescuer.rescue()

    row = machine.run(run_id)
    assert (row["status"], row["verdict"], row["error_type"]) == (RunStatus.CRASHED, Verdict.FAILED, "Crashed")
    assert "it was the runner's end 6 times" in row["reason"]
    assert machine.events(run_id).count("run_rescued") == MOST_RESCUES


def test_a_run_that_finishes_stages_between_may_be_rescued_more_often(machine, dead, rescuer):
    run_id = machine.queue()
    machine.claim(dead)
    with machine.runtime.database.transaction() as connection:
        moves.note(connection, run_id, rescues=MOST_RESCUES)
        at = machine.clock.now()
        stages.open_stage(connection, run_id, "first", position=0, at=at, status=StageStatus.SUCCEEDED)
    rescuer.rescue()

    assert machine.run(run_id)["status"] == RunStatus.QUEUED


def _in_backfill(machine, on_failure: OnFailure, days: int = 1) -> int:
    with machine.runtime.database.transaction() as connection:
        asked = {"mode": BackfillMode.ALL, "on_failure": on_failure, "max_active": 1, "dates": days, "state": BackfillState.RUNNING}
        own = {"pipeline": "trial", "since": DAY, "until": DAY + timedelta(days=days - 1), "requested_by": "a person"}
        backfill_id = backfills.add(connection, **own, **asked, created_at=machine.clock.now())
    for number in range(days):
        machine.queue(DAY + timedelta(days=number), run_type=RunType.BACKFILL, backfill_id=backfill_id)
    return backfill_id


def _backfill_state(machine, backfill_id: int) -> str:
    with machine.runtime.database.reading() as connection:
        return backfills.one(connection, backfill_id)["state"]


def test_a_backfill_that_shall_stop_at_a_failure_stops_at_a_crash(machine, dead, rescuer):
    backfill_id = _in_backfill(machine, OnFailure.STOP, days=2)
    held = machine.claim(dead)
    with machine.runtime.database.transaction() as connection:
        moves.note(connection, held["id"], rescues=MOST_RESCUES)
    rescuer.rescue()

    assert machine.run(held["id"])["status"] == RunStatus.CRASHED
    assert _backfill_state(machine, backfill_id) == BackfillState.STOPPED


def test_a_run_that_a_person_cancelled_is_not_put_back_when_its_runner_dies(machine, dead, rescuer):
    backfill_id = _in_backfill(machine, OnFailure.CONTINUE)
    held = machine.claim(dead)
    with machine.runtime.database.transaction() as connection:
        moves.request_cancel(connection, held["id"])

    assert rescuer.rescue() == 1
    assert machine.run(held["id"])["status"] == RunStatus.CANCELLED
    assert _backfill_state(machine, backfill_id) == BackfillState.DONE


def test_a_run_that_was_given_back_cannot_be_given_back_twice(machine):
    machine.queue()
    held = machine.claim()
    with machine.runtime.database.transaction() as connection:
        hand_back(connection, held, at=machine.clock.now(), why="told to stop")

    with pytest.raises(moves.StaleMove), machine.runtime.database.transaction() as connection:
        hand_back(connection, held, at=machine.clock.now(), why="told to stop")


def test_a_date_without_its_runner_does_not_hold_up_a_sequential_pipeline(machine, dead, rescuer):
    machine.queue(date(2025, 5, 1))
    machine.claim(dead)
    machine.queue()
    held_up = machine.claim()
    rescuer.rescue()

    assert held_up is None
    assert machine.claim()["partition"] == date(2025, 5, 1)


def test_a_rescued_run_is_found_before_later_dates_by_whoever_read_the_clock_before_the_rescue(machine, dead, rescuer):
    first, _second = machine.queue(), machine.queue(DAY + timedelta(days=1))
    machine.claim(dead)
    machine.clock.advance(timedelta(seconds=1))
    rescuer.rescue()
    machine.clock.advance(timedelta(milliseconds=-1))  # the clock as a runner read it while it waited for the rescue's commit

    assert machine.claim()["id"] == first


def test_a_run_that_is_given_back_is_found_before_later_dates_by_whoever_read_the_clock_before(machine):
    first, _second = machine.queue(), machine.queue(DAY + timedelta(days=1))
    run = machine.claim()
    machine.clock.advance(timedelta(seconds=1))
    with machine.runtime.database.transaction() as connection:
        hand_back(connection, run, at=machine.clock.now(), why="for a test")
    machine.clock.advance(timedelta(milliseconds=-1))

    assert machine.claim()["id"] == first
