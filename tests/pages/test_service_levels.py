"""Service levels and logs: what was promised, what was measured, what was said."""

from datetime import timedelta

import pytest

from engine.clock import nepal_time
from engine.monitoring.deadlines import Budget
from pages.ui import monitoring_data, service_view
from storage import schedules, stages
from storage.status import RunStatus, SlotOutcome
from tests.pages.conftest import text_of
from tests.pages.gallery import BEFORE, LAST, NOW, PIPELINE


def promise(store, day, outcome: SlotOutcome, reason: str) -> None:
    with store.database.transaction() as connection:
        row = {"pipeline": PIPELINE, "day": day, "due_at": nepal_time(day, 18), "outcome": outcome, "reason": reason}
        schedules.ensure(connection, PIPELINE, since=BEFORE)
        schedules.write_slots(connection, [row | {"run_id": None, "updated_at": NOW}])


def test_a_session_that_was_loaded_in_time_and_one_that_is_late_are_told_apart(open_store, visit):
    store = open_store("newest_failed")
    promise(store, BEFORE, SlotOutcome.RAN, "a session")
    promise(store, LAST, SlotOutcome.FAILED, "the header was never seen")

    said = text_of(visit("service_levels.py"))

    assert "1 session past the deadline and not in the lake:** Tue 3 Jun" in said
    assert "not loaded, 60 min after: the header was never seen" in said
    assert "2 late, 0 allowed" in said
    assert "loaded" in said


@pytest.mark.parametrize(
    ("sessions", "missed", "said"),
    [(1, 0, "1 session, none late"), (1, 1, "1 late, 0 allowed"), (40, 0, "2 of 2 more may be late"), (40, 2, "0 of 2 more may be late")],
)
def test_a_first_session_in_time_is_no_warning_though_the_objective_allows_none_to_be_late(sessions, missed, said):
    assert service_view._left(Budget(sessions, missed, objective=0.95)) == said


def test_what_is_a_day_behind_its_deadline_is_not_the_first_thing_of_the_overview_any_more(open_store, visit):
    store = open_store("empty")
    promise(store, BEFORE, SlotOutcome.SOURCE_EMPTY, "no file")
    promise(store, LAST, SlotOutcome.SOURCE_EMPTY, "no file")

    assert [one.day for one in monitoring_data.overdue(PIPELINE)] == [LAST]
    assert "Tue 3 Jun 2025 is late: it was to be in the lake by 19:00" in text_of(visit("overview.py"))


def test_what_a_backfill_brought_in_was_promised_to_nobody(open_store, visit):
    open_store("backfill_running")

    assert "The schedule has promised no session yet" in text_of(visit("service_levels.py"))


def test_any_series_can_be_drawn_and_an_unknown_one_is_named(open_store, visit):
    open_store("healthy")

    said = text_of(visit("service_levels.py", series="gold.duration_seconds"))
    strange = text_of(visit("service_levels.py", series="gold.joy"))

    assert "**gold.duration_seconds** in s, of the newest" in said
    assert "median **0.011** s" in said
    assert "gold.joy" in strange


def log(store, *lines: tuple[str, str, dict]) -> None:
    with store.database.transaction() as connection:
        rows = [
            {"run_id": 1, "at": NOW + timedelta(seconds=place), "level": level, "stage": "parsed", "event": event, "fields": fields}
            for place, (level, event, fields) in enumerate(lines)
        ]
        stages.add_log_lines(connection, rows)


@pytest.mark.parametrize(
    ("query", "events"),
    [
        ({}, ["stage_failed", "stage_done"]),
        ({"level": "error"}, ["stage_failed"]),
        ({"text": "opening"}, ["stage_failed"]),
        ({"text": "100%"}, ["stage_done"]),
        ({"run": "1", "stage": "parsed"}, ["stage_failed", "stage_done"]),
        ({"run": "2"}, []),
        ({"date": str(LAST)}, []),
    ],
)
def test_log_lines_are_found_by_what_they_say(open_store, visit, query, events):
    store = open_store("empty")
    run_id = store.run(BEFORE, RunStatus.FAILED, reason="no header")
    assert run_id == 1
    log(store, ("info", "stage_done", {"share": "100%"}), ("error", "stage_failed", {"message": "unknown: 'Opening Price'"}))

    app = visit("logs.py", **query)

    assert not app.exception
    found = [event for frame in app.dataframe for event in frame.value["event"]]
    assert found == events


def test_a_line_that_is_clicked_is_shown_whole(open_store, visit):
    store = open_store("empty")
    store.run(BEFORE, RunStatus.FAILED, reason="no header")
    message = "a header of 24 columns never seen before: " + "'Opening Price', " * 40
    log(store, ("info", "stage_done", {}), ("error", "stage_failed", {"message": message}))
    app = visit("logs.py")
    asked = text_of(app)
    app.session_state["log_lines"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "fields")]}}
    app.run()

    assert not app.exception
    assert "A click on a line shows the whole of it here." in asked
    assert app.code[0].value == f"message={message}"


def test_a_run_that_is_no_number_is_said_once_wherever_it_was_written(open_store, visit):
    open_store("empty")
    app = visit("logs.py", run="yesterday")

    assert [warning.value for warning in app.warning] == ["A run has a number; **yesterday** is none, and all runs are searched."]


def test_what_the_address_says_and_cannot_be_read_is_said_once(open_store, visit):
    open_store("healthy")

    assert [warning.value for warning in visit("drift.py", session="garbage").warning] == [
        "The address says **session=garbage**, which is passed over: `session` takes a date such as 2025-06-01."
    ]


def test_a_search_without_a_hit_says_how_far_it_looked(open_store, visit):
    store = open_store("empty")
    store.run(BEFORE, RunStatus.FAILED, reason="no header")
    log(store, ("info", "stage_done", {}))

    assert "The newest 1 lines were searched" in text_of(visit("logs.py", text="nothing like it"))
