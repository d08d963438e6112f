"""The lifecycle on the Safety page: the plan before anything is applied, and an undo that says how many files it gives back."""
# ruff: noqa: PLC0415 the scripts are copied out of this module and import for themselves

from datetime import date, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from engine.jobs.worker import Worker
from engine.services import Services
from pages.ui.shared import forget
from storage import lake, lifecycle, packs
from storage.lake import bytes_content
from tests.pages.conftest import text_of
from tests.pages.gallery import NOW


@pytest.fixture
def store(open_store):
    """A store with a closed month of ten bronze files."""
    made = open_store("healthy")
    with made.database.transaction() as connection:
        for number in range(10):
            day = date(2025, 1, 5) + timedelta(days=number)
            version = made.runtime.lake.write("bronze", day, bytes_content(b"%d" % number, suffix=".csv.gz"))
            lake.publish(connection, version, run_id=None, at=NOW, simulated=made.runtime.simulated)
    return made


# The harness forgets an open dialog at the next click; these scripts ask again each time they run.
def apply_script():
    from pages.ui import lifecycle_view

    lifecycle_view.ask_apply()


def undo_script():
    from pages.ui import lifecycle_data, lifecycle_view

    lifecycle_view.ask_undo(lifecycle_data.standing().steps[-1])


def asked(script):
    return AppTest.from_function(script, default_timeout=30).run()


def packed(store) -> int:
    with store.database.reading() as connection:
        return int(packs.sums(connection)["packs"])


def waiting(store) -> list[tuple[str, str]]:
    with store.database.reading() as connection:
        return [(row["kind"], row["requested_by"]) for row in lifecycle.waiting(connection)]


def test_the_plan_is_shown_before_it_can_be_applied(store, visit):
    said = text_of(visit("safety.py"))
    app = asked(apply_script)

    assert "Closed months can be packed: 10 files become 1." in said
    assert "nothing is dropped" in text_of(app)
    assert (packed(store), waiting(store)) == (0, [])
    app.button(key="lifecycle_apply").click().run()
    assert not app.exception
    assert waiting(store) == [("apply", "console")]


def test_what_was_applied_can_be_undone_and_it_is_said_how_many_files_come_back(store, visit):
    Services(store.runtime, actor="test").apply_lifecycle()
    Worker(store.runtime).serve()
    forget()
    app = visit("safety.py")
    assert "1 pack of closed months" in text_of(app)
    assert app.button(key="lifecycle_undo_1").label == "Undo"

    question = asked(undo_script)
    assert "**10 files** come back" in text_of(question)
    question.button(key="lifecycle_undo_yes").click().run()
    assert waiting(store) == [("undo", "console")]
    Worker(store.runtime).serve()
    assert packed(store) == 0


def test_where_every_closed_month_is_packed_there_is_nothing_to_apply(open_store, visit):
    open_store("empty")

    assert "Every closed month is packed." in text_of(visit("safety.py"))
    assert "There is nothing to do" in "\n".join(each.value for each in asked(apply_script).info)
