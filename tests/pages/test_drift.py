"""The Drift page: what it says in each state, what a click chooses, what a slider would change, and what a person can say."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine.drift.limits import BUDGET
from engine.drift.watched import FEATURES, Kind
from engine.services import Services
from pages.ui import drift_data, drift_words
from pages.ui.charts import drift as charts
from pages.ui.charts.heat import Cell, heat
from pages.ui.shared import forget
from storage import drift, thresholds
from storage.status import DriftLabel, DriftVerdict
from tests.drift.market import day
from tests.pages.conftest import text_of
from tests.pages.gallery_drift import DRIFT_STATES, DRIFTED, NUMBERS

BEFORE = day(NUMBERS - 2)
MUST_SEE = {
    "drift_begins": ["Too few sessions before it to compare with", "There are too few sessions yet"],
    "drift_uncalibrated": ["uncalibrated: ", "of the 60 sessions that are needed"],
    "drifting": ["Closes off the tick grid", "What is it?", "Why: Closes off the tick grid", "at most 1 alarm a month"],
    "drift_labelled": ["says asha", "seen before", "Take it back"],
}


# The harness forgets an open dialog at the next click; this script asks again each time it runs.
def label_script(session):
    from pages.ui import drift_dialogs  # noqa: PLC0415
    from storage.status import DriftLabel  # noqa: PLC0415

    drift_dialogs.ask_label(session, DriftLabel.FAULT)


@pytest.mark.parametrize("state", DRIFT_STATES)
def test_it_says_what_matters_in_a_state(state, open_store, visit):
    open_store(state)

    app = visit("drift.py")

    assert not app.exception
    said = text_of(app)
    assert [sentence for sentence in MUST_SEE[state] if sentence not in said] == []


def test_what_is_over_the_textbooks_limits_without_an_alarm_is_counted_and_the_farthest_feature_is_open(open_store, visit):
    store = open_store("drift_uncalibrated")
    with store.database.reading() as connection:
        session = drift.newest(connection, limit=1)[0]["session"]
        rows = [row for row in drift.distances_of(connection, session) if not drift_words.is_market(row["feature"])]
    over = [row for row in rows if row["verdict"] == DriftVerdict.UNCALIBRATED]
    farthest = max(rows, key=lambda row: abs(row["value"] or 0) / row["limit"])["feature"]

    app = visit("drift.py")

    assert over
    assert farthest != drift_words.FEATURES[0]
    assert f"{len(over)} beyond the textbook" in text_of(app)
    assert "Nothing stands out" not in text_of(app)
    assert next(tile.value for tile in app.metric if tile.label == "Beyond a limit") == str(len(over))
    assert next(box.value for box in app.selectbox if box.label == "Feature") == farthest


def test_an_older_session_is_in_the_address_and_is_as_usual(open_store, visit):
    open_store("drifting")

    app = visit("drift.py", session=BEFORE.isoformat())

    assert [banner.value for banner in app.success] == ["**As usual\\.**"]


def test_a_session_and_a_parameter_that_it_does_not_know_are_said(open_store, visit):
    open_store("drifting")

    said = text_of(visit("drift.py", session="2020-01-01", day="2020-01-01"))

    assert "a session that was not compared with others" in said
    assert "which this page does not know" in said


def test_an_address_that_names_no_date_is_said_once(open_store, visit):
    open_store("drifting")

    app = visit("drift.py", session="garbage")

    assert [note.value for note in app.warning] == [
        "The address says **session=garbage**, which is passed over: `session` takes a date such as 2025-06-01."
    ]


def test_tiles_and_map_speak_of_the_same_sessions(open_store, visit):
    open_store("drifting")
    known = drift_data.reports()
    early = known[10]

    around = drift_data.around(known, early)
    tiles = {tile.label: tile for tile in visit("drift.py", session=early.session.isoformat()).metric}

    assert (around[0], early in around, known[-1] in around) == (known[0], True, False)
    assert tiles["Alarms"].value == "0"  # the alarm is the newest session's, which the map does not show
    assert tiles["Alarms"].delta == f"of the {len(around)} sessions below"
    assert drift_data.around(known, known[-1]) == known[-60:]


def test_an_alarm_says_which_rows_it_counts_and_names_statistics_as_the_page_does(open_store, visit):
    open_store("drifting")
    report = drift_data.reports()[-1]

    label, counted = drift_words.driven_by(report.explained["off_grid"], "off_grid")[-1]
    said = text_of(visit("drift.py"))

    assert label == "Rows it counts"
    assert re.fullmatch(r"\d\d of 60: (S\d\d\d, ){4}S\d\d\d and \d\d more", counted)
    assert "z of the session" in report.headline
    assert not [name for name in ("robust z", "psi", "discoveries", "off_grid") if name in said]


def test_what_drives_an_alarm_is_named_for_sectors_symbols_and_numbers_of_rows_or_said_to_be_no_one():
    nothing = {"sectors": [], "symbols": []}  # as reports of long ago have it
    far = [{"group": "Banks: volume", "rows": 1, "share": -4.21}]
    counts = [{"group": "Hydropower", "rows": 60, "usual": 88.0}]

    assert drift_words.driven_by(nothing | {"far": far}, "sectors") == [
        ("Sectors far from their own past", r"Banks\: volume -4.2 robust deviations")
    ]
    assert drift_words.driven_by(nothing | {"counts": counts}, "rows") == [("Symbols of a sector", "Hydropower 60 instead of 88")]
    assert drift_words.driven_by(nothing, "range") == [("Driven by", "no one sector or symbol: what drives it is spread over all of them")]


def test_the_legend_has_the_colours_of_the_cells(monkeypatch):
    monkeypatch.setattr(charts.theme, "hexadecimal", lambda _name: "#000000")
    monkeypatch.setattr(charts.theme, "surface", lambda _name: "#ffffff")

    option = heat(["Return"], ["1 Jun"], [Cell(0, 0, "warm", "")], shades=charts.shades(), chosen=(None, None))["baseOption"]

    assert option["visualMap"]["pieces"] == [{"value": 1, "label": "above half its limit", "color": "#8c8c8c"}]


@pytest.mark.parametrize("feature", drift_words.FEATURES)
def test_every_feature_can_be_looked_at(feature, open_store, visit):
    open_store("drifting")

    app = visit("drift.py", feature=feature)

    assert not app.exception
    assert drift_words.meaning(feature) in text_of(app)


def test_another_budget_shows_what_it_would_have_changed_and_is_saved_with_a_reason(open_store, visit):
    store = open_store("drifting")
    app = visit("drift.py")
    slider = next(one for one in app.slider if one.label == "Alarms allowed a month")

    slider.set_value(8.0).run()
    assert "At most 8 alarms a month, over everything that is watched." in text_of(app)
    app.text_input(key="drift_reason").set_value("two people look").run()
    app.button(key="drift_save_turn").click().run()

    assert not app.exception
    with store.database.reading() as connection:
        assert thresholds.values_at(connection, thresholds.version(connection)) == {BUDGET.key: 8.0}


def test_a_person_says_what_it_was(open_store, visit):
    store = open_store("drifting")
    assert not visit("drift.py").button(key="label_fault").click().run().exception
    app = AppTest.from_function(label_script, args=(DRIFTED,)).run()
    app.text_input(key="label_reason").set_value("a wrong file")

    app.button(key="label_yes").click().run()

    with store.database.reading() as connection:
        (said,) = drift.labels(connection)
    assert (said["session"], said["label"], said["reason"]) == (DRIFTED, DriftLabel.FAULT, "a wrong file")


def test_the_heat_map_has_a_row_for_all_but_what_the_market_did(open_store):
    open_store("drifting")
    book = drift_data.book()

    assert len(book.sessions) == NUMBERS
    assert book.is_drift()[-1].any()
    assert [name for name in drift_words.FEATURES if drift_words.is_market(name)] == [
        feature.name for feature in FEATURES if feature.kind is Kind.MARKET
    ]


def test_a_cell_that_was_clicked_is_found_again_by_its_place_and_told_by_its_sign(monkeypatch):
    monkeypatch.setattr(charts.theme, "hexadecimal", lambda _name: "#123456")
    monkeypatch.setattr(charts.theme, "surface", lambda _name: "#654321")
    cells = [Cell(0, 0, "quiet", "psi 0.01"), Cell(1, 0, "alarm", "z 77")]

    option = heat(["Return", "Rows"], ["1 Jun"], cells, shades=charts.shades(), chosen=(1, 0))["baseOption"]

    source = option["dataset"]["source"]
    assert source["row"].tolist() == ["Return", "Rows"]
    assert source["sign"].tolist() == ["", "●"]
    assert [piece["label"] for piece in option["visualMap"]["pieces"]] == ["usual", "● alarm"]


def test_two_distributions_are_shares_of_their_rows(open_store, monkeypatch):
    open_store("drifting")
    found = drift_data.overlay(DRIFTED, "log_return")

    assert found is not None
    assert found.reference.sum() == pytest.approx(1)
    assert found.current.sum() == pytest.approx(1)
    assert len(found.edges) == len(found.current) + 1
    assert drift_data.overlay(DRIFTED, "rows") is None


def test_budgets_are_told_in_words():
    assert drift_words.budget(1.0) == "at most 1 alarm a month"
    assert drift_words.budget(2.0) == "at most 2 alarms a month"
    assert drift_words.budget(0.25) == "at most 1 alarm in 4 months"


def test_a_turned_budget_costs_no_recomputation_of_the_past(open_store):
    open_store("drifting")
    book = drift_data.book()
    floors = np.zeros(book.values.shape[1])

    assert drift_data.book() is book
    few, many = (book.past.alarms(floors, budget).any(axis=1).sum() for budget in (0.2, 8.0))
    assert few <= many


def test_the_overview_names_an_alarm_until_somebody_has_spoken_about_it(open_store, visit):
    store = open_store("drifting")
    assert "does not look like the sessions before" in text_of(visit("overview.py"))

    Services(store.runtime, actor="asha").label_drift(DRIFTED, DriftLabel.MARKET, reason="seen before")
    forget()

    assert "does not look like the sessions before" not in text_of(visit("overview.py"))
