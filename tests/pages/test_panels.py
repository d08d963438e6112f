"""The panel of a backfill that goes on: how long it will take, and what is asked before it ends."""
# ruff: noqa: PLC0415 the script is copied out of this module and imports for itself

from datetime import UTC, date, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.panels import time_left
from pages.ui.views import TileView
from storage import backfills
from storage.status import BackfillState, RunStatus, Verdict
from tests.pages.conftest import text_of

FIRST, START = date(2025, 6, 1), datetime(2025, 6, 1, 12, 15, tzinfo=UTC)


def tiles(*ends: float, left: int) -> list[TileView]:
    """Dates that ended so many seconds after the start, and those that are still to come."""
    done = [TileView(n, FIRST + timedelta(n), RunStatus.SUCCEEDED, None, None, START + timedelta(seconds=at)) for n, at in enumerate(ends)]
    return done + [TileView(100 + n, FIRST + timedelta(100 + n), RunStatus.QUEUED, None, None) for n in range(left)]


@pytest.mark.parametrize(("ends", "left", "seconds"), [((1, 2, 3), 10, 10), ((1, 1.5, 2, 2.5), 10, 5), ((1, 2, 3), 0, 0)])
def test_a_backfill_takes_as_long_as_its_own_pace_says(ends, left, seconds):
    assert time_left(tiles(*ends, left=left)) == timedelta(seconds=seconds)


def test_a_pause_does_not_count_as_pace():
    assert time_left(tiles(1, 2, 3, 600, 601, left=10)) == timedelta(seconds=10)


def test_before_two_dates_have_ended_there_is_no_pace():
    assert time_left(tiles(1, left=10)) is None


def test_a_running_backfill_says_how_long_it_will_take(open_store, visit, monkeypatch):
    open_store("backfill_running")
    monkeypatch.setattr("pages.ui.data.tiles", lambda _id: tiles(1, 2, 3, left=120))

    assert "3 of 123 dates, about 2 min left" in text_of(visit("overview.py"))


def cancel_script(backfill):
    from pages.ui import data, dialogs

    dialogs.ask_cancel_backfill(data.backfills()[0], queued=backfill)


def test_cancelling_a_backfill_asks_first_and_says_how_many_dates_will_not_be_run(open_store, visit):
    store = open_store("backfill_running")
    app = visit("overview.py")

    app.button(key="backfill_cancel").click().run()

    assert "**17 queued dates** will not be run." in text_of(app)
    with store.database.reading() as connection:
        assert backfills.one(connection, 1)["state"] == BackfillState.RUNNING


def test_agreeing_cancels_the_backfill(open_store):
    store = open_store("backfill_running")

    AppTest.from_function(cancel_script, args=(17,), default_timeout=30).run().button(key="backfill_cancel_yes").click().run()

    with store.database.reading() as connection:
        assert backfills.one(connection, 1)["state"] == BackfillState.CANCELLED


def test_past_backfills_say_how_many_of_their_dates_failed(open_store, visit):
    store = open_store("backfill_failing")
    store.run(FIRST, RunStatus.CRASHED, backfill=1)
    store.run(FIRST + timedelta(1), RunStatus.FAILED, verdict=Verdict.MISSING, reason="no file", backfill=1)  # has not failed

    (table,) = [one.value for one in visit("pipelines.py").table if "Backfill" in one.value]

    assert list(zip(table["Backfill"], table["Failed"], strict=True)) == [("1", 2)]
