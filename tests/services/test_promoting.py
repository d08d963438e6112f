"""The batch promoted: a session of the stream is served by its official rows, once there are any that may be."""

import pytest

from engine.errors import Conflict
from storage import moves, sessions
from storage.status import RunStatus, Verdict
from tests.pipelines.house import DAILY, SUNDAY


def ended(house, status, **told):
    """Bring a daily run of Sunday to an end."""
    run_id = house.services.run(DAILY, SUNDAY).run_id
    at = house.clock.now()
    run = moves.claim_one(house.runtime.database, run_id, runner_id="test", at=at, source="files", simulated=False)
    with house.runtime.database.transaction() as connection:
        moves.finish(connection, run_id, status, at=at, day=SUNDAY, held=run["fence"], **told)
    return run_id


def test_the_daily_pipeline_is_queued_once_and_once_it_is_done_the_official_rows_are_served(stocked):
    first, second = stocked.services.promote_batch(SUNDAY), stocked.services.promote_batch(SUNDAY)
    assert (first.created, second.created, second.run_id) == (True, False, first.run_id)

    stocked.work()

    assert stocked.read(sessions.one, SUNDAY)["run_id"] == first.run_id
    after = stocked.services.promote_batch(SUNDAY)
    assert (after.created, after.run_id) == (False, first.run_id)
    assert f"serves the daily file of {SUNDAY} for {SUNDAY} already" in after.message


def test_without_a_daily_file_there_is_nothing_to_promote(house):
    with pytest.raises(Conflict, match="no daily file of 2024-06-02 yet"):
        house.services.promote_batch(SUNDAY)


def test_a_run_that_failed_is_made_again(stocked):
    failed = ended(stocked, RunStatus.FAILED, reason="the disk was full", error_type="NoSpace", error_message="the disk was full")

    assert stocked.services.promote_batch(SUNDAY).run_id > failed


@pytest.mark.parametrize(
    ("status", "told", "says"),
    [
        (RunStatus.FAILED, {"error_type": "SessionBlocked", "error_message": "half is set aside"}, "engine approve 1 --reason WHY"),
        (RunStatus.FAILED, {"error_type": "UnbookedFile", "error_message": "whose is it"}, "book it on the Runs page"),
        (RunStatus.SKIPPED, {"verdict": Verdict.NO_SESSION}, "holds no session"),
    ],
)
def test_where_a_person_decides_first_it_says_where(stocked, status, told, says):
    ended(stocked, status, reason="so it was found", **told)

    with pytest.raises(Conflict, match=says):
        stocked.services.promote_batch(SUNDAY)
