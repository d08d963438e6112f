"""The Thresholds page: what another limit would have changed, saved with a reason, undone, and dates judged again."""

from types import SimpleNamespace

import pytest

from engine.services import Services
from engine.thresholds import SPECS
from pages.ui import data, thresholds_view
from pages.ui.shared import forget
from storage import runs, thresholds
from storage.backfills import recent as backfills
from tests.pages import console
from tests.pages.conftest import text_of
from tests.pages.gallery import LAST

ERROR = "close_inside_range.error_above"


def slider(app, key: str):
    return next(one for one in app.slider if one.key.startswith(f"turn_{key}_"))


def changes(store):
    with store.database.reading() as connection:
        return [(row["key"], row["value"], row["reason"]) for row in thresholds.history(connection)]


@pytest.fixture
def page(open_store, visit):
    """A console whose newest session has findings, on the sliders of one check."""
    store = open_store("flagged")
    return store, visit("thresholds.py", check="close_inside_range")


def test_every_threshold_is_listed_with_its_range_and_default(page):
    _, app = page

    table = next(frame.value for frame in app.dataframe if "Range" in frame.value)

    assert len(table) == len(SPECS)
    assert set(table["Changed"]) == {"never"}


def test_a_check_in_the_url_has_its_rule_and_a_slider_for_each_limit(page):
    _, app = page

    assert "Close lies between low and high." in text_of(app)
    assert [one.label for one in app.slider] == ["Warns above (% outside)", "Sets a row aside above (% outside)"]
    assert [one.label for one in app.toggle] == ["Switched on"]


def test_a_check_without_limits_to_turn_has_a_switch_alone(open_store, visit):
    open_store("flagged")

    app = visit("thresholds.py", check="high_not_below_low")

    assert (len(app.slider), len(app.toggle)) == (0, 1)
    assert "there is no limit to turn" in text_of(app)


def test_an_unknown_check_in_the_url_shows_the_gate(open_store, visit):
    open_store("flagged")

    app = visit("thresholds.py", check="no_such_check")

    assert not app.exception
    assert "#### the gate" in text_of(app)


@pytest.mark.parametrize(("group", "said"), [("breaker", "is not known"), ("stream.moving_average", "shows in the Replay lab")])
def test_a_limit_that_judges_no_row_has_its_sliders_and_says_where_its_effect_shows(open_store, visit, group, said):
    open_store("flagged")

    app = visit("thresholds.py", check=group)

    assert not app.exception
    assert said in text_of(app)
    assert app.slider


def test_a_turn_shows_what_it_would_have_changed_and_saves_nothing(page):
    store, app = page

    slider(app, ERROR).set_value(2.0).run()

    said = text_of(app)
    assert "1 session and 1 row would have come out otherwise:" in said
    assert "1 row more set aside, 1 row fewer with a flag" in said
    flips = next(frame.value for frame in app.dataframe if "Rows set aside" in frame.value)
    assert flips.to_dict("records") == [
        {"Session": LAST.isoformat(), "Rows set aside": "1 → 2", "Rows with a flag": "4 → 3", "The session": "passes"}
    ]
    assert changes(store) == []


def test_the_rows_that_change_are_named(page):
    _, app = page
    slider(app, ERROR).set_value(2.0).run()

    app.segmented_control(key="flips_of").set_value("Rows").run()

    rows = next(frame.value for frame in app.dataframe if "The row" in frame.value)
    assert rows.to_dict("records") == [{"Session": LAST.isoformat(), "Line": 44, "Symbol": "NICA", "The row": "warned → quarantined"}]


def test_a_turn_is_put_back_with_one_click(page):
    _, app = page
    slider(app, ERROR).set_value(2.0).run()

    app.button(key="turn_back").click().run()

    assert "As it stands" in text_of(app)
    assert slider(app, ERROR).value == SPECS[ERROR].default


def test_saving_asks_for_a_reason_and_for_nothing_else(page):
    store, app = page
    slider(app, ERROR).set_value(2.0).run()

    app.button(key="turn_save").click().run()

    assert "Give a reason" in text_of(app)
    assert changes(store) == []


def test_a_saved_turn_is_a_version_and_offers_the_dates_it_changes(page):
    store, app = page
    slider(app, ERROR).set_value(2.0).run()
    app.text_input(key="turn_reason_close_inside_range").input("closes that far out are never odd lots")
    app.button(key="turn_save").click().run()

    said = text_of(app)
    assert changes(store) == [(ERROR, 2.0, "closes that far out are never odd lots")]
    assert "Rerun the 1 date this changes" in said
    assert "Set to 2 by console" in said
    app.button(key="rerun_changed_now").click().run()
    assert not app.exception
    with store.database.reading() as connection:
        (owner,) = backfills(connection, limit=1)
        (run,) = runs.recent(connection, limit=1)
    assert (run["backfill_id"], run["partition"], owner["dates"]) == (owner["id"], LAST, 1)


def test_a_turn_that_somebody_else_overtook_is_not_saved_and_says_so(page):
    store, app = page
    slider(app, ERROR).set_value(3.0).run()
    app.text_input(key="turn_reason_close_inside_range").input("mine").run()
    Services(store.runtime, actor="asha").set_threshold(ERROR, 2.0, reason="hers")
    forget()

    app.button(key="turn_save").click().run()

    (error,) = app.error
    assert "asha set it to 2 meanwhile" in error.value
    assert "Your 3 was not saved" in error.value
    assert [change[2] for change in changes(store)] == ["hers"]
    assert not app.run().error


def test_a_turn_of_ones_own_is_no_surprise_once_it_is_saved(page):
    _, app = page
    slider(app, ERROR).set_value(2.0).run()
    app.text_input(key="turn_reason_close_inside_range").input("mine")

    app.button(key="turn_save").click().run()

    assert not app.error


def test_dates_that_are_being_judged_again_lead_to_their_runs(page):
    store, app = page
    Services(store.runtime, actor="asha").set_threshold(ERROR, 2.0, reason="hers")
    forget()
    app.run().button(key="rerun_changed_now").click().run()

    (link,) = (link for link in app.get("page_link") if link.proto.label == "See its runs")

    assert "runs 1 date" in text_of(app)
    assert (link.proto.page, link.proto.query_string) == ("runs", "backfill=1")
    assert "would come out otherwise" not in text_of(app)


def test_dates_are_not_offered_again_once_they_were_judged_anew(tmp_path_factory, tmp_path, monkeypatch, visit):
    runtime = console.open_console(console.busy_home(tmp_path_factory, tmp_path), monkeypatch)
    console.commands(runtime).set_threshold("gate.block_above", 0.5, reason="for a test")
    forget()
    app = visit("thresholds.py")
    app.button(key="rerun_changed_now").click().run()
    opened = data.open_backfill()
    monkeypatch.setattr(console, "forget", lambda: None)  # a runner is another process: it forgets nothing of ours
    console.execute_queued(runtime)
    answers = iter([opened])  # at the first look of the page it is open, at the second one it has ended
    monkeypatch.setattr(thresholds_view, "data", SimpleNamespace(open_backfill=lambda: next(answers, None)))

    app.run()

    assert not app.exception
    assert next(answers, None) is None
    assert "would come out otherwise now" not in text_of(app)


def test_both_limits_of_a_check_can_be_saved_together(page):
    store, app = page
    slider(app, ERROR).set_value(2.0).run()
    slider(app, "close_inside_range.warn_above").set_value(1.0).run()

    app.text_input(key="turn_reason_close_inside_range").input("both")
    app.button(key="turn_save").click().run()

    assert sorted(change[0] for change in changes(store)) == [ERROR, "close_inside_range.warn_above"]


def test_who_changed_a_limit_when_and_why_stands_beside_it(open_store, visit):
    open_store("tuned")

    app = visit("thresholds.py", check="close_inside_range")

    assert "Set to 2 by asha, 3 Jun 2025 19:50: Too many false alarms <i>lately</i>." in text_of(app)
    assert "Version 2, since 3 Jun 2025 19:50" in text_of(app)


def test_the_newest_change_of_a_limit_can_be_undone_from_its_history(open_store, visit):
    store = open_store("tuned")
    app = visit("thresholds.py")

    app.button(key="undo_2").click().run()

    assert changes(store)[0][:2] == (ERROR, 10.0)
    assert [toast.value for toast in app.toast] == ["Set back; it holds from the next run on."]


def test_only_dates_whose_session_would_come_out_otherwise_are_offered(open_store, visit):
    open_store("tuned")

    assert "Rerun the 1 date this changes" in text_of(visit("thresholds.py"))


def test_labels_become_precision_and_recall(open_store, visit):
    open_store("labelled")

    said = text_of(visit("thresholds.py", check="close_inside_range"))

    assert "By 2 labelled findings. At the lowest limit: precision 50%, recall 100%." in said


def test_without_labels_the_page_says_where_they_come_from(page):
    _, app = page

    assert "Nobody has said yet" in text_of(app)


def test_limits_are_found_by_a_word_of_their_rule(page):
    _, app = page

    app.text_input(key="limits_find").input("tick of that date").run()

    table = next(frame.value for frame in app.dataframe if "Range" in frame.value)
    assert set(table["Check"]) == {"tick grid"}


def test_limits_that_were_changed_can_be_listed_alone(open_store, visit):
    open_store("tuned")
    app = visit("thresholds.py")

    app.segmented_control(key="limits_shown").set_value("Changed from their default").run()

    table = next(frame.value for frame in app.dataframe if "Range" in frame.value)
    assert list(zip(table["Check"], table["Now"], strict=True)) == [("close inside range", "2"), ("gate", "10")]
