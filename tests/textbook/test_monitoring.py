"""The textbook chapter's pipeline monitor (9.6) fails in these ways; each test, named after its defect, shows that ours does not."""

from datetime import timedelta
from importlib import import_module

import pytest
from sqlalchemy import update

from engine.monitoring import history
from storage import moves, runs
from storage.status import RunStatus
from storage.tables import Run
from tests.pipelines.house import DAILY, SUNDAY, House, announced

MONDAY = SUNDAY + timedelta(days=1)
ROWS = 120  # of the house's sessions


@pytest.fixture
def house(tmp_path) -> House:
    built = announced(tmp_path)
    built.session(SUNDAY, 1)
    return built


def statistics(house: House):
    with house.runtime.database.reading() as connection:
        return history.statistics(connection, DAILY)


@pytest.mark.parametrize("module", ["statistics", "deadlines", "history", "family", "exposition", "metrics.runs"])
def test_m1_every_module_can_be_imported_by_itself(module):
    assert import_module(f"engine.monitoring.{module}")


def test_m2_two_starts_within_a_second_are_two_runs_and_both_are_kept(house):
    first = house.run(SUNDAY)
    second = house.rerun(first["id"])

    assert first["id"] != second["id"]
    assert statistics(house).runs == 2


def test_m3_the_end_of_a_run_is_final(house):
    run = house.run(SUNDAY)

    with house.runtime.database.transaction() as connection, pytest.raises(moves.StaleMove):
        moves.finish(connection, run["id"], RunStatus.FAILED, at=house.clock.now(), day=SUNDAY, reason="a second end")

    with house.runtime.database.reading() as connection:
        assert runs.one(connection, run["id"])["status"] == RunStatus.SUCCEEDED


def test_m4_rows_are_counted_and_failed_runs_do_not_count_as_durations(house):
    good = house.run(SUNDAY)
    house.put(MONDAY, b"no file of the exchange")
    bad = house.run(MONDAY)
    with house.runtime.database.transaction() as connection:
        for run_id, seconds in ((good["id"], 3), (bad["id"], 900)):
            connection.execute(update(Run).where(Run.id == run_id).values(duration_us=seconds * 1_000_000))
    found = statistics(house)

    assert (good["rows"], bad["status"]) == (ROWS, RunStatus.FAILED)
    assert found.rows_per_second == ROWS / 3
    assert found.p50_seconds == found.p95_seconds == 3


def test_m5_what_was_measured_is_there_after_a_restart(house):
    house.run(SUNDAY)
    before = statistics(house)
    house.restart()

    assert statistics(house) == before
