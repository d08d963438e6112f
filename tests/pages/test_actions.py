"""What a button does, and what the person is told."""

from streamlit.testing.v1 import AppTest

from storage import runs
from tests.pages.conftest import text_of
from tests.pages.gallery import LAST, PIPELINE


def refused_command() -> None:
    """A page with one button whose command names a run that does not exist."""
    import streamlit as st  # noqa: PLC0415, the script runs in a module of its own

    from pages.ui.actions import perform, services, show_notice  # noqa: PLC0415

    show_notice()
    if st.button("Cancel", key="cancel"):
        perform("Cancelled.", services().cancel, 404)
    st.caption("the rest of the page")


def one_button() -> None:
    """A page with one button that runs a date."""
    from datetime import date  # noqa: PLC0415, the script runs in a module of its own

    import streamlit as st  # noqa: PLC0415

    from pages.ui.actions import perform, request_key, services, show_notice  # noqa: PLC0415

    show_notice()
    st.caption(request_key("run"))
    if st.button("Run", key="run"):
        perform("Queued.", services().run, "daily_prices", date(2025, 6, 3), request_key=request_key("run"))


def test_an_error_of_ours_is_shown_where_the_button_is_and_the_page_goes_on(open_store):
    open_store("healthy")
    app = AppTest.from_function(refused_command).run()

    app.button(key="cancel").click().run()

    assert [error.value for error in app.error] == ["there is no run 404"]
    assert "the rest of the page" in text_of(app)
    assert not app.exception


def test_a_success_is_said_once(open_store):
    open_store("healthy")
    app = AppTest.from_function(one_button).run()

    app.button(key="run").click().run()
    said = [toast.value for toast in app.toast]
    app.run()

    assert said == [f"Run 72 of {LAST} is queued."]
    assert not app.toast


def test_clicking_twice_makes_one_run(open_store):
    store = open_store("healthy")
    app = AppTest.from_function(one_button).run()

    app.button(key="run").click().run()
    app.button(key="run").click().run()

    assert [toast.value for toast in app.toast] == [f"{LAST} has a run queued or running already: run 72."]
    with store.database.reading() as connection:
        assert len(runs.recent(connection, pipeline=PIPELINE, partition=LAST)) == 2


def test_a_request_keeps_its_key_until_it_has_succeeded(open_store):
    open_store("healthy")
    app = AppTest.from_function(one_button).run()
    first = app.caption[0].value
    kept = app.run().caption[0].value

    app.button(key="run").click().run()

    assert kept == first
    assert app.caption[0].value != first
