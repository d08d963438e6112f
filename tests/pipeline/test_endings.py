"""A stage may commit what it found and yet fail its run; a file that cannot be used as a whole is kept for a person."""

from datetime import timedelta

import pytest

from engine.errors import DataError, PartialFile, SessionBlocked, SourceUnavailable, UnknownLayout, UnreadableFile
from storage import backfills, dead_letters, lake, moves
from storage.dead_letters import LetterFilter
from storage.lake import bytes_content
from storage.status import BackfillMode, BackfillState, LetterKind, LetterState, OnFailure, RunStatus, RunType, StageStatus, Verdict
from tests.pipeline.machine import DAY

SHA = "a" * 64


def letters(machine):
    return machine._read(dead_letters.page, LetterFilter())


def blocks(context) -> None:
    context.publish("findings", DAY, bytes_content(b"found", suffix=".csv"))
    context.note(rows=7, verdict=Verdict.SESSION, reason="a session")
    context.measure("quarantined", 3, "rows")
    context.end_run(error=SessionBlocked("3 of 7 rows were set aside", findings={"layout": "v1"}))


def test_a_stage_that_blocks_has_succeeded_with_all_it_gave_and_the_run_has_failed(machine, two_stages, calls):
    two_stages["first"] = blocks
    run_id = machine.queue()

    assert machine.work() is RunStatus.FAILED
    run = machine.run(run_id)
    assert calls == ["first"]
    assert machine.stages(run_id) == [("first", StageStatus.SUCCEEDED), ("second", StageStatus.UPSTREAM_FAILED)]
    assert (run["error_type"], run["error_message"], run["error_stage"]) == ("SessionBlocked", "3 of 7 rows were set aside", "first")
    assert (run["verdict"], run["reason"], run["rows"], run["layout"]) == (Verdict.FAILED, "3 of 7 rows were set aside", 7, "v1")
    assert machine._read(lake.current, "findings", DAY) is not None
    assert machine.attempts(run_id) == []
    assert letters(machine) == []


def test_the_last_stage_may_block_too(machine, two_stages):
    two_stages["second"] = lambda context: context.end_run(error=SessionBlocked("wrong as a whole"))
    run_id = machine.queue()

    assert machine.work() is RunStatus.FAILED
    assert machine.stages(run_id) == [("first", StageStatus.SUCCEEDED), ("second", StageStatus.SUCCEEDED)]


@pytest.mark.parametrize(("on_failure", "state"), [(OnFailure.STOP, BackfillState.STOPPED), (OnFailure.CONTINUE, BackfillState.RUNNING)])
def test_a_blocked_date_is_a_failure_to_its_backfill(machine, two_stages, on_failure, state):
    two_stages["first"] = blocks
    days = [DAY, DAY + timedelta(days=1)]
    asked = {"mode": BackfillMode.ALL, "on_failure": on_failure, "max_active": 1, "dates": 2, "created_at": machine.clock.now()}
    own = {"pipeline": "trial", "since": days[0], "until": days[1], "state": BackfillState.RUNNING, "requested_by": "a person"}
    with machine.runtime.database.transaction() as connection:
        backfill_id = backfills.add(connection, **own, **asked)
        new = {"run_type": RunType.BACKFILL, "backfill_id": backfill_id, "requested_by": "a person", "priority": 2}
        moves.add_many(connection, days, at=machine.clock.now(), pipeline="trial", **new)
    machine.work()

    assert machine._read(backfills.one, backfill_id)["state"] == state


@pytest.mark.parametrize("error", [UnreadableFile, UnknownLayout, PartialFile])
def test_a_file_that_cannot_be_used_is_a_letter_of_the_run_that_it_failed(machine, two_stages, error):
    def torn(context) -> None:
        raise error("2025_06_01.csv is torn")

    two_stages["first"] = lambda context: context.note(source_file="2025_06_01.csv", source_sha256=SHA)
    two_stages["second"] = torn
    run_id = machine.queue()

    assert machine.work() is RunStatus.FAILED
    (letter,) = letters(machine)
    assert (letter["kind"], letter["reason"], letter["state"], letter["stage"]) == (
        LetterKind.FILE,
        error.__name__,
        LetterState.OPEN,
        "second",
    )
    assert (letter["run_id"], letter["source_file"], letter["source_sha256"]) == (run_id, "2025_06_01.csv", SHA)
    assert letter["message"] == "2025_06_01.csv is torn"


@pytest.mark.parametrize("error", [DataError("wrong"), SourceUnavailable("away"), ZeroDivisionError("no rows")])
def test_another_error_is_no_letter(machine, two_stages, error):
    def fails(_context) -> None:
        raise error

    two_stages["first"] = fails
    machine.queue()
    machine.work()

    assert letters(machine) == []


def test_a_runner_that_lost_its_run_leaves_no_letter(machine, two_stages):
    def hangs_and_fails(context) -> None:
        with machine.runtime.database.transaction() as connection:
            again = {"at": machine.clock.now(), "name": "run_rescued", "fence": context.run["fence"] + 1}
            moves.move(connection, context.run["id"], RunStatus.QUEUED, **again)
        raise UnreadableFile("torn")

    two_stages["first"] = hangs_and_fails
    machine.queue()

    assert machine.work() is None
    assert letters(machine) == []
