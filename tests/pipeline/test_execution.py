"""A run is tried as often as can help, resumed behind what is done, and committed only by its holder."""

import os
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from engine.errors import DataError, LakeError, SourceUnavailable
from engine.pipeline import execution
from engine.pipeline.context import SourceNotReady
from engine.pipeline.interrupts import cancel_main_thread
from storage import lake, moves, runs
from storage.lake import bytes_content
from storage.status import RunStatus, StageStatus, Verdict
from tests.pipeline.machine import DAY, unavailable_times

DONE, FAILED, SKIPPED = StageStatus.SUCCEEDED, StageStatus.FAILED, StageStatus.SKIPPED


def test_the_stages_run_in_order_and_each_leaves_its_checkpoint(machine, two_stages, calls):
    run_id = machine.queue()

    assert machine.work() is RunStatus.SUCCEEDED
    assert calls == ["first", "second"]
    assert machine.stages(run_id) == [("first", DONE), ("second", DONE)]
    with machine.runtime.database.reading() as connection:
        assert [row["checkpoint"] for row in runs.stages_of(connection, run_id)] == [1, 2]


def test_a_stage_that_needs_no_context_is_given_none(machine, trial):
    @trial.stage()
    def first() -> int:
        return 1

    machine.queue()

    assert machine.work() is RunStatus.SUCCEEDED


def test_what_trying_again_can_help_is_tried_again(machine, two_stages, calls):
    two_stages["first"] = unavailable_times(3)
    run_id = machine.queue()

    assert machine.work() is RunStatus.SUCCEEDED
    assert calls == ["first"] * 4 + ["second"]
    assert [(row["number"], row["error_type"]) for row in machine.attempts(run_id)] == [(n, "SourceUnavailable") for n in (1, 2, 3)]


def test_the_wait_until_the_next_try_is_recorded_with_each(machine, two_stages, monkeypatch):
    monkeypatch.setattr(execution, "POLICY", replace(execution.POLICY, uniform=lambda _least, most: most))
    two_stages["first"] = unavailable_times(3)
    run_id = machine.queue()
    machine.work()

    assert [row["wait_us"] for row in machine.attempts(run_id)] == [1000, 2000, 4000]


def test_after_the_last_try_the_run_fails_with_its_error_and_all_tries_are_known(machine, two_stages, calls):
    two_stages["first"] = unavailable_times(99)
    run_id = machine.queue()

    assert machine.work() is RunStatus.FAILED
    row = machine.run(run_id)
    assert (row["error_type"], row["error_message"], row["error_stage"]) == ("SourceUnavailable", "the source did not answer", "first")
    assert calls == ["first"] * 4
    assert [row["wait_us"] for row in machine.attempts(run_id)][-1] == 0
    assert machine.stages(run_id) == [("first", FAILED), ("second", StageStatus.UPSTREAM_FAILED)]


def test_what_trying_again_cannot_help_is_tried_once(machine, two_stages, calls):
    def torn(_context) -> None:
        raise DataError("the file is torn", findings={"layout": "v3_24col"})

    two_stages["second"] = torn
    run_id = machine.queue()

    assert machine.work() is RunStatus.FAILED
    assert calls == ["first", "second"]
    assert (machine.run(run_id)["verdict"], machine.run(run_id)["layout"]) == (Verdict.FAILED, "v3_24col")


def test_an_error_nobody_foresaw_fails_the_run_and_keeps_its_causes(machine, two_stages):
    def broken(_context) -> None:
        try:
            {}["close"]
        except KeyError as error:
            raise ZeroDivisionError("no rows") from error

    two_stages["first"] = broken
    run_id = machine.queue()

    assert machine.work() is RunStatus.FAILED
    row = machine.run(run_id)
    assert row["error_type"] == "ZeroDivisionError"
    assert "KeyError: 'close'" in row["error_traceback"]
    assert "direct cause" in row["error_traceback"]


def test_a_stage_that_takes_too_long_is_stopped_and_tried_again(machine, trial, calls):
    @trial.stage(attempts=2, timeout=timedelta(milliseconds=50))
    def endless(context) -> int:
        calls.append("endless")
        while True:
            pass

    run_id = machine.queue()

    assert machine.work() is RunStatus.FAILED
    assert calls == ["endless"] * 2
    assert machine.run(run_id)["error_message"] == "stage endless ran longer than 0.05 s"


def _ask_to_cancel(machine, run_id: int) -> None:
    with machine.runtime.database.transaction() as connection:
        moves.request_cancel(connection, run_id)


def test_a_cancel_reaches_a_stage_while_it_runs(machine, two_stages, calls):
    run_id = machine.queue()

    def waits_for_the_cancel(_context) -> None:
        threading.Thread(target=cancel_main_thread, args=(run_id,)).start()
        while True:
            pass

    two_stages["first"] = waits_for_the_cancel

    assert machine.work() is RunStatus.CANCELLED
    assert calls == ["first"]
    assert machine.stages(run_id) == [("first", StageStatus.CANCELLED), ("second", StageStatus.CANCELLED)]
    assert machine.run(run_id)["verdict"] is None


def test_a_cancel_of_another_run_does_not_reach_the_stage(machine, two_stages):
    run_id = machine.queue()
    two_stages["first"] = lambda _context: cancel_main_thread(run_id + 1)

    assert machine.work() is RunStatus.SUCCEEDED


def test_a_cancel_that_comes_too_late_for_a_stage_ends_the_run_behind_it(machine, two_stages, calls):
    run_id = machine.queue()
    two_stages["first"] = lambda _context: _ask_to_cancel(machine, run_id)

    assert machine.work() is RunStatus.CANCELLED
    assert calls == ["first"]
    assert machine.stages(run_id) == [("first", DONE), ("second", StageStatus.CANCELLED)]


def test_a_cancel_between_two_tries_ends_the_run(machine, two_stages, calls):
    run_id = machine.queue()

    def cancelled_and_unavailable(_context) -> None:
        _ask_to_cancel(machine, run_id)
        raise SourceUnavailable("the source did not answer")

    two_stages["first"] = cancelled_and_unavailable

    assert machine.work() is RunStatus.CANCELLED
    assert calls == ["first"]


def test_a_sensor_that_waits_gives_its_run_back_and_begins_again_later(machine, two_stages, clock, calls):
    later = clock.now() + timedelta(minutes=5)

    def not_ready(context) -> None:
        if context.now() < later:
            raise SourceNotReady("the file is not there yet", until=later)

    two_stages["second"] = not_ready
    run_id = machine.queue()

    assert machine.work() is None
    row = machine.run(run_id)
    assert (row["status"], row["waits"], row["reason"]) == (RunStatus.QUEUED, 1, "the file is not there yet")
    assert machine.stages(run_id) == []
    assert machine.claim() is None
    clock.advance(timedelta(minutes=5))
    assert machine.work() is RunStatus.SUCCEEDED
    assert calls == ["first", "second", "first", "second"]


def test_a_run_that_a_person_cancels_while_its_sensor_looks_does_not_wait(machine, two_stages, clock):
    run_id = machine.queue()

    def not_ready(context) -> None:
        _ask_to_cancel(machine, run_id)
        raise SourceNotReady("the file is not there yet", until=clock.now() + timedelta(minutes=5))

    two_stages["first"] = not_ready

    assert machine.work() is RunStatus.CANCELLED


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


def _killed(_context) -> None:
    raise Killed


def test_a_resumed_run_does_not_repeat_what_was_finished(machine, two_stages, calls):
    two_stages["second"] = _killed
    run_id = machine.queue()
    with pytest.raises(Killed):
        machine.work()
    with machine.runtime.database.transaction() as connection:
        moves.move(connection, run_id, RunStatus.QUEUED, at=machine.clock.now(), name="run_rescued")
    two_stages.clear()

    assert machine.work() is RunStatus.SUCCEEDED
    assert calls == ["first", "second", "second"]
    with machine.runtime.database.reading() as connection:
        assert runs.stages_of(connection, run_id)[-1]["checkpoint"] == 2


def test_a_runner_that_shall_end_gives_its_run_back_behind_the_stage(machine, two_stages, calls):
    run_id = machine.queue()
    machine.stopping = lambda: True

    assert machine.work() is None
    assert calls == ["first"]
    assert machine.run(run_id)["status"] == RunStatus.QUEUED
    assert machine.events(run_id)[-1] == "run_handed_back"
    machine.stopping = lambda: False
    assert machine.work() is RunStatus.SUCCEEDED
    assert calls == ["first", "second"]
    assert machine.run(run_id)["rescues"] == 0


def _taken_over(machine):
    """Let a rescuer give the run of this context to another runner, as if this one had hung for long."""

    def trouble(context) -> None:
        with machine.runtime.database.transaction() as connection:
            again = {"at": machine.clock.now(), "name": "run_rescued", "fence": context.run["fence"] + 1}
            moves.move(connection, context.run["id"], RunStatus.QUEUED, **again)
        assert machine.claim("host-2")["id"] == context.run["id"]

    return trouble


def test_a_runner_that_lost_its_run_commits_nothing(machine, two_stages):
    def publishes_and_hangs(context) -> None:
        context.publish("silver", DAY, bytes_content(b"late", suffix=".csv"))
        context.note(reason="written by a runner that was away")
        _taken_over(machine)(context)

    two_stages["first"] = publishes_and_hangs
    run_id = machine.queue()

    assert machine.work() is None
    row = machine.run(run_id)
    assert (row["status"], row["runner_id"], row["reason"]) == (RunStatus.RUNNING, "host-2", None)
    assert DONE not in dict(machine.stages(run_id)).values()
    with machine.runtime.database.reading() as connection:
        assert lake.current(connection, "silver", DAY) is None


def test_a_commit_that_is_refused_stands_in_the_log_of_its_runner(machine, two_stages):
    two_stages["first"] = _taken_over(machine)
    run_id = machine.queue()
    with capture_logs() as said:
        machine.work()

    assert [(line["run_id"], line["stage"]) for line in said if line["event"] == "commit_refused"] == [(run_id, "first")]


def test_a_runner_that_lost_its_run_does_not_fail_it_either(machine, two_stages):
    def hangs_and_fails(context) -> None:
        _taken_over(machine)(context)
        raise DataError("torn")

    two_stages["first"] = hangs_and_fails
    run_id = machine.queue()

    assert machine.work() is None
    assert machine.run(run_id)["status"] == RunStatus.RUNNING
    assert machine.attempts(run_id) == []


def test_a_stage_may_end_the_run_because_there_is_nothing_to_do(machine, two_stages, calls):
    two_stages["first"] = lambda context: context.end_run("closed", succeeded=False)
    run_id = machine.queue()

    assert machine.work() is RunStatus.SKIPPED
    assert calls == ["first"]
    assert machine.stages(run_id) == [("first", DONE), ("second", SKIPPED)]


def test_what_a_stage_publishes_is_committed_with_its_checkpoint_or_not_at_all(machine, two_stages):
    def publishes_and_fails(context) -> None:
        context.publish("silver", DAY, bytes_content(b"x", suffix=".csv"))
        raise DataError("torn")

    two_stages["first"] = publishes_and_fails
    machine.queue()
    machine.work()

    with machine.runtime.database.reading() as connection:
        assert lake.versions(connection, "silver", DAY) == []


def test_a_lake_file_that_was_damaged_is_written_again_by_a_rerun(machine, two_stages):
    content = bytes_content(b"Symbol,Open\n", suffix=".csv")
    kept = []

    def publishes(context) -> None:
        version, _ = context.publish("bronze", DAY, content)
        kept.append(version)
        assert context.content(version) == bytes(content.data)

    two_stages["first"] = publishes
    machine.queue()
    machine.work()
    (machine.runtime.lake.folder / kept[0].path).write_bytes(b"Symbol,Oqen\n")
    machine.queue()

    assert machine.work() is RunStatus.SUCCEEDED
    assert kept[1].path != kept[0].path
    assert machine.runtime.lake.read_bytes(kept[1]) == bytes(content.data)


def test_a_damaged_lake_file_fails_the_run_that_reads_it_and_says_what_to_do(machine, two_stages):
    version = machine.runtime.lake.write("bronze", DAY, bytes_content(b"x", suffix=".csv"))
    os.truncate(machine.runtime.lake.folder / version.path, 0)
    two_stages["first"] = lambda context: context.content(version)
    run_id = machine.queue()

    assert machine.work() is RunStatus.FAILED
    row = machine.run(run_id)
    assert row["error_type"] == LakeError.__name__
    assert "Rerun its date to write it again" in row["error_message"]
