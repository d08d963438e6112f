"""Dead letters, limits and blocked sessions from the command line: JSON on stdout, sentences on stderr, and the truth in the exit code."""

import json
from datetime import timedelta

import pytest

from engine.market.csv_line import line_of
from engine.pipelines import PIPELINES
from storage import dead_letters, moves, runs, thresholds
from storage.dead_letters import Letter, LetterFilter
from storage.status import LetterKind, LetterState, RunType
from tests.pipelines.house import DAILY, SUNDAY, House, announced, daily_bytes, days_from, numbers, with_a_week
from tests.services.gate import TRIAL, Gate, letter, letters
from tests.shell import refused

MONDAY = SUNDAY + timedelta(days=1)


@pytest.fixture
def week(week) -> House:
    """A home with a week of sessions, and a letter of a row of each of its first two."""
    for day in days_from(SUNDAY, 2):
        run = week.read(runs.newest_of, DAILY, day)
        with week.runtime.database.transaction() as connection:
            file = (run["source_sha256"], run["source_file"])
            dead_letters.record(connection, run, *file, [letter(9, b"8,S007,\xff", day)], at=week.clock.now(), blocked=False)
    return week


@pytest.fixture
def gated(tmp_path, monkeypatch) -> tuple[House, Gate]:
    """A home with a pipeline whose gate holds Sunday's session."""
    gate = Gate(failing={5: b"bad"}, blocks=True)
    monkeypatch.setitem(PIPELINES, TRIAL, gate.pipeline())
    house = announced(tmp_path)
    house.services.run(TRIAL, SUNDAY)
    house.work()
    return house, gate


def ids(house: House) -> list[int]:
    return sorted(row["id"] for row in letters(house).values())


def test_letters_are_listed_and_filtered(here, week):
    shown = json.loads(here(week, "dead-letters", "--json").stdout)
    monday = json.loads(here(week, "dead-letters", "--since", str(MONDAY), "--state", "open", "--symbol", "S009", "--json").stdout)

    assert [(row["date"], row["line"], row["state"]) for row in shown] == [(str(MONDAY), 9, "open"), (str(SUNDAY), 9, "open")]
    assert [row["date"] for row in monday] == [str(MONDAY)]
    assert json.loads(here(week, "dead-letters", "--date", str(MONDAY), "--json").stdout) == monday
    assert shown[0]["raw"] == "8,S007,\\xff"
    assert json.loads(here(week, "dead-letters", "--reason", "stale", "--json").stdout) == []
    assert here(week, "dead-letters").stdout.split()[:7] == ["letter", "date", "line", "symbol", "reason", "message", "state"]


def test_a_letter_is_shown_with_its_bytes(here, week):
    shown = json.loads(here(week, "dead-letter", str(ids(week)[0]), "--json").stdout)

    assert bytes.fromhex(shown["raw_hex"]) == b"8,S007,\xff"
    assert (shown["reason"], shown["message"]) == ("price_band", "moved too far")


@pytest.mark.parametrize("read", [["dead-letters"], ["dead-letter", "1"], ["thresholds"]])
def test_every_read_is_a_table_for_people(here, week, read):
    shown = here(week, *read)

    assert (shown.exit_code, shown.stderr) == (0, "")
    assert not shown.stdout.lstrip().startswith(("{", "["))


def test_several_dates_are_replayed_and_waited_for_as_one_backfill(here, week):
    done = here(week, "replay", "--reason", "price_band", "--wait", "--json")
    shown = json.loads(done.stdout)

    assert done.exit_code == 0
    assert (shown["letters"], shown["dates"], shown["by_status"]) == (2, [str(SUNDAY), str(MONDAY)], {"succeeded": 2})
    assert shown["backfill"] is not None
    assert json.loads(here(week, "backfills", "--json").stdout)[0]["mode"] == "replay"


def test_one_date_is_replayed_and_says_what_was_left_out(here, week):
    first, second = ids(week)
    here(week, "discard", str(first), "--reason", "no")
    shown = json.loads(here(week, "replay", "--id", str(first), "--id", str(second), "--wait", "--json").stdout)

    assert (shown["backfill"], shown["by_status"], shown["left_out"]) == (None, {"succeeded": 1}, {"is discarded already": 1})
    assert json.loads(here(week, "run", str(shown["run_id"]), "--json").stdout)["run_type"] == "replay"


def test_a_replay_of_a_date_is_only_queued_without_waiting(here, week):
    shown = json.loads(here(week, "replay", "--date", str(MONDAY), "--json").stdout)

    assert (shown["by_status"], shown["dates"]) == ({"queued": 1}, [str(MONDAY)])


def test_a_replay_that_fails_gives_exit_code_1(here, gated):
    house, _ = gated
    done = here(house, "replay", "--id", str(ids(house)[0]), "--wait", "--json")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["by_status"] == {"failed": 1}
    assert "too many rows" in done.stderr


def test_a_line_is_corrected_and_its_date_run_again(here, gated):
    house, gate = gated
    gate.blocks = False
    number = str(ids(house)[0])
    said = json.loads(here(house, "edit", number, "--line", "good", "--json").stdout)
    done = json.loads(here(house, "edit", number, "--line", "better", "--replay", "--wait", "--json").stdout)

    assert "corrected" in said["message"]
    assert done["status"] == "succeeded"
    assert gate.seen[-1] == {5: b"better"}
    assert house.read(dead_letters.one, int(number))["state"] == LetterState.EDITED
    assert "takes its correction out" in json.loads(here(house, "undo", number, "--json").stdout)["message"]


@pytest.mark.parametrize(
    ("place", "cell", "told"),
    [
        (4, "0.20", "As corrected the row would be refused: high_not_below_low (observed 0.2, limit "),
        (8, "many", "As corrected the line would be no row: "),
        (8, None, "As corrected the row would pass."),
    ],
)
def test_a_correction_is_saved_and_says_what_it_would_come_to(here, tmp_path, place, cell, told):
    house, day = with_a_week(tmp_path), SUNDAY + timedelta(days=7)
    rows = numbers(5)
    rows[7][4] = "0.10"  # high
    house.put(day, daily_bytes(rows))
    house.run(day)
    (number,) = ids(house)
    row = numbers(5)[7]
    row[place] = cell or row[place]
    done = here(house, "edit", str(number), "--line", line_of(row), "--json")

    assert (done.exit_code, json.loads(done.stdout)["letter"]) == (0, number)
    assert done.stderr.startswith(told)
    assert house.read(dead_letters.one, number)["edited_raw"] == line_of(row).encode()


def test_letters_are_discarded_and_opened_again(here, week):
    first, second = (str(number) for number in ids(week))
    said = json.loads(here(week, "discard", first, second, "--reason", "a test", "--json").stdout)["message"]
    discarded = week.read(dead_letters.page, LetterFilter(states=(LetterState.DISCARDED,)))
    opened = here(week, "undo", first)

    assert said == "2 letters discarded."
    assert len(discarded) == 2
    assert opened.exit_code == 0


def test_a_limit_is_changed_with_a_reason(here, week):
    changed = json.loads(here(week, "threshold", "gate.block_above", "7.5", "--reason", "thin days", "--json").stdout)
    listed = {row["key"]: row for row in json.loads(here(week, "thresholds", "--json").stdout)}

    assert (changed["value"], changed["change"]) == (7.5, week.read(thresholds.version))
    assert (listed["gate.block_above"]["value"], listed["gate.block_above"]["reason"]) == (7.5, "thin days")


def test_a_blocked_session_is_rejected_and_then_approved(here, gated):
    house, _ = gated
    rejected = here(house, "reject", "1", "--reason", "odd", "--json")
    approved = here(house, "approve", "1", "--reason", "a halt day", "--wait", "--json")

    assert "rejected" in json.loads(rejected.stdout)["message"]
    assert (approved.exit_code, json.loads(approved.stdout)["status"]) == (0, "succeeded")


WRONG = {
    "no such letter": ["dead-letter", "99"],
    "no letters": ["replay"],
    "letters and a reason": ["replay", "--id", "1", "--reason", "stale"],
    "a letter and a pipeline": ["replay", "--id", "1", "--pipeline", "ticks"],
    "no such pipeline": ["replay", "--date", "2024-06-02", "--pipeline", "weekly"],
    "a pipeline and a floorsheet": ["replay", "--floorsheet", "x.csv", "--pipeline", "ticks"],
    "nothing of that reason": ["replay", "--reason", "nothing"],
    "no such letter to replay": ["replay", "--id", "99"],
    "two lines": ["edit", "1", "--line", "a\nb"],
    "no line": ["edit", "1"],
    "no reason": ["discard", "1"],
    "a blank reason": ["discard", "1", "--reason", " "],
    "nothing to undo": ["undo", "1"],
    "no such state": ["dead-letters", "--state", "lost"],
    "a date and a range": ["dead-letters", "--date", "2024-06-03", "--since", "2024-06-02"],
    "no such limit": ["threshold", "gate.blok_above", "7", "--reason", "x"],
    "a limit out of range": ["threshold", "gate.block_above", "99", "--reason", "x"],
    "the limit that it is": ["threshold", "gate.block_above", "5", "--reason", "x"],
    "not a blocked run": ["approve", "1", "--reason", "x"],
    "no such run": ["reject", "99", "--reason", "x"],
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_request_gives_exit_code_2_and_a_sentence(here, week, wrong):
    refused(here(week, *WRONG[wrong]))


def test_a_replay_that_does_not_pass_is_no_success(here, week):
    number = ids(week)[0]
    with week.runtime.database.transaction() as connection:
        raw = dead_letters.one(connection, number)["raw"]
    done = here(week, "edit", str(number), "--line", bytes(raw).decode(errors="replace") + ",garbage", "--replay", "--wait")

    assert done.exit_code == 1
    assert f"letter {number} ({SUNDAY}, line 9) has not passed: " in done.stderr


def test_a_date_with_letters_of_the_stream_too_is_replayed_one_pipeline_at_a_time(here, week):
    with week.runtime.database.transaction() as connection:
        run = {
            "id": moves.add(
                connection, at=week.clock.now(), pipeline=moves.STREAM, partition=SUNDAY, run_type=RunType.MANUAL, requested_by="asha"
            )
        }
        late = Letter(LetterKind.ROW, 3, "NABIL", "late", None, "late", b"{}", None, SUNDAY, "intake")
        of = run | {"pipeline": moves.STREAM, "partition": SUNDAY}
        dead_letters.add(connection, of, "0" * 64, f"ticks {SUNDAY}", [late], at=week.clock.now())

    refused = here(week, "replay", "--date", str(SUNDAY))
    daily = here(week, "replay", "--date", str(SUNDAY), "--pipeline", "daily_prices", "--json")
    ticks = here(week, "replay", "--date", str(SUNDAY), "--pipeline", "ticks")
    listed = json.loads(here(week, "dead-letters", "--pipeline", "ticks", "--json").stdout)

    assert (refused.exit_code, "one at a time (--pipeline NAME)" in refused.stderr) == (2, True)
    assert (daily.exit_code, json.loads(daily.stdout)["letters"] > 0) == (0, True)
    assert "the stream is not done with" in ticks.stderr
    assert [one["reason"] for one in listed] == ["late"]
