"""The Rebuild page: nothing yet, a version that is being built, one that is equal, one that differs, and what is done with it."""
# ruff: noqa: PLC0415 the scripts are copied out of this module and import for themselves

import pytest

from engine.jobs.worker import Worker
from pages.ui.shared import forget
from storage.status import VersionState
from tests.pages.conftest import asked, text_of, use
from tests.stream.homes import LIMIT, opened
from tests.stream.tapes import DAY


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home whose stream has come to the end of a session with many alerts."""
    made = opened(tmp_path)
    made.services.set_threshold(LIMIT, 2, reason="many alerts")
    made.stream()
    use(made.runtime, monkeypatch)
    yield made
    made.runtime.database.close()


def rebuild_script():
    from pages.ui.version_dialogs import ask_rebuild

    ask_rebuild()


def decide_script(question):
    from pages.ui import version_data, version_dialogs

    getattr(version_dialogs, question)(version_data.versions()[0])


def tiles(app) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def press(app, label: str):
    """Press a button and follow the page."""
    next(button for button in app.button if button.label == label).click()
    app.run()
    forget()
    return app


def test_before_the_first_version_it_says_what_one_is_and_offers_to_build_it(home, visit):
    app = visit("rebuild.py")

    assert "No session has been rebuilt yet" in text_of(app)
    assert "Rebuild sessions…" in text_of(app)


def test_before_the_first_session_is_over_it_leads_to_the_stream(tmp_path, monkeypatch, visit):
    made = opened(tmp_path)
    use(made.runtime, monkeypatch)

    said = text_of(visit("rebuild.py"))

    assert "No session of the stream is over yet" in said
    assert "Rebuild sessions…" not in said
    made.runtime.database.close()


def test_a_version_that_is_asked_for_in_the_dialog_is_built_under_the_thresholds_chosen_there(home, visit):
    app = asked(rebuild_script)
    app.multiselect(key="rebuild_keys").set_value([LIMIT])
    app.run()
    app.number_input(key=f"rebuild_{LIMIT}").set_value(4.0)
    app.run()
    press(app, "Rebuild")
    assert "Give a reason" in text_of(app)
    app.text_input(key="rebuild_reason").set_value("fewer at the opening")
    app.run()
    press(app, "Rebuild")

    made = home.state_of(1)
    assert (made["turned"], made["reason"], made["requested_by"]) == ({LIMIT: 4.0}, "fewer at the opening", "console")
    said = text_of(visit("rebuild.py"))
    assert "Version 1 is being built: 0 of 1 session done" in said
    assert "No runner is alive: it waits for one." in said


def test_a_version_that_is_equal_says_so_in_one_sentence(home, visit):
    home.rebuild()

    app = visit("rebuild.py")

    assert not app.exception
    assert "Version 1 comes to the very same as what is served" in app.success[0].value
    assert set(tiles(app).values()) == {"all equal"}


def test_a_version_that_differs_lists_what_and_why_and_is_promoted_and_taken_back(home, visit):
    home.rebuild(limit=4)
    app = visit("rebuild.py")
    assert "Version 1 differs from what is served in" in app.warning[0].value
    assert tiles(app)["Bars"] == "all equal"
    frame = next(frame.value for frame in app.dataframe if "Why, or what differs" in frame.value)
    assert any("is not above 4, the limit of the version" in why for why in frame["Why, or what differs"])

    press(asked(decide_script, "ask_promote"), "Promote")
    assert home.state_of(1)["state"] == VersionState.PROMOTED
    assert "Version 1 is served" in text_of(visit("stream.py", session=DAY.isoformat()))
    app = visit("rebuild.py")
    assert "Version 1 is served, promoted by console; what was served before is kept" in app.success[0].value
    assert "Drop…" not in text_of(app)

    press(asked(decide_script, "ask_undo"), "Take it back")
    assert home.state_of(1)["state"] == VersionState.BUILT


def test_a_version_that_is_dropped_says_by_whom_and_the_next_one_is_shown(home, visit):
    home.rebuild()
    home.rebuild(limit=4)

    press(asked(decide_script, "ask_drop"), "Drop")

    assert "Version 2 was dropped by console" in text_of(visit("rebuild.py", version="2"))
    assert "Version 1 comes to the very same" in text_of(visit("rebuild.py"))


def test_a_build_that_nobody_goes_on_with_can_be_taken_up_again(home, visit):
    home.services.rebuild_sessions(DAY, DAY, reason="to see")
    with home.runtime.database.transaction() as connection:  # as the keeper does with a job that took its processes with it
        connection.exec_driver_sql("UPDATE job_run SET outcome = 'failed'")
    forget()

    app = visit("rebuild.py")
    assert "has died too often" in text_of(app)
    press(app, "Go on")

    Worker(home.runtime).serve()
    assert home.state_of(1)["state"] == VersionState.BUILT


def test_a_session_that_cannot_be_built_says_why(home, visit):
    (file,) = (home.runtime.lake.folder / "ticks").rglob("*.parquet")
    file.write_bytes(b"torn")
    home.rebuild()

    said = text_of(visit("rebuild.py"))

    assert "Version 1 is not whole: 1 session of 1 cannot be built" in said
    assert file.name in said
    assert "Promote…" not in said


def test_an_address_that_names_no_version_says_so_and_shows_the_newest(home, visit):
    home.rebuild()

    said = text_of(visit("rebuild.py", version="77"))

    assert "The address names 77, a version that there is not" in said.replace("*", "")
    assert "Version 1 comes to the very same" in said
