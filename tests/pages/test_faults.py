"""What a page says while source, database or disk are not well: one clear sentence, and what is in the lake can still be read."""

import pytest
from streamlit.testing.v1 import AppTest

from engine.errors import SourceUnavailable
from engine.sources.simulated import SimulatedExchange
from pages.ui import data
from pages.ui.shared import forget
from tests.pages.conftest import text_of


@pytest.fixture
def gone(open_store, monkeypatch):
    """A healthy console whose source was seen, and vanished."""
    open_store("healthy")
    data.source()
    forget()

    def refuse(_self):
        raise SourceUnavailable("The folder daily was there and is gone. Is it mounted?")

    monkeypatch.setattr(SimulatedExchange, "span", refuse)
    monkeypatch.setattr(SimulatedExchange, "reference", refuse)


@pytest.mark.parametrize("page", ["overview.py", "runs.py", "run.py", "pipelines.py"])
def test_every_page_is_drawn_while_the_source_is_gone(gone, visit, page):
    app = visit(page)

    assert not app.exception


def test_the_overview_names_a_source_that_is_gone_and_still_shows_the_sessions(gone, visit):
    said = text_of(visit("overview.py"))

    assert "The source cannot be read now" in said
    assert "Is it mounted?" in said
    assert "30 of 30" in said


def test_the_pipelines_page_says_so_where_the_source_stands_with_the_dates_last_seen(gone, visit):
    app = visit("pipelines.py")

    assert [error.value.replace("\\", "") for error in app.error] == ["The folder daily was there and is gone. Is it mounted?"]


def locked_command() -> None:
    import streamlit as st  # noqa: PLC0415, the script of a page
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415, as above

    from pages.ui.actions import perform  # noqa: PLC0415, as above

    def refused() -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    if st.button("Run", key="run"):
        perform("Queued.", refused)
    st.caption("the rest of the page")


def test_a_click_on_a_locked_database_is_refused_in_a_sentence_and_the_page_goes_on(open_store):
    open_store("healthy")
    app = AppTest.from_function(locked_command).run()

    app.button(key="run").click().run()

    assert "The database did not do it: database is locked" in app.error[0].value.replace("\\", "")
    assert "the rest of the page" in text_of(app)
    assert not app.exception


def test_the_overview_says_that_the_disk_is_nearly_full(open_store, visit, monkeypatch):
    open_store("healthy")
    monkeypatch.setattr(data, "free_bytes", lambda _folder: 10**8)

    said = text_of(visit("overview.py"))

    assert "The disk is nearly full" in said
    assert "100.0 MB are free" in said
