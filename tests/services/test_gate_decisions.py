"""A blocked session waits for a person, whose word stands for its bytes; changed limits reach old dates when asked."""

from datetime import timedelta

import pytest

from engine.errors import Conflict, UnknownName, UsageError
from storage import audit, backfills, moves, quality, runs
from storage.status import BackfillMode, BackfillState, Decision, Label, RunStatus, RunType, Verdict
from tests.pipelines.house import SUNDAY, days_from
from tests.services.gate import SHA, TRIAL, letters

MONDAY = SUNDAY + timedelta(days=1)


@pytest.fixture
def blocked(gate, trial):
    """A run that the gate has held."""
    gate.failing, gate.blocks = {5: b"bad"}, True
    return trial()


def newest(house, day=SUNDAY):
    return house.read(runs.newest_of, TRIAL, day)


def decision(house):
    return house.read(quality.decision_for, TRIAL, SUNDAY, SHA)


def test_a_blocked_session_is_a_failed_date_and_what_was_found_is_kept(house, blocked):
    stages = {row["stage"]: row["status"] for row in house.read(runs.stages_of, blocked["id"])}

    assert (blocked["status"], blocked["verdict"], blocked["error_type"]) == (RunStatus.FAILED, Verdict.FAILED, "SessionBlocked")
    assert stages == {"bronze": "succeeded", "parsed": "succeeded", "quality": "succeeded", "silver": "upstream_failed"}
    assert [row["state"] for row in letters(house).values()] == ["open"]


def test_an_approved_session_goes_through_from_the_gate_on(house, gate, blocked):
    submitted = house.services.approve(blocked["id"], reason="a halt day")
    house.work()
    run = house.found(submitted.run_id)

    assert (run["status"], run["from_stage"], run["rerun_of"]) == (RunStatus.SUCCEEDED, "quality", blocked["id"])
    assert (decision(house)["decision"], decision(house)["decided_by"], decision(house)["reason"]) == ("approve", "test", "a halt day")
    assert "session_approved" in [row["name"] for row in house.read(runs.events_of, blocked["id"])]
    assert len(gate.seen) == 1


def test_an_approval_stands_for_the_same_bytes_and_not_for_others(house, gate, blocked, trial):
    house.services.approve(blocked["id"], reason="a halt day")
    house.work()
    again = trial()
    gate.sha256 = "b" * 64

    assert again["status"] == RunStatus.SUCCEEDED
    assert trial()["error_type"] == "SessionBlocked"


def test_approving_twice_queues_one_run(house, blocked):
    first = house.services.approve(blocked["id"], reason="a halt day")
    second = house.services.approve(blocked["id"], reason="a halt day")
    house.work()
    third = house.services.approve(blocked["id"], reason="a halt day")

    assert {first.run_id, second.run_id, third.run_id} == {2}
    assert [first.created, second.created, third.created] == [True, False, False]


def test_lines_that_were_corrected_since_are_read_anew_by_an_approved_run(house, gate, blocked):
    (letter,) = letters(house).values()
    house.services.edit_letter(letter["id"], "good")
    submitted = house.services.approve(blocked["id"], reason="corrected")
    house.work()

    assert house.found(submitted.run_id)["from_stage"] == "parsed"
    assert gate.seen[-1] == {5: b"good"}


def test_a_rejected_session_stays_failed_with_its_reason(house, blocked):
    said = house.services.reject(blocked["id"], reason="prices of another day")

    assert "rejected" in said
    assert (decision(house)["decision"], newest(house)["id"]) == (Decision.REJECT, blocked["id"])
    assert house.read(runs.events_of, blocked["id"])[-1]["message"] == "by test: prices of another day"
    with pytest.raises(Conflict, match="rejected already"):
        house.services.reject(blocked["id"], reason="again")
    assert house.services.approve(blocked["id"], reason="it was right after all").created


def test_only_the_newest_blocked_run_of_a_date_is_decided_about(house, gate, blocked, trial):
    later = trial()
    gate.blocks = False
    fine = trial(MONDAY)

    with pytest.raises(Conflict, match=f"run {later['id']} of .* is newer"):
        house.services.approve(blocked["id"], reason="a halt day")
    with pytest.raises(Conflict, match="newer"):
        house.services.reject(blocked["id"], reason="no")
    with pytest.raises(Conflict, match="not a blocked session"):
        house.services.approve(fine["id"], reason="a halt day")
    with pytest.raises(UnknownName, match="no run 99"):
        house.services.reject(99, reason="no")
    assert decision(house) is None


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_a_decision_without_a_reason_is_refused(house, blocked, command):
    with pytest.raises(UsageError, match="say why"):
        getattr(house.services, command)(blocked["id"], reason="  ")
    assert decision(house) is None


def test_changed_limits_reach_old_dates_from_the_gate_on_as_one_backfill(house, gate, trial):
    days = days_from(SUNDAY, 3)
    for day in days[:2]:
        trial(day)
    replay = house.services.rerun_changed(TRIAL, days)
    row = house.read(backfills.one, replay.backfill_id)
    house.work()
    made = {run["partition"]: run for run in house.read(runs.recent, backfill_id=replay.backfill_id)}

    assert (row["mode"], row["dates"], replay.dates) == (BackfillMode.REPLAY, 3, tuple(days))
    assert [made[day]["from_stage"] for day in days] == ["quality", "quality", None]
    assert {run["run_type"] for run in made.values()} == {RunType.RERUN}  # no try of a dead letter
    assert house.read(backfills.one, replay.backfill_id)["state"] == BackfillState.DONE
    assert len(gate.seen) == 3


def test_the_same_request_for_changed_dates_gives_the_same_backfill(house, gate, trial):
    trial()
    first = house.services.rerun_changed(TRIAL, [SUNDAY], request_key="k")
    house.work()

    assert house.services.rerun_changed(TRIAL, [SUNDAY], request_key="k").backfill_id == first.backfill_id


def test_a_date_that_runs_with_the_limits_of_before_is_left_out(house, gate, trial):
    trial()
    house.services.run(TRIAL, MONDAY)
    moves.claim(house.runtime.database, runner_id="test", at=house.clock.now(), sequential=[])
    replay = house.services.rerun_changed(TRIAL, [SUNDAY, MONDAY])

    assert (replay.dates, replay.left_out) == ((SUNDAY,), {"its run 2 is running": 1})
    with pytest.raises(Conflict, match="nothing to run again"):
        house.services.rerun_changed(TRIAL, [MONDAY])


def test_what_makes_no_sense_is_refused(house, gate):
    with pytest.raises(UsageError, match="name 1 to"):
        house.services.rerun_changed(TRIAL, [])
    with pytest.raises(UsageError, match="future"):
        house.services.rerun_changed(TRIAL, [SUNDAY + timedelta(days=9999)])
    with pytest.raises(UnknownName, match="no stage 'golden'"):
        house.services.rerun_changed(TRIAL, [SUNDAY], "golden")


def test_a_finding_is_labelled_again_and_the_label_taken_back(house):
    house.services.label(SUNDAY, "ADBL", "price_band", Label.FAULT, 3)
    said = house.services.label(SUNDAY, "ADBL", "price_band", "false_alarm", 3)
    (row,) = house.read(quality.labels_of, SUNDAY)
    house.services.label(SUNDAY, "ADBL", "price_band", None)

    assert (row["label"], row["labelled_by"], row["run_id"]) == (Label.FALSE_ALARM, "test", 3)
    assert "false alarm" in said
    assert house.read(quality.labels_of, SUNDAY) == []
    assert [row["command"] for row in house.read(audit.recent)] == ["label"] * 3
    with pytest.raises(UsageError, match="fault or false_alarm"):
        house.services.label(SUNDAY, "ADBL", "price_band", "maybe")
    with pytest.raises(UsageError, match="which finding"):
        house.services.label(SUNDAY, " ", "price_band", Label.FAULT)
