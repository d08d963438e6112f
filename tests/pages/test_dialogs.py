"""What is asked before runs are made or stopped, and what happens when a person agrees."""
# ruff: noqa: PLC0415 the scripts are copied out of this module and import for themselves

from datetime import date, timedelta

import pytest

from engine.errors import SourceUnavailable
from engine.services import Services
from storage import runs
from storage.status import RunStatus, RunType, Verdict
from tests.pages.conftest import asked
from tests.pages.console import PIPELINE, TODAY, a_date, busy_home, commands, known, labels, open_console, words


@pytest.fixture
def busy(tmp_path_factory, tmp_path, monkeypatch):
    return open_console(busy_home(tmp_path_factory, tmp_path), monkeypatch)


def rerun_script(days):
    from pages.ui import dialogs

    dialogs.ask_rerun("daily_prices", days)


def cancel_script(ids):
    from pages.ui import dialogs, run_data

    dialogs.ask_cancel(run_data.rows_of(ids))


def booking_script(ids):
    from pages.ui import dialogs, run_data

    dialogs.ask_booking(run_data.rows_of(ids))


def backfill_script(since, until):
    from pages.ui import dialogs

    dialogs.ask_backfill("daily_prices", since, until)


def newest(runtime, number):
    with runtime.database.reading() as connection:
        return runs.recent(connection, limit=number)


def test_agreeing_to_a_rerun_queues_each_date_once(busy):
    days = [TODAY - timedelta(days=2), TODAY - timedelta(days=3)]

    asked(rerun_script, days).button(key="rerun_yes").click().run()

    queued = newest(busy, 3)
    assert sorted(row["partition"] for row in queued if row["status"] == RunStatus.QUEUED) == sorted(days)
    assert {row["run_type"] for row in queued[:2]} == {RunType.RERUN}


def test_not_now_changes_nothing(busy):
    before = newest(busy, 1)

    asked(rerun_script, [TODAY - timedelta(days=2)]).button(key="rerun_no").click().run()

    assert newest(busy, 1) == before


def test_agreeing_to_a_cancel_stops_the_queued_run(busy):
    queued = commands(busy).run(PIPELINE, TODAY)

    asked(cancel_script, (queued.run_id,)).button(key="cancel_yes").click().run()

    assert newest(busy, 1)[0]["status"] == RunStatus.CANCELLED


def test_cancelling_what_has_ended_meanwhile_says_so(busy):
    ended = a_date(busy, Verdict.SESSION).run_id

    screen = asked(cancel_script, (ended,)).button(key="cancel_yes").click().run()

    assert not screen.exception
    assert "there is nothing to cancel" in words(screen)


def test_a_booking_needs_another_session_first(busy):
    run = a_date(busy, Verdict.SESSION)

    screen = asked(booking_script, (run.run_id,))

    assert screen.button(key="book_yes").disabled
    assert "Choose another session." in words(screen)


def test_agreeing_to_a_booking_reruns_the_file_for_that_session(busy):
    run = list(known(busy).values())[5]
    target = run.day - timedelta(days=1) if run.session_date != run.day - timedelta(days=1) else run.day
    screen = asked(booking_script, (run.run_id,))

    screen.date_input(key=f"book_{run.run_id}").set_value(target).run().button(key="book_yes").click().run()

    made = newest(busy, 1)[0]
    assert (made["book_to"], made["rerun_of"], made["partition"]) == (target, run.run_id, run.day)


def test_a_backfill_says_how_many_dates_and_how_long_before_it_starts(busy):
    screen = asked(backfill_script, TODAY - timedelta(days=30), TODAY - timedelta(days=27))

    assert "4 dates" in words(screen)
    assert "later sessions get their features anew: about" in words(screen)
    assert "Backfill 4 dates" in labels(screen)


def test_agreeing_to_a_backfill_queues_its_dates(busy):
    screen = asked(backfill_script, TODAY - timedelta(days=30), TODAY - timedelta(days=27))

    screen.button(key="backfill_yes").click().run()

    assert [row["run_type"] for row in newest(busy, 4)] == [RunType.BACKFILL] * 4


def newest_script():
    from pages.ui import dialogs

    dialogs.ask_backfill("daily_prices")


def test_a_backfill_begins_with_the_last_dates_that_have_a_file(busy, monkeypatch):
    ends = date(2025, 3, 31)
    monkeypatch.setattr("pages.ui.data.source_span", lambda: (date(2024, 3, 4), ends))

    screen = asked(newest_script)

    assert [screen.date_input(key=key).value for key in ("backfill_since", "backfill_until")] == [ends - timedelta(days=30), ends]
    assert not screen.warning


@pytest.mark.parametrize(
    ("days", "said"),
    [(2, "None of the 3 dates has a file"), (32, "2 of 33 dates have no file")],
)
def test_a_backfill_says_which_dates_have_no_file(busy, monkeypatch, days, said):
    ends = date(2025, 3, 31)
    monkeypatch.setattr("pages.ui.data.source_span", lambda: (date(2024, 3, 4), ends))
    first = ends + timedelta(days=1) if days == 2 else ends - timedelta(days=30)

    screen = asked(backfill_script, first, first + timedelta(days=days))

    assert said in words(screen)


def test_an_error_while_planning_is_shown_in_the_dialog(busy, monkeypatch):
    def refuse(*_arguments, **_options):
        raise SourceUnavailable("the source does not answer")

    monkeypatch.setattr(Services, "plan_backfill", refuse)

    screen = asked(backfill_script, TODAY - timedelta(days=20), TODAY - timedelta(days=1))

    assert not screen.exception
    assert "the source does not answer" in words(screen)
