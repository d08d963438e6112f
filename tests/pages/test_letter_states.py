"""Every page in the states with dead letters and blocked sessions, and the letters' page in every state there is."""

import pytest

from storage.status import LetterState
from tests.pages.conftest import text_of
from tests.pages.gallery import BEFORE, LAST, STATES
from tests.pages.gallery_letters import LETTER_STATES

PAGES = ("overview.py", "runs.py", "run.py", "pipelines.py", "dead_letters.py")
MUST_SEE = {
    "letters": ["3 dead letters are open", "high not below low", "1 more parked", "See the letters", "Open dead letters 3 1 parked"],
    "session_held": [
        "Tue 3 Jun 2025 is blocked",
        "Approve or reject it",
        "30 dead letters are open",
        "Open dead letters 30 1 session blocked",
    ],
    "session_rejected": ["Tue 3 Jun 2025 was rejected", "By asha: the exchange published a test file", "no session blocked"],
    "many_letters": ["5 dead letters are open", "See the letters"],
}


@pytest.mark.parametrize("state", LETTER_STATES)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_drawn_in_every_state_with_letters(page, state, open_store, visit):
    open_store(state)

    app = visit(page)

    assert not app.exception
    assert "Simulated exchange" in text_of(app)


@pytest.mark.parametrize("state", STATES)
def test_the_letters_page_is_drawn_in_every_state(state, open_store, visit):
    open_store(state)

    app = visit("dead_letters.py")

    assert not app.exception
    assert "Lines, rows and files that did not get into a session" in text_of(app)


def test_a_console_without_letters_says_so(open_store, visit):
    open_store("healthy")

    assert "Nothing was set aside" in text_of(visit("dead_letters.py"))


@pytest.mark.parametrize("state", LETTER_STATES)
def test_the_overview_says_what_waits_for_a_person(state, open_store, visit):
    open_store(state)

    said = text_of(visit("overview.py"))

    assert [sentence for sentence in MUST_SEE[state] if sentence not in said] == []


def test_the_overview_is_silent_where_nothing_waits(open_store, visit):
    open_store("healthy")

    said = text_of(visit("overview.py"))

    assert "dead letter" not in said
    assert "blocked" not in said


def letter_of(store, state: LetterState) -> int:
    with store.database.reading() as connection:
        found = connection.exec_driver_sql("SELECT id FROM dead_letter WHERE state = ? ORDER BY id LIMIT 1", (state.value,))
        return int(found.scalar_one())


@pytest.mark.parametrize(
    ("state", "said", "buttons"),
    [
        (LetterState.OPEN, "It waits for a person", {"letter_replay", "letter_discard", "edit_replay"}),
        (LetterState.PARKED, "It failed 5 replays", {"letter_replay", "letter_discard", "edit_replay"}),
        (LetterState.EDITED, "asha corrected the line", {"letter_undo"}),
        (LetterState.REPLAYED, "It passed as it was", set()),
        (LetterState.DISCARDED, "asha put it away", {"letter_undo"}),
    ],
)
def test_a_letter_says_where_it_stands_and_offers_what_can_be_done(state, said, buttons, open_store, visit):
    store = open_store("letters")

    app = visit("dead_letters.py", letter=str(letter_of(store, state)))

    offered = {"letter_replay", "letter_discard", "letter_undo", "edit_replay"}
    assert not app.exception
    assert said in text_of(app)
    assert {button.key for button in app.button} & offered == buttons


def test_a_refused_row_is_shown_beside_its_values_with_the_rule_in_words(open_store, visit):
    store = open_store("letters")

    app = visit("dead_letters.py", letter=str(letter_of(store, LetterState.OPEN)))

    table = app.table[0].value
    assert app.error[0].value == "Observed 249 against 251; score 0\\.797 % of low, allowed 0\\."
    assert list(table.columns) == ["Column", "As it came", "Read as"]
    assert table.loc[table["Column"].str.contains("Low"), "As it came"].iloc[0] == ":red[**251\\.00**]"
    assert "High" in [field.label for field in app.text_input]


def test_bytes_that_are_no_text_are_shown_escaped(open_store, visit):
    store = open_store("letters")
    line = letter_of(store, LetterState.OPEN) + 1

    app = visit("dead_letters.py", letter=str(line))

    assert r"2,NABIL,\xff\x00broken" in [block.value for block in app.code]
    assert "byte 0xff at position 8 is not UTF-8" in text_of(app)


def test_a_letter_that_is_not_there_is_said_so(open_store, visit):
    open_store("letters")

    assert "There is no letter 99" in text_of(visit("dead_letters.py", letter="99"))


def test_the_list_shows_what_the_address_names(open_store, visit):
    open_store("letters")

    everything = visit("dead_letters.py").dataframe[0].value
    discarded = visit("dead_letters.py", state="discarded").dataframe[0].value
    torn = visit("dead_letters.py", reason="UnreadableFile").dataframe[0].value
    of_a_date = visit("dead_letters.py", since=BEFORE.isoformat(), until=BEFORE.isoformat()).dataframe[0].value

    assert len(everything) == 7
    assert list(discarded["Symbol"]) == ["S007"]
    assert list(torn["Reason"]) == ["unreadable file"]
    assert len(of_a_date) == 6


def test_choosing_a_state_goes_into_the_address(open_store, visit):
    open_store("letters")
    app = visit("dead_letters.py")

    app.pills(key="letter_state").select(LetterState.PARKED).run()

    assert app.query_params["state"] == "parked"
    assert list(app.dataframe[0].value["Tries"]) == [5]


def test_the_next_page_begins_behind_the_last_letter(open_store, visit):
    open_store("many_letters")
    app = visit("dead_letters.py")
    first = list(app.dataframe[0].value["Letter"])

    app.button(key="letters_older").click().run()
    second = list(app.dataframe[0].value["Letter"])

    assert (first[0], first[-1], second[0]) == ("Letter 2000", "Letter 1951", "Letter 1950")


def test_the_run_of_a_blocked_session_asks_for_a_decision(open_store, visit):
    store = open_store("session_held")

    app = visit("run.py", id=str(blocked_run(store)))

    said = text_of(app)
    assert {"approve", "reject", "rerun_blocked"} <= {button.key for button in app.button}
    assert "303 physical lines = 1 header + 0 blank + 270 loaded + 30 set aside + 2 duplicates." in said
    assert "4 checks: 1 passed, 1 warned, 1 failed, 1 off." in said
    assert "Thresholds: the defaults (version 0)." in said
    assert "**30** found." in said


def test_a_rejected_session_says_by_whom_and_can_still_be_approved(open_store, visit):
    store = open_store("session_rejected")

    app = visit("run.py", id=str(blocked_run(store)))

    assert "Rejected by asha on 3 Jun 2025 20:00: The exchange published a test file." in text_of(app)
    assert "approve" in {button.key for button in app.button}
    assert "reject" not in {button.key for button in app.button}


def blocked_run(store) -> int:
    with store.database.reading() as connection:
        return int(connection.exec_driver_sql("SELECT id FROM run WHERE error_type = 'SessionBlocked'").scalar_one())


def test_the_report_takes_the_place_of_the_lines_set_aside(open_store, visit):
    store = open_store("letters")
    with store.database.reading() as connection:
        run_id = connection.exec_driver_sql("SELECT run_id FROM quality_report").scalar_one()

    said = text_of(visit("run.py", id=str(run_id)))

    assert "Lines set aside" not in said
    assert "296 rows pass, 3 of them with a flag; 5 are set aside" in said
    assert str(LAST) not in said
