"""The Runs page over runs that were really executed."""

from datetime import date, timedelta

import pytest

from pages.ui import format as say
from pages.ui.charts.calendar import Kind, Square, calendar
from pages.ui.run_table import filter_key
from storage import moves
from storage.run_list import RunFilter
from storage.status import RunStatus, Verdict
from tests.pages.console import (
    DAYS,
    NOW,
    PIPELINE,
    TODAY,
    a_date,
    busy_home,
    commands,
    execute_queued,
    known,
    labels,
    open_console,
    words,
)


@pytest.fixture
def console(tmp_path, monkeypatch):
    return open_console(tmp_path, monkeypatch)


@pytest.fixture
def busy(tmp_path_factory, tmp_path, monkeypatch):
    return open_console(busy_home(tmp_path_factory, tmp_path), monkeypatch)


def grid_of(screen):
    return screen.dataframe[0].value


def test_an_empty_store_says_what_to_do_next(console, visit):
    screen = visit("runs.py")

    assert not screen.exception
    assert "No run yet" in words(screen)
    assert "Backfill…" in labels(screen)


def test_the_list_shows_the_newest_run_first(busy, visit):
    screen = visit("runs.py")

    assert not screen.exception
    assert list(grid_of(screen)["Run"][:2]) == [f"Run {DAYS}", f"Run {DAYS - 1}"]


def test_a_failed_date_shows_its_reason_in_words_and_a_rerun(busy, visit):
    failed = a_date(busy, Verdict.FAILED)

    screen = visit("runs.py", day=failed.day.isoformat())

    assert failed.reason[:12].lower() in words(screen).replace("\\", "").lower()
    assert "Rerun…" in labels(screen)


def test_a_closed_date_says_that_no_session_is_expected(busy, visit):
    closed = a_date(busy, Verdict.NO_SESSION)

    screen = visit("runs.py", day=closed.day.isoformat())

    assert ":material/event_busy: no session" in words(screen)


def test_a_date_that_nobody_looked_at_offers_its_backfill(busy, visit):
    screen = visit("runs.py", day=(TODAY - timedelta(days=300)).isoformat())

    assert "Nobody has looked at this date yet" in words(screen)
    assert "Backfill this date…" in labels(screen)


def test_a_date_without_a_file_offers_no_booking(busy, visit):
    missing, closed = a_date(busy, Verdict.MISSING), a_date(busy, Verdict.NO_SESSION)

    assert "Book to another session…" not in day_labels(visit("runs.py", day=missing.day.isoformat()))
    assert "Book to another session…" in day_labels(visit("runs.py", day=closed.day.isoformat()))


def day_labels(screen):
    return [button.label for button in screen.button if str(button.key).startswith("day_")]


def test_a_date_of_a_cancelled_backfill_says_what_became_of_it(console, visit):
    day = TODAY - timedelta(days=30)
    commands(console).cancel_backfill(commands(console).backfill(PIPELINE, day, day))

    said = words(visit("runs.py", day=day.isoformat()))

    assert "no run yet: its backfill was cancelled by a person" in said.replace("\\", "").lower()


def test_a_date_to_come_offers_nothing(busy, visit):
    screen = visit("runs.py", day=(TODAY + timedelta(days=3)).isoformat())

    assert "still to come" in words(screen)
    assert "Backfill this date…" not in labels(screen)


def test_the_calendar_opens_on_the_newest_year_that_holds_more_than_today(console, visit):
    old = date(2023, 5, 3)
    commands(console).run(PIPELINE, old)
    commands(console).run(PIPELINE, TODAY)

    screen = visit("runs.py")

    assert screen.segmented_control(key="year").value == old.year
    assert screen.segmented_control(key="year").options[-1] == str(TODAY.year)


def test_the_address_filters_the_list(busy, visit):
    screen = visit("runs.py", status="failed")

    statuses = {mark for marks in grid_of(screen)["Status"] for mark in marks}
    assert statuses == {"✕ failed"}


def test_a_filter_that_nothing_matches_says_so(busy, visit):
    screen = visit("runs.py", status="crashed")

    assert "No run matches" in words(screen)


def test_a_damaged_address_shows_the_page_all_the_same(busy, visit):
    screen = visit("runs.py", status="nonsense", day="31 June", since="?", before="12x", backfill="-4", year="1066")

    assert not screen.exception
    assert len(grid_of(screen)) == DAYS


def test_a_selection_means_its_run_when_a_newer_one_has_arrived(busy, visit):
    screen = visit("runs.py")
    second = known(busy)[TODAY - timedelta(days=2)]
    screen.session_state[filter_key(RunFilter(PIPELINE), None)] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    screen.run()
    commands(busy).run(PIPELINE, TODAY)
    execute_queued(busy)

    screen.run().button(key="rerun_picked").click().run()

    assert grid_of(screen)["Run"][1] == f"Run {second.run_id}"
    assert "1 newer run waiting" in words(screen)
    assert f"{second.day:%a} {second.day.day} {second.day:%b %Y}" in words(screen).splitlines()


def test_the_question_before_a_rerun_says_what_it_will_cost(busy, visit):
    screen = visit("runs.py")
    screen.session_state[filter_key(RunFilter(PIPELINE), None)] = {"selection": {"rows": [0, 1, 2], "columns": [], "cells": []}}

    screen.run().button(key="rerun_picked").click().run()

    assert "Rerun 3 dates" in labels(screen)
    assert "It will take about" in words(screen)


def test_the_question_before_one_date_is_run_says_what_it_will_cost_and_what_became_of_it(busy, visit):
    screen = visit("pipelines.py").button(key="run_now").click().run()

    assert "It will take about" in words(screen)
    assert f"Run {say.day(TODAY)}" in labels(screen)


def test_only_an_active_run_can_be_cancelled(busy, visit):
    key = filter_key(RunFilter(PIPELINE), None)
    commands(busy).run(PIPELINE, TODAY)
    screen = visit("runs.py")
    screen.session_state[key] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    of_a_finished_one = screen.run().button(key="cancel_picked").disabled
    screen.session_state[key] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    of_a_queued_one = screen.run().button(key="cancel_picked").disabled

    assert of_a_finished_one
    assert not of_a_queued_one


def test_an_old_page_of_the_list_begins_behind_the_run_in_the_address(busy, visit):
    screen = visit("runs.py", before="5")

    assert list(grid_of(screen)["Run"]) == ["Run 4", "Run 3", "Run 2", "Run 1"]
    assert "Newest" in labels(screen)


def test_another_filter_is_another_grid():
    everything = filter_key(RunFilter(PIPELINE), None)

    assert everything != filter_key(RunFilter(PIPELINE, (RunStatus.FAILED,)), None)
    assert everything != filter_key(RunFilter(PIPELINE), 40)


def test_a_square_of_the_calendar_carries_a_sign_and_a_word_beside_its_colour():
    kinds = {"failed": Kind("failed", "✕", "#f00"), "session": Kind("session", "", "#0f0")}
    squares = [Square(date(2025, 1, 1), "session", "fine"), Square(date(2025, 1, 2), "failed", "no file")]

    option = calendar(2025, squares, kinds=kinds, chosen=None)["baseOption"]

    drawn = option["dataset"]["source"]
    assert drawn["sign"].to_pylist() == ["", "✕"]
    assert drawn["word"].to_pylist() == ["session", "failed"]
    assert [piece["label"] for piece in option["visualMap"]["pieces"]] == ["✕ failed", "session"]


def test_the_legend_names_only_what_the_year_holds():
    kinds = {"failed": Kind("failed", "✕", "#f00"), "session": Kind("session", "", "#0f0")}

    option = calendar(2025, [Square(date(2025, 1, 1), "session", "fine")], kinds=kinds, chosen=None)["baseOption"]

    assert [piece["label"] for piece in option["visualMap"]["pieces"]] == ["session"]


def test_a_reason_that_is_longer_than_its_column_ends_in_a_sign_and_stands_whole_on_the_page_of_its_run(console, visit):
    queued = commands(console).run(PIPELINE, TODAY)
    whole = "the header was never seen: it names 'Opening Price'; add a layout in engine/market/layouts.py"
    with console.database.transaction() as connection:
        moves.finish(connection, queued.run_id, RunStatus.CANCELLED, at=NOW, day=TODAY, reason=whole)

    (shown,) = grid_of(visit("runs.py"))["Reason"]

    assert shown.endswith("…")
    assert whole.startswith(shown[:-1])
    assert whole[1:] in words(visit("run.py", id=str(queued.run_id))).replace("\\", "")
