"""A person corrects, replays, puts away and undoes; whatever is asked twice, at once or in between is done once."""

from datetime import timedelta

import pytest

from engine.errors import Conflict, UnknownName, UsageError
from engine.market.defects import MAX_LINE
from storage import audit, backfills, moves, runs
from storage.dead_letters import MOST_TRIES, LetterFilter
from storage.status import BackfillMode, BackfillState, LetterKind, LetterState, RunStatus, RunType
from tests.pipelines.house import DAILY, SUNDAY, days_from
from tests.services.gate import TRIAL, letters, states

OPEN, EDITED, REPLAYED, DISCARDED, PARKED = (LetterState[name] for name in ("OPEN", "EDITED", "REPLAYED", "DISCARDED", "PARKED"))
MONDAY = SUNDAY + timedelta(days=1)


@pytest.fixture
def refused(house, gate, trial):
    """A date whose lines 5 and 6 did not pass; their letters by line."""
    gate.failing = {5: b"bad 5", 6: b"bad 6"}
    trial()
    return {line: row["id"] for (_, line), row in letters(house).items()}


@pytest.fixture
def many(house, gate, trial):
    """Five dates with a letter each; the letters by date."""
    gate.failing = {5: b"bad"}
    for day in days_from(SUNDAY, 5):
        trial(day)
    return {day: row["id"] for (day, _), row in letters(house).items()}


def all_runs(house) -> int:
    return len(house.read(runs.recent, limit=1000))


def test_a_corrected_line_is_in_the_session_after_its_replay(house, gate, refused):
    submitted = house.services.edit_and_replay(refused[5], "good 5")
    house.work()
    run = house.found(submitted.run_id)

    assert (run["status"], run["run_type"], run["from_stage"]) == (RunStatus.SUCCEEDED, RunType.REPLAY, "parsed")
    assert gate.seen[-1] == {5: b"good 5"}
    assert states(house) == {5: EDITED, 6: OPEN}
    assert letters(house)[SUNDAY, 5]["resolved_run_id"] == submitted.run_id


def test_a_replay_takes_the_file_over_as_it_came_from_the_newest_run(house, refused):
    submitted = house.services.replay_letters([refused[5]]).submitted
    house.work()
    stages = {row["stage"]: row["reused_from"] for row in house.read(runs.stages_of, submitted.run_id)}

    assert stages == {"bronze": 1, "parsed": None, "quality": None, "silver": None}


def test_a_correction_is_applied_by_every_later_run_of_the_same_bytes_and_by_none_of_others(house, gate, refused, trial):
    house.services.edit_letter(refused[5], b"good 5\r\n")
    trial()
    trial()
    gate.sha256 = "b" * 64
    trial()

    assert gate.seen == [{}, {5: b"good 5"}, {5: b"good 5"}, {}]


def test_a_discarded_correction_is_applied_no_more_until_the_discard_is_undone(house, gate, refused, trial):
    house.services.edit_letter(refused[5], "good 5")
    house.services.discard_letters([refused[5]], reason="a test of the exchange")
    trial()
    kept = states(house)
    house.services.undo_letter(refused[5])
    trial()

    assert gate.seen[1:] == [{}, {5: b"good 5"}]
    assert kept == {5: DISCARDED, 6: OPEN}
    assert states(house) == {5: EDITED, 6: OPEN}


def test_undoing_an_applied_correction_takes_it_out_of_the_session(house, gate, refused):
    house.services.edit_and_replay(refused[5], "good 5")
    house.work()
    said = house.services.undo_letter(refused[5])
    house.work()

    assert gate.seen[-1] == {}
    assert states(house) == {5: OPEN, 6: OPEN}
    assert "takes its correction out" in said
    assert letters(house)[SUNDAY, 5]["tries"] == 0


def test_undoing_a_correction_that_no_run_has_applied_queues_nothing(house, refused):
    house.services.edit_letter(refused[5], "good 5")
    before = all_runs(house)
    house.services.undo_letter(refused[5])

    assert all_runs(house) == before
    assert letters(house)[SUNDAY, 5]["edited_raw"] is None
    with pytest.raises(Conflict, match="nothing to undo"):
        house.services.undo_letter(refused[5])


def test_a_replay_that_passed_has_nothing_to_undo(house, gate, refused):
    gate.failing = {}
    house.services.replay_letters([refused[5]])
    house.work()

    assert states(house) == {5: REPLAYED, 6: REPLAYED}
    with pytest.raises(Conflict, match="nothing to undo"):
        house.services.undo_letter(refused[5])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("bad 5", "as it came"),
        ("bad 5\r\n", "as it came"),
        ("one\ntwo", "line break"),
        ("one\rtwo", "line break"),
        ("", "blank"),
        (" \n", "blank"),
        ("x" * (MAX_LINE + 1), "at most"),
        ("a\0b", "NUL"),
        (b"\xff", "not UTF-8"),
        ("\ud800", "not UTF-8"),
    ],
)
def test_what_is_not_one_other_line_of_text_is_refused(house, refused, text, why):
    for command in (house.services.edit_letter, house.services.edit_and_replay):
        with pytest.raises(UsageError, match=why):
            command(refused[5], text)

    assert letters(house)[SUNDAY, 5]["edited_raw"] is None
    assert house.read(audit.recent)[0]["command"] == "manual"


def test_unknown_letters_are_named(house, refused):
    for command in (
        lambda: house.services.edit_letter(99, "x"),
        lambda: house.services.replay_letters([refused[5], 99]),
        lambda: house.services.discard_letters([refused[5], 99], reason="no"),
        lambda: house.services.undo_letter(99),
    ):
        with pytest.raises(UnknownName, match="no dead letter 99"):
            command()
    assert states(house) == {5: OPEN, 6: OPEN}


def test_a_double_click_is_one_replay(house, gate, refused):
    first = house.services.edit_and_replay(refused[5], "good 5")
    second = house.services.edit_and_replay(refused[5], "good 5")
    third = house.services.replay_letters([refused[5]]).submitted
    house.work()

    assert (first.created, second.created, third.created) == (True, False, False)
    assert {first.run_id, second.run_id, third.run_id} == {2}
    assert all_runs(house) == 2
    assert gate.seen == [{}, {5: b"good 5"}]


def test_the_same_request_gives_the_same_replay_even_when_it_is_over(house, refused):
    first = house.services.edit_and_replay(refused[5], "good 5", request_key="k")
    house.work()
    again = house.services.edit_and_replay(refused[5], "good 5", request_key="k")

    assert (again.run_id, again.created) == (first.run_id, False)
    assert all_runs(house) == 2
    with pytest.raises(Conflict, match="corrected so already"):
        house.services.edit_and_replay(refused[5], "good 5", request_key="another")


def test_the_key_of_another_request_is_a_conflict(house, refused):
    house.services.run(TRIAL, MONDAY, request_key="k")

    with pytest.raises(Conflict, match="something else"):
        house.services.replay_letters([refused[5]], request_key="k")


def test_a_correction_is_not_kept_when_its_date_cannot_be_replayed_now(house, refused):
    house.services.run(TRIAL, SUNDAY)
    moves.claim(house.runtime.database, runner_id="test", at=house.clock.now(), sequential=[])

    with pytest.raises(Conflict, match="wait for its end"):
        house.services.edit_and_replay(refused[5], "good 5")
    assert letters(house)[SUNDAY, 5]["edited_raw"] is None


def test_a_correction_that_came_while_a_run_read_the_lines_waits_for_the_next(house, gate, refused, trial):
    def a_person(_context) -> None:
        gate.before = lambda _context: None
        house.services.edit_letter(refused[5], "good 5")

    gate.before, gate.failing = a_person, {6: b"bad 6"}
    trial()

    assert states(house) == {5: OPEN, 6: OPEN}
    trial()
    assert states(house) == {5: EDITED, 6: OPEN}


def test_rows_that_were_typed_before_a_correction_are_not_taken_over(house, refused):
    house.services.edit_letter(refused[5], "good 5")

    with pytest.raises(Conflict, match="corrected since"):
        house.services.rerun(1, from_stage="quality")
    assert house.rerun(1, from_stage="parsed")["status"] == RunStatus.SUCCEEDED


def test_all_letters_of_a_reason_are_replayed_as_one_backfill(house, gate, many):
    gate.failing = {}
    replay = house.services.replay_letters(chosen=LetterFilter(reason="price_band"))
    row = house.read(backfills.one, replay.backfill_id)
    house.work()

    assert (row["mode"], row["dates"], replay.letters, replay.dates) == (BackfillMode.REPLAY, 5, 5, tuple(days_from(SUNDAY, 5)))
    assert house.read(backfills.one, replay.backfill_id)["state"] == BackfillState.DONE
    assert {row["state"] for row in letters(house).values()} == {REPLAYED}
    assert {row["run_type"] for row in house.read(runs.recent, backfill_id=replay.backfill_id)} == {RunType.REPLAY}


def test_the_same_request_for_many_gives_the_same_backfill(house, gate, many):
    gate.failing = {}
    first = house.services.replay_letters(chosen=LetterFilter(), request_key="k")
    house.work()
    again = house.services.replay_letters(chosen=LetterFilter(), request_key="k")

    assert (again.backfill_id, again.dates) == (first.backfill_id, first.dates)
    assert all_runs(house) == 10


def test_asked_twice_without_a_key_the_dates_are_queued_once(house, many):
    first = house.services.replay_letters(list(many.values()))
    second = house.services.replay_letters(list(many.values()))
    house.work()

    assert all_runs(house) == 10
    assert [house.read(backfills.one, item.backfill_id)["state"] for item in (first, second)] == [
        BackfillState.CANCELLED,
        BackfillState.DONE,
    ]


def test_what_cannot_be_replayed_is_left_out_with_the_reason(house, many):
    house.services.discard_letters([many[SUNDAY]], reason="no")
    house.services.run(TRIAL, MONDAY)
    moves.claim(house.runtime.database, runner_id="test", at=house.clock.now(), sequential=[])
    replay = house.services.replay_letters(list(many.values()))

    assert replay.dates == tuple(days_from(SUNDAY, 5)[2:])
    assert replay.letters == 3
    assert replay.left_out == {"is discarded already": 1, "its run 6 is running": 1}


def test_a_replay_of_nothing_is_a_conflict(house, refused):
    house.services.discard_letters(list(refused.values()), reason="no")

    with pytest.raises(Conflict, match="2 letters discarded already"):
        house.services.replay_letters(list(refused.values()))
    with pytest.raises(Conflict, match="no open letter"):
        house.services.replay_letters(chosen=LetterFilter(reason="price_band"))
    with pytest.raises(UsageError, match="one of the two"):
        house.services.replay_letters()


def test_a_letter_that_never_passes_is_parked_and_left_out_of_a_replay_of_all(house, gate, refused):
    gate.failing = {5: b"bad 5"}
    for _ in range(MOST_TRIES):
        house.services.replay_letters([refused[5]])
        house.work()

    assert states(house) == {5: PARKED, 6: REPLAYED}
    with pytest.raises(Conflict, match="no open letter"):
        house.services.replay_letters(chosen=LetterFilter())
    assert house.services.replay_letters([refused[5]]).submitted.created


def test_a_parked_letter_that_is_corrected_has_its_tries_again(house, gate, refused):
    gate.failing = {5: b"bad 5"}
    for _ in range(MOST_TRIES):
        house.services.replay_letters([refused[5]])
        house.work()
    house.services.edit_letter(refused[5], "good 5")

    assert (letters(house)[SUNDAY, 5]["state"], letters(house)[SUNDAY, 5]["tries"]) == (OPEN, 0)


def test_letters_are_put_away_once_with_a_reason(house, refused):
    said = house.services.discard_letters([refused[5]], reason=" a test of the exchange ")
    row = letters(house)[SUNDAY, 5]

    assert (row["state"], row["note"], row["decided_by"]) == (DISCARDED, "a test of the exchange", "test")
    assert said == "1 letter discarded."
    with pytest.raises(Conflict, match="nothing to discard: 1 letter discarded already"):
        house.services.discard_letters([refused[5]], reason="again")
    with pytest.raises(UsageError, match="say why"):
        house.services.discard_letters([refused[6]], reason=" ")


def test_a_file_that_cannot_be_used_is_a_letter_and_its_replay_asks_the_source_again(house, gate, trial):
    gate.unreadable = True
    failed = trial()
    (file,) = letters(house).values()
    gate.unreadable, gate.sha256 = False, "b" * 64
    submitted = house.services.replay_letters([file["id"]]).submitted
    house.work()

    assert (failed["status"], file["kind"], file["reason"], file["source_sha256"]) == (
        "failed",
        LetterKind.FILE,
        "UnreadableFile",
        "a" * 64,
    )
    assert house.found(submitted.run_id)["from_stage"] is None
    assert house.found(submitted.run_id)["source_sha256"] == "b" * 64
    assert states(house) == {0: REPLAYED}
    with pytest.raises(UsageError, match="whole file"):
        house.services.edit_letter(file["id"], "x")


def test_a_replay_cannot_be_asked_for_by_a_range(house):
    with pytest.raises(UsageError, match="not by a range"):
        house.services.backfill(DAILY, SUNDAY, MONDAY, mode=BackfillMode.REPLAY)


COMMANDS = {
    "edit_letter": lambda services, ids: services.edit_letter(ids[5], "good"),
    "replay": lambda services, ids: services.edit_and_replay(ids[5], "good"),
    "discard_letters": lambda services, ids: services.discard_letters([ids[5]], reason="no"),
    "undo_letter": lambda services, ids: (services.edit_letter(ids[5], "good"), services.undo_letter(ids[5])),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_leaves_a_row_that_says_who_and_what(house, refused, command):
    COMMANDS[command](house.services, refused)
    newest = house.read(audit.recent)[0]

    assert (newest["command"], newest["actor"]) == (command, "test")
    assert newest["parameters"]
    assert newest["result"]
