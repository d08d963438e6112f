"""What a person does with dead letters, over runs that were really executed."""
# ruff: noqa: PLC0415 the scripts are copied out of this module and import for themselves

import csv
import json
from io import StringIO

import pytest

from pages.ui import letter_data
from pages.ui.letter_export import as_csv, as_json
from pages.ui.letter_words import blamed
from pages.ui.quality_diff import quality_facts
from pages.ui.shared import forget
from storage import backfills, dead_letters, runs
from storage.dead_letters import LetterFilter
from storage.status import LetterKind, LetterState, RunStatus, RunType
from tests.pages.conftest import asked, text_of
from tests.pages.console import PIPELINE, busy_home, commands, execute_queued, open_console


@pytest.fixture
def busy(tmp_path_factory, tmp_path, monkeypatch):
    return open_console(busy_home(tmp_path_factory, tmp_path), monkeypatch)


def letters(runtime, **chosen):
    forget()
    with runtime.database.reading() as connection:
        return list(dead_letters.page(connection, LetterFilter(**chosen)))


def a_letter(runtime, reason: str):
    return letters(runtime, reason=reason)[0]


def newest_run(runtime):
    with runtime.database.reading() as connection:
        return runs.recent(connection, limit=1)[0]


def replay_script(ids):
    from pages.ui import letter_data, letter_dialogs

    letter_dialogs.ask_replay(letter_data.rows_of(tuple(ids)))


def replay_all_script(number, dates):
    from pages.ui import letter_dialogs
    from storage.dead_letters import LetterFilter

    letter_dialogs.ask_replay_all(LetterFilter(), number, dates)


def discard_script(ids):
    from pages.ui import letter_data, letter_dialogs

    letter_dialogs.ask_discard(letter_data.rows_of(tuple(ids)))


def undo_script(ids):
    from pages.ui import letter_data, letter_dialogs

    letter_dialogs.ask_undo(letter_data.rows_of(tuple(ids)))


def test_a_corrected_field_is_judged_at_once_and_after_its_replay_the_letter_is_edited(busy, visit):
    letter = a_letter(busy, "not_a_number")
    screen = visit("dead_letters.py", letter=str(letter["id"]))
    assert "As it stands it is no row" in text_of(screen)

    place = next(field for field in screen.text_input if field.label == "Turnover")
    place.set_value(place.value.removesuffix(" NPR")).run()
    assert "With this line the row passes" in text_of(screen)
    screen.button(key="edit_replay").click().run()

    assert newest_run(busy)["run_type"] == RunType.REPLAY
    execute_queued(busy)
    done = letters(busy, symbol=letter["symbol"])[0]
    assert (done["state"], done["resolved_run_id"]) == (LetterState.EDITED, newest_run(busy)["id"])
    tables = [table.value for table in visit("run.py", id=str(done["resolved_run_id"])).dataframe]
    (of_the_run,) = (table for table in tables if "In this run" in table)
    assert "passed, corrected" in list(of_the_run["In this run"])


def test_a_line_of_too_few_cells_is_edited_as_a_whole(busy, visit):
    letter = a_letter(busy, "ragged")
    screen = visit("dead_letters.py", letter=str(letter["id"]))

    line = screen.text_area(key=f"line_{letter['id']}")
    whole = [*letter["raw"].decode().split(","), "0.00", "0.00"]
    line.set_value("\n".join(["", ",".join(whole)])).run()

    assert ",".join(whole) in [block.value for block in screen.code]
    assert screen.button(key="edit_save").disabled is False


def test_a_correction_that_is_only_saved_waits_for_the_next_run(busy, visit):
    letter = a_letter(busy, "not_a_number")
    screen = visit("dead_letters.py", letter=str(letter["id"]))
    before = newest_run(busy)["id"]

    place = next(field for field in screen.text_input if field.label == "Turnover")
    place.set_value("1.00").run()
    screen.button(key="edit_save").click().run()

    assert newest_run(busy)["id"] == before
    assert "the next run of its date applies it" in text_of(visit("dead_letters.py", letter=str(letter["id"])))


def test_nothing_is_saved_by_trying(busy, visit):
    letter = a_letter(busy, "not_a_number")
    screen = visit("dead_letters.py", letter=str(letter["id"]))

    next(field for field in screen.text_input if field.label == "Turnover").set_value("1.00").run()

    assert dict(a_letter(busy, "not_a_number")) == dict(letter)
    screen.button(key="edit_reset").click().run()
    assert screen.button(key="edit_replay").disabled is True


def test_letters_of_several_dates_are_replayed_as_one_backfill_asked_twice_or_not(busy, visit):
    waiting = letters(busy, states=(LetterState.OPEN,))
    ids, dates = [row["id"] for row in waiting], {row["partition"] for row in waiting}

    screen = asked(replay_script, ids)
    assert f"{len(ids)} letters of {len(dates)} dates" in text_of(screen)
    screen.button(key="replay_letters_yes").click().run()
    asked(replay_script, ids).button(key="replay_letters_yes").click().run()

    with busy.database.reading() as connection:
        newest, *_ = backfills.recent(connection)
        queued = runs.recent(connection, statuses=[RunStatus.QUEUED])
    assert newest["mode"] == "replay"
    assert f"0 of {len(dates)} dates" in text_of(visit("dead_letters.py"))
    assert sorted(run["partition"] for run in queued) == sorted(dates)


def test_all_open_letters_are_replayed_but_not_the_parked_ones(busy):
    number, dates = letter_data.waiting_dates(LetterFilter())
    open_ones = {row["id"] for row in letters(busy, states=(LetterState.OPEN,))}

    asked(replay_all_script, number, dates).button(key="replay_all_yes").click().run()
    execute_queued(busy)

    assert {row["tries"] for row in letters(busy) if row["id"] in open_ones} == {1}


def test_letters_that_were_handled_meanwhile_are_named_and_left_out(busy):
    first, second = letters(busy, kind=LetterKind.LINE)[:2]
    commands(busy).discard_letters([first["id"]], reason="a test row")
    forget()

    screen = asked(replay_script, [first["id"], second["id"]])

    assert "Left out, because they were handled already: 1 letter discarded." in text_of(screen)
    assert "1 letter of 1 date" in text_of(screen)


def test_putting_away_needs_a_reason_and_can_be_taken_back(busy):
    letter = a_letter(busy, "blank_symbol")
    screen = asked(discard_script, [letter["id"]])
    assert screen.button(key="discard_letters_yes").disabled is True

    screen.text_input(key="discard_reason").set_value("a footer").run()
    screen.button(key="discard_letters_yes").click().run()

    kept = a_letter(busy, "blank_symbol")
    assert (kept["state"], kept["note"]) == (LetterState.DISCARDED, "a footer")
    asked(undo_script, [letter["id"]]).button(key="undo_letters_yes").click().run()
    assert a_letter(busy, "blank_symbol")["state"] == LetterState.OPEN


def test_undoing_a_correction_says_that_its_date_runs_again(busy):
    letter = a_letter(busy, "not_a_number")
    commands(busy).edit_and_replay(letter["id"], letter["raw"].replace(b" NPR", b""))
    execute_queued(busy)

    screen = asked(undo_script, [letter["id"]])

    assert "1 date** runs again without the corrected row" in text_of(screen)


def test_a_file_that_could_not_be_used_shows_its_facts(busy, visit):
    letter = letters(busy, kind=LetterKind.FILE)[0]

    screen = visit("dead_letters.py", letter=str(letter["id"]))

    assert not screen.exception
    assert letter["message"] in text_of(screen)
    assert letter["source_sha256"] in [block.value for block in screen.code]
    assert len(letter_data.bronze_bytes(letter["id"])) == len(letter_data.source(letter["id"]).content) > 0


def test_an_export_holds_every_letter_with_its_line_and_says_that_the_data_are_simulated(busy):
    found = letter_data.every(LetterFilter())

    rows = list(csv.DictReader(StringIO(as_csv(found, simulated=True).decode())))
    document = json.loads(as_json(found, simulated=True))

    assert [int(row["id"]) for row in rows] == [row["id"] for row in letters(busy)]
    assert {row["simulated"] for row in rows} == {"True"}
    assert document["simulated"] is True
    assert [row["raw"] for row in document["letters"] if row["kind"] == "line"] == [
        row["raw"].decode() for row in letters(busy, kind=LetterKind.LINE)
    ]


def test_the_columns_that_a_refusal_is_about_are_known(busy):
    found = {row.reason: row for row in letter_data.every(LetterFilter())}

    assert blamed(found["not_a_number"]) == {"Turnover"}
    assert blamed(found["blank_symbol"]) == {"Symbol"}
    assert blamed(found["ragged"]) == frozenset()


def test_a_session_that_is_blocked_is_approved_from_its_run(busy, visit):
    day = a_letter(busy, "ragged")["partition"]
    commands(busy).set_threshold("gate.block_above", 0.5, reason="for a test")
    held = commands(busy).rerun_dates(PIPELINE, [day])[0].run_id
    execute_queued(busy)

    screen = asked(approve_script, held)
    screen.text_input(key="gate_reason").set_value("the exchange confirmed it").run()
    screen.button(key="gate_yes").click().run()
    execute_queued(busy)

    said = text_of(visit("run.py", id=str(newest_run(busy)["id"])))
    assert newest_run(busy)["status"] == RunStatus.SUCCEEDED
    assert "Approved by a person" in said
    assert "Thresholds: version 1." in said


def approve_script(run_id):
    from pages.ui import quality_view, run_quality_data
    from storage.status import Decision

    quality_view.ask_decision(run_quality_data.report(run_id), Decision.APPROVE)


def test_two_runs_are_compared_check_by_check_and_threshold_by_threshold(busy):
    day = a_letter(busy, "ragged")["partition"]
    before = newest_run_of(busy, day)
    commands(busy).set_threshold("gate.block_above", 0.5, reason="for a test")
    commands(busy).rerun_dates(PIPELINE, [day])
    execute_queued(busy)

    facts = {what: (this, other) for what, this, other in quality_facts(newest_run(busy)["id"], before)}

    assert facts["Quality"] == ("blocked", "flagged")
    assert facts["Thresholds version"] == ("1", "0")
    assert facts["Threshold gate.block_above"] == ("0.5", "5")
    assert facts["Check high not below low"] == ("passed", "passed")


def newest_run_of(runtime, day) -> int:
    with runtime.database.reading() as connection:
        return runs.newest_of(connection, PIPELINE, day)["id"]
