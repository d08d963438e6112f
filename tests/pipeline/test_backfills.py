"""A backfill stops, goes on and ends with its runs."""

from datetime import timedelta

from storage import backfills, run_list
from storage.run_list import RunFilter
from storage.status import BackfillMode, BackfillState, OnFailure, RunStatus, RunType
from tests.pipeline.machine import DAY, unavailable_times


def _backfill(machine, on_failure: OnFailure) -> int:
    with machine.runtime.database.transaction() as connection:
        asked = {"mode": BackfillMode.ALL, "on_failure": on_failure, "max_active": 1, "dates": 2, "state": BackfillState.RUNNING}
        own = {"pipeline": "trial", "since": DAY, "until": DAY + timedelta(days=1), "requested_by": "a person"}
        backfill_id = backfills.add(connection, **own, **asked, created_at=machine.clock.now())
    for number in range(2):
        machine.queue(DAY + timedelta(days=number), run_type=RunType.BACKFILL, backfill_id=backfill_id)
    return backfill_id


def _state(machine, backfill_id: int):
    with machine.runtime.database.reading() as connection:
        return backfills.one(connection, backfill_id)


def test_a_backfill_that_shall_stops_at_its_first_failure(machine, two_stages):
    two_stages["first"] = unavailable_times(4)
    backfill_id = _backfill(machine, OnFailure.STOP)
    machine.work()

    row = _state(machine, backfill_id)
    assert row["state"] == BackfillState.STOPPED
    assert row["reason"].startswith(f"{DAY} failed (run ")
    assert machine.claim() is None


def test_a_backfill_that_was_stopped_goes_on_where_it_was(machine, two_stages):
    two_stages["first"] = unavailable_times(4)
    backfill_id = _backfill(machine, OnFailure.STOP)
    machine.work()
    with machine.runtime.database.transaction() as connection:
        backfills.set_state(connection, backfill_id, BackfillState.RUNNING, at=machine.clock.now())

    assert machine.work() is RunStatus.SUCCEEDED
    assert _state(machine, backfill_id)["state"] == BackfillState.DONE


def test_a_backfill_that_shall_go_on_goes_on_after_a_failure(machine, two_stages):
    two_stages["first"] = unavailable_times(4)
    backfill_id = _backfill(machine, OnFailure.CONTINUE)

    assert [machine.work(), machine.work()] == [RunStatus.FAILED, RunStatus.SUCCEEDED]
    assert _state(machine, backfill_id)["state"] == BackfillState.DONE


def test_what_a_backfill_could_not_do_is_counted_and_listed_by_date(machine, two_stages):
    two_stages["first"] = unavailable_times(4)
    backfill_id = _backfill(machine, OnFailure.CONTINUE)
    machine.work(), machine.work()
    with machine.runtime.database.reading() as connection:
        counted = backfills.failures(connection, [backfill_id, backfill_id + 1])
        tiles = backfills.tiles(connection, backfill_id)
        listed = run_list.page(connection, RunFilter("trial", since=DAY, until=DAY + timedelta(days=1), backfill_id=backfill_id))

    assert counted == {backfill_id: 1, backfill_id + 1: 0}
    assert [tile["status"] for tile in tiles] == [RunStatus.FAILED, RunStatus.SUCCEEDED]
    assert [row["partition"] for row in listed] == [DAY + timedelta(days=1), DAY]
