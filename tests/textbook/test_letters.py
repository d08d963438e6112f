"""The textbook chapter's dead letter queue (9.7, 9.11) fails in these ways; each test, named after its defect, shows that ours does not."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from storage import dead_letters, quality
from storage.dead_letters import MOST_TRIES, LetterFilter
from storage.status import LetterState
from tests.pipelines.house import HIGH, LOW, SUNDAY, House, announced, crossed, daily_bytes, numbers

MONDAY = SUNDAY + timedelta(days=1)


@pytest.fixture
def house(tmp_path):
    """A home whose first session has two rows with their high below their low."""
    built = announced(tmp_path)
    built.put(SUNDAY, daily_bytes(crossed(numbers(0), 3, 8)))
    built.run(SUNDAY)
    yield built
    built.runtime.database.close()


def letters(house: House) -> list[Any]:
    return list(reversed(house.read(dead_letters.page, LetterFilter())))


def mended(house: House, letter: Any) -> str:
    cells = bytes(house.read(dead_letters.one, letter["id"])["raw"]).decode().split(",")
    cells[HIGH] = f"{float(cells[LOW]) + 2:.2f}"
    return ",".join(cells)


def test_e11_letters_of_before_a_restart_are_still_there_after_it(house):
    house.restart()
    house.put(MONDAY, daily_bytes(crossed(numbers(1), 5)))
    house.run(MONDAY)

    assert [(letter["partition"], letter["symbol"]) for letter in letters(house)] == [(SUNDAY, "S003"), (SUNDAY, "S008"), (MONDAY, "S005")]


def test_e12_a_letter_that_cannot_be_written_takes_no_other_with_it(house, monkeypatch):
    before = letters(house)
    monkeypatch.setattr(dead_letters, "MOST_LETTERS", "no number")
    house.put(MONDAY, daily_bytes(crossed(numbers(1), 5)))
    with pytest.raises(TypeError):
        house.run(MONDAY)

    assert letters(house) == before


def test_e13_one_more_letter_is_one_more_row(house):
    house.put(MONDAY, daily_bytes(crossed(numbers(1), 5)))
    before = {letter["id"]: letter["last_seen"] for letter in letters(house)}
    house.run(MONDAY)
    after = {letter["id"]: letter["last_seen"] for letter in letters(house)}

    assert {number: after[number] for number in before} == before
    assert len(after) == 3


def test_e14_a_letter_keeps_bytes_as_bytes_and_values_in_their_type(house):
    letter = house.read(dead_letters.one, letters(house)[0]["id"])

    assert isinstance(letter["raw"], bytes)
    assert Decimal(str(letter["parsed"]["low"])) == Decimal(bytes(letter["raw"]).decode().split(",")[LOW])
    assert isinstance(letter["parsed"]["volume"], int)
    assert isinstance(letter["checks"][0]["score"], float)


def test_e15_a_replay_that_fails_again_ends_and_leaves_the_letters_that_it_found(house):
    ids = [letter["id"] for letter in letters(house)]
    house.services.replay_letters(ids)

    assert house.work() == 1
    assert [(letter["id"], letter["tries"], letter["state"]) for letter in letters(house)] == [
        (number, 1, LetterState.OPEN) for number in ids
    ]


def test_e15_a_letter_that_never_passes_is_parked_and_not_tried_for_ever(house):
    ids = [letter["id"] for letter in letters(house)]
    for _ in range(MOST_TRIES):
        house.services.replay_letters(ids)
        house.work()

    assert {(letter["tries"], letter["state"]) for letter in letters(house)} == {(MOST_TRIES, LetterState.PARKED)}


def test_e16_what_was_replayed_stays_so_and_is_not_done_again(house):
    first, second = letters(house)
    house.services.edit_and_replay(first["id"], mended(house, first))
    house.work()
    house.restart()
    replay = house.services.replay_letters([first["id"], second["id"]])
    house.work()

    assert [letter["state"] for letter in letters(house)] == [LetterState.EDITED, LetterState.OPEN]
    assert (replay.letters, sum(replay.left_out.values())) == (1, 1)


def test_p3_a_failed_day_keeps_what_came_what_was_found_and_every_earlier_failure(house):
    house.put(MONDAY, daily_bytes(crossed(numbers(1), *range(20))))
    run = house.run(MONDAY)
    report = house.read(quality.report_of, run["id"])

    assert (run["error_type"], report["quarantined"], len(letters(house))) == ("SessionBlocked", 20, 22)
    assert house.table("findings", MONDAY).num_rows >= 20
    assert house.table("quarantine", MONDAY)["raw"].to_pylist()[0].startswith("1,S000,")
