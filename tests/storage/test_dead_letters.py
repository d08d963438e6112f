"""A line that did not pass is kept once, stays where a person has put it, and is told from the one that passed later."""

from datetime import timedelta

import pytest

from storage import dead_letters
from storage.database import Database, open_database
from storage.dead_letters import MOST_TRIES, Counts
from storage.status import LetterKind, LetterState, RunType
from tests.storage.databases import at_once, statements
from tests.storage.letters import DAY, DISCARDED, EDITED, NOW, OPEN, OTHER, PARKED, PIPELINE, RAW, REPLAYED, SHA, letter, run


@pytest.fixture
def decide(database, kept):
    """What a person decides about the letter of line 5."""

    def move(what, *arguments, **options) -> bool:
        with database.transaction() as connection:
            return what(connection, kept()[5]["id"], *arguments, by="ram", at=NOW, **options)

    return move


def states(kept) -> dict[int, LetterState]:
    return {line: LetterState(row["state"]) for line, row in kept().items()}


def test_a_letter_is_kept_as_it_came(saw, kept):
    assert saw(letter()) == Counts(new=1)
    row = kept()[5]

    assert (row["raw"], row["parsed"], row["checks"][0]["score"]) == (RAW, {"close": "237.40"}, 4.2)
    assert (row["state"], row["tries"], row["run_id"], row["first_run_id"]) == (OPEN, 0, 1, 1)
    assert (row["source_sha256"], row["first_seen"], row["last_seen"]) == (SHA, NOW, NOW)


def test_a_run_that_finds_nothing_and_knows_nothing_asks_once(saw, database):
    saw()  # a connection of PostgreSQL asks for itself at first
    with statements(database) as asked:
        assert saw() == Counts()

    assert len([statement for statement, _ in asked if "dead_letter" in statement]) == 1


def test_the_same_line_again_is_the_same_letter(saw, kept):
    saw(letter())
    later = NOW + timedelta(hours=1)
    counts = saw(letter(reason="stale", message="as before", raw=b"other"), run_of=run(2), at=later)
    row = kept()[5]

    assert counts == Counts(again=1)
    assert (row["first_run_id"], row["run_id"], row["first_seen"], row["last_seen"]) == (1, 2, NOW, later)
    assert (row["reason"], row["message"], row["raw"], row["tries"]) == ("stale", "as before", RAW, 0)


def test_a_line_that_passes_later_is_replayed_and_says_which_run_did_it(saw, kept):
    saw(letter(5), letter(6))
    counts = saw(letter(6), run_of=run(2))

    assert counts == Counts(again=1, replayed=1)
    assert states(kept) == {5: REPLAYED, 6: OPEN}
    assert kept()[5]["resolved_run_id"] == 2


def test_nothing_has_passed_while_the_session_is_blocked(saw, kept):
    saw(letter())

    assert saw(blocked=True, run_of=run(2)) == Counts()
    assert states(kept) == {5: OPEN}


def test_a_line_that_fails_again_after_it_had_passed_is_open_again(saw, kept):
    saw(letter())
    saw(run_of=run(2))
    saw(letter(), run_of=run(3))

    assert (kept()[5]["state"], kept()[5]["resolved_run_id"]) == (OPEN, None)


def ask_for(database, kept) -> None:
    """Have a person ask for a replay of every letter."""
    with database.transaction() as connection:
        dead_letters.ask(connection, [row["id"] for row in kept().values()])


def test_a_letter_that_fails_every_replay_is_parked_at_the_last_and_stays_so(saw, kept, database):
    saw(letter())
    counted = []
    for number in range(2, 2 + MOST_TRIES + 1):
        ask_for(database, kept)
        counted.append(saw(letter(), run_of=run(number, run_type=RunType.REPLAY)).parked)

    assert counted == [0] * (MOST_TRIES - 1) + [1, 0]
    assert (kept()[5]["state"], kept()[5]["tries"]) == (PARKED, MOST_TRIES)


def test_a_run_that_is_no_replay_is_not_counted_as_a_try(saw, kept):
    saw(letter())
    for number in range(2, 10):
        saw(letter(), run_of=run(number, run_type=RunType.RERUN))

    assert (kept()[5]["state"], kept()[5]["tries"]) == (OPEN, 0)


def test_a_parked_letter_that_passes_after_all_is_replayed(saw, kept):
    saw(letter())
    for number in range(2, 2 + MOST_TRIES):
        saw(letter(), run_of=run(number, run_type=RunType.REPLAY))

    assert saw(run_of=run(9)).replayed == 1
    assert states(kept) == {5: REPLAYED}


def test_a_corrected_line_that_passes_is_edited(saw, kept, decide):
    saw(letter())

    assert decide(dead_letters.edit, b"good")
    assert (kept()[5]["state"], kept()[5]["raw"], kept()[5]["edited_raw"]) == (OPEN, RAW, b"good")
    assert saw(run_of=run(2)) == Counts(edited=1)
    assert (kept()[5]["state"], kept()[5]["resolved_run_id"]) == (EDITED, 2)


def test_a_correction_that_came_too_late_for_a_run_stays_open(saw, kept, decide):
    saw(letter())
    decide(dead_letters.edit, b"good")

    assert saw(run_of=run(2), corrected={}) == Counts()
    assert saw(run_of=run(2), corrected={5: dead_letters.digest(b"the one before")}) == Counts()
    assert states(kept) == {5: OPEN}
    assert saw(run_of=run(3), corrected={5: dead_letters.digest(b"good")}) == Counts(edited=1)


def test_a_line_that_passed_with_a_correction_that_was_taken_back_meanwhile_stays_open(saw, kept, decide):
    saw(letter())
    decide(dead_letters.edit, b"good")
    decide(dead_letters.take_back_edit)

    assert saw(run_of=run(2), corrected={5: dead_letters.digest(b"good")}) == Counts()
    assert states(kept) == {5: OPEN}


def test_a_corrected_line_that_fails_later_is_open_and_keeps_its_correction(saw, kept, decide):
    saw(letter())
    decide(dead_letters.edit, b"good")
    saw(run_of=run(2))
    saw(letter(), run_of=run(3))

    assert (kept()[5]["state"], kept()[5]["edited_raw"]) == (OPEN, b"good")


def corrections(database: Database, sha256: str = SHA) -> dict[int, bytes]:
    with database.reading() as connection:
        return dead_letters.corrections(connection, PIPELINE, DAY, sha256)


def test_a_correction_stands_for_these_bytes_only(saw, decide, database):
    saw(letter())
    decide(dead_letters.edit, b"good")

    assert corrections(database) == {5: b"good"}
    assert corrections(database, OTHER) == {}


def test_a_correction_stands_in_every_later_run_until_it_is_taken_back(saw, kept, decide, database):
    saw(letter())
    decide(dead_letters.edit, b"good")
    saw(run_of=run(2))
    after = corrections(database)

    assert decide(dead_letters.take_back_edit)
    assert (after, corrections(database)) == ({5: b"good"}, {})
    assert (kept()[5]["state"], kept()[5]["resolved_run_id"]) == (OPEN, None)
    assert not decide(dead_letters.take_back_edit)


def test_a_discarded_letter_stays_discarded_and_its_correction_stands_no_more_until_it_is_undone(saw, kept, decide, database):
    saw(letter())
    decide(dead_letters.edit, b"good")

    assert decide(dead_letters.discard, note="a test of the exchange")
    saw(letter(), run_of=run(2, run_type=RunType.REPLAY))
    assert (kept()[5]["state"], kept()[5]["note"], corrections(database)) == (DISCARDED, "a test of the exchange", {})
    assert decide(dead_letters.reopen)
    assert (kept()[5]["state"], kept()[5]["note"], corrections(database)) == (OPEN, None, {5: b"good"})


def test_what_has_passed_or_was_put_away_can_not_be_put_away(saw, decide):
    saw(letter())
    decide(dead_letters.discard, note="no")

    assert not decide(dead_letters.discard, note="again")
    assert not decide(dead_letters.edit, b"good")
    assert decide(dead_letters.reopen)
    assert not decide(dead_letters.reopen)
    saw(run_of=run(2))
    assert not decide(dead_letters.discard, note="too late")


def test_letters_of_a_file_that_has_changed_are_put_away_by_the_system(saw, kept):
    saw(letter(5), letter(6))
    counts = saw(letter(6), run_of=run(2), sha256=OTHER)
    old = kept(states=(DISCARDED,))

    assert counts == Counts(new=1, superseded=2)
    assert {row["decided_by"] for row in old.values()} == {"system"}
    assert {row["note"] for row in old.values()} == {"the source's file has changed since"}


def test_what_the_system_put_away_comes_back_with_the_file(saw, kept):
    saw(letter())
    saw(run_of=run(2), sha256=OTHER)
    saw(letter(), run_of=run(3))

    assert (kept()[5]["state"], kept()[5]["decided_by"], kept()[5]["note"]) == (OPEN, None, None)


def test_no_more_than_ten_thousand_letters_of_a_file_are_kept_and_the_rest_is_counted(saw, kept, monkeypatch):
    monkeypatch.setattr(dead_letters, "MOST_LETTERS", 3)

    assert saw(*(letter(line) for line in range(2, 7))) == Counts(new=3, left_out=2)
    assert saw(letter(4), letter(6), run_of=run(2)) == Counts(again=1, replayed=2, left_out=1)


def test_what_a_database_cannot_hold_is_cut_or_written_out(saw, kept):
    saw(letter(symbol="S" * 50, message="a \0 in it", reason="r" * 60))

    assert kept()[5]["message"] == "a \\0 in it"
    assert (len(kept()[5]["symbol"]), len(kept()[5]["reason"])) == (32, 48)


def add_file(database: Database, **values) -> None:
    with database.transaction() as connection:
        dead_letters.add_file(connection, run(**values), stage="parsed", error_type="UnreadableFile", message="torn", at=NOW)


def test_a_file_is_a_letter_until_any_later_run_can_use_it(database, kept):
    add_file(database)
    first = kept()[0]
    with database.transaction() as connection:
        assert dead_letters.resolve_files(connection, run(2)) == 1
        assert dead_letters.resolve_files(connection, run(3)) == 0

    assert (first["kind"], first["reason"], first["state"], first["raw"]) == (LetterKind.FILE, "UnreadableFile", OPEN, None)
    assert (kept()[0]["state"], kept()[0]["resolved_run_id"]) == (REPLAYED, 2)


def test_a_file_that_fails_again_and_again_is_one_letter_and_parked_in_the_end(database, kept):
    add_file(database)
    for number in range(2, 2 + MOST_TRIES):
        ask_for(database, kept)
        add_file(database, run_id=number, run_type=RunType.REPLAY)

    assert {line: (row["state"], row["tries"]) for line, row in kept().items()} == {0: (PARKED, MOST_TRIES)}


def test_a_file_that_came_again_with_other_bytes_takes_the_place_of_the_one_before(database, kept, saw):
    saw(letter())
    add_file(database)
    add_file(database, run_id=2, source_sha256=OTHER)

    assert {row["source_sha256"]: row["state"] for row in kept(kind=LetterKind.FILE, states=(OPEN,)).values()} == {OTHER: OPEN}
    assert states(lambda: kept(kind=LetterKind.ROW)) == {5: OPEN}  # its session still stands


def test_a_run_of_rows_leaves_the_letters_of_files_alone(database, kept, saw):
    add_file(database)
    saw(run_of=run(2))

    assert states(kept) == {0: OPEN}


def _discard(number: int, url: str, letter_id: int) -> bool:
    database = open_database(url)
    with database.transaction() as connection:
        done = dead_letters.discard(connection, letter_id, by=f"person {number}", at=NOW, note="no")
    database.close()
    return done


def test_of_several_who_decide_at_once_one_does(saw, kept, url):
    saw(letter())

    assert sorted(at_once(4, _discard, url, kept()[5]["id"])) == [False, False, False, True]
