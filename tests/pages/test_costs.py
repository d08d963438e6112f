"""The Costs page: what it says first, what its sliders change, what an address holds, and scenarios that are kept."""

import re
from collections.abc import Callable, Iterator
from datetime import time, timedelta
from decimal import Decimal

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from engine.billing.forecast import lake_ahead
from engine.billing.workloads import Unmeasured
from engine.costs.compute import Spot
from engine.costs.crossings import Crossing, TierLine
from engine.costs.price_book import Currency
from engine.costs.question import Question
from engine.costs.what_if import months_of
from engine.pipeline.graph import Due
from pages.ui import cost_lab_data
from pages.ui import cost_words as words
from pages.ui.charts import analysis
from pages.ui.cost_compute import in_time
from pages.ui.shared import forget
from storage import packs, scenarios
from tests.pages.conftest import text_of, use
from tests.pipelines.house import SUNDAY, House

DATES = 14  # ten sessions, of which a trend can be made


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> House:
    house = House(tmp_path_factory.mktemp("costs"))
    days = [SUNDAY + timedelta(days=number) for number in range(DATES)]
    sessions = [day for day in days if day.weekday() not in (4, 5)]
    house.announce({day: day in sessions for day in days})
    for number, day in enumerate(sessions):
        house.session(day, number)
    house.backfill(days[0], days[-1])
    return house


@pytest.fixture
def house(built, monkeypatch) -> Iterator[House]:
    use(built.runtime, monkeypatch)
    yield built
    forget()


def amounts(app: AppTest) -> tuple[str, str]:
    """Return what A and B cost."""
    metrics = {metric.label[:2]: metric.value for metric in app.metric}
    return metrics["A:"], metrics["B:"]


def test_an_empty_home_says_that_nothing_was_measured(open_store: Callable, visit):
    open_store("empty")

    said = text_of(visit("costs.py"))
    assert "Nothing has cost anything yet" in said
    assert "There is nothing to ask about yet" in said


def test_it_says_first_that_the_bill_is_small_and_where_the_next_rupee_would_be_saved(house, visit):
    said = text_of(visit("costs.py"))

    assert "This month the pipelines have cost" in said
    assert "under a dollar" in said
    assert "The next rupee would be saved by" in said
    assert "Stay in Standard, compact closed months first" in said


def test_what_is_stored_now_leaves_out_what_is_yet_to_come(house, visit):
    assert f"in {len(house.read(packs.stored))} objects" in text_of(visit("costs.py"))


def test_the_page_and_the_command_line_foresee_the_same_bytes(house, visit):
    known = cost_lab_data.workload()
    assert not isinstance(known, Unmeasured)

    assert months_of(known, Question(horizon=24)) == house.read(lake_ahead, 24).months


def test_a_slider_of_the_world_moves_both_scenarios_and_the_address(house, visit):
    app = visit("costs.py")
    before = amounts(app)
    app.select_slider(key="cost_scale_0").set_value(1000).run()

    assert not app.exception
    after = amounts(app)
    assert after[0] == after[1]
    assert after[0] != before[0]
    assert app.query_params["scale"] == "1000"


def test_a_slider_of_b_moves_b_alone_and_is_put_back_at_once(house, visit):
    app = visit("costs.py")
    app.select_slider(key="cost_spot_0").set_value(100).run()

    a, b = amounts(app)
    assert a != b
    assert "less than A" in text_of(app)
    app.button(key="cost_put_back_now").click().run()
    assert amounts(app)[1] == a
    assert "spot" not in app.query_params


def test_a_warmer_class_that_data_would_skip_is_said(house, visit):
    note = "the step to Standard IA is left out"
    assert note in text_of(visit("costs.py", warm_at="12", cold_at="3"))
    assert note not in text_of(visit("costs.py", warm_at="3", cold_at="12"))


def test_what_is_compared_reads_as_a_sentence():
    assert words.against(Decimal(10), Decimal(66), "A") == "6.6 times as much as A"
    assert words.against(Decimal(10), Decimal(5), "A") == "50% less than A"
    assert words.against(Decimal(0), Decimal(5), "A") == "more than A"
    assert words.against(Decimal(100_000), Decimal(99_999), "A") == "hardly less than A"
    assert words.with_names("one_zone_ia from 3 months on, glacier_flexible from 12 months on") == (
        "One Zone IA from 3 months on, Glacier Flexible from 12 months on"
    )


def test_an_address_is_a_scenario(house, visit):
    app = visit("costs.py", compact="true", warm_at="3", scale="1000", currency="NPR", columns="close")

    assert not app.exception
    assert all(value.endswith("NPR") for value in amounts(app))
    assert app.toggle(key="cost_compact_0").value
    assert "read out of Standard IA" in text_of(app)


def test_every_amount_opens_its_formula_with_the_source_and_date_of_its_price(house, visit):
    said = text_of(visit("costs.py"))

    assert "x 0.028338 USD per vCPU-hour" in said
    assert "storage.standard: usage.ai" in said
    assert "2026-06-05" in said


def test_what_interruptions_do_to_a_run_is_said_and_spot_that_does_not_pay_is_called_that(house, visit):
    assert "At 60% off it pays" in text_of(visit("costs.py", spot="60"))

    rough = visit("costs.py", spot="60", interrupted="99", discount="0", scale="1000")
    assert "does **not** pay" in text_of(rough)


def test_whether_a_session_on_spot_would_be_in_time_is_said(house, visit):
    assert "It is due at 18:00, and promised by 19:00: of 20,000 simulated runs on spot, interruptions made none late" in text_of(
        visit("costs.py", spot="60")
    )
    assert "due at" not in text_of(visit("costs.py"))


def test_a_deadline_is_said_to_be_missed_by_interruptions_or_by_the_work_itself():
    rough, due = Spot(Decimal("0.5"), Decimal("0.1")), Due(time(18))

    assert re.search(r"\*\*7,\d{3} were late\*\* by interruptions", in_time(Decimal("0.9"), rough, due, loaded_by=19.0))
    assert "promised by 18:30: a run takes 54 min even where nothing" in in_time(Decimal("0.9"), rough, due, loaded_by=18.5)
    assert not in_time(Decimal("0.9"), rough, None, loaded_by=19.0)


def test_runs_that_never_used_more_than_one_vcpu_have_no_curve(house, visit):
    app = visit("costs.py", vcpus="4")

    assert "There is no curve of time over vCPUs to draw" in text_of(app)
    assert "cost_curve_rows" not in {frame.key for frame in app.dataframe}


def test_what_is_carried_out_of_the_cloud_is_asked_for_and_said_not_to_be_measured(house, visit):
    assert "nothing is carried out of the cloud unless the slider says so" in text_of(visit("costs.py"))

    app = visit("costs.py", out="500", horizon="1")
    assert not app.exception
    assert "assumed, the part above 100 GB" in text_of(app)


def test_values_and_books_that_mean_nothing_are_said(house, visit):
    app = visit("costs.py", growth="much", book="nowhere", against="nobody")

    said = text_of(app)
    assert not app.exception
    assert "values for growth that mean nothing" in said
    assert "no price book is called 'nowhere'" in said
    assert "compares with **nobody**, which is not kept" in said


def test_another_price_book_brings_its_own_engines_and_classes(house, visit):
    app = visit("costs.py", book="textbook", warm_at="1", cold_at="12")

    assert not app.exception
    assert [error.value for error in app.error] == []
    assert app.selectbox(key="cost_engine_0").value == "bigquery"
    assert "scanned by bigquery" in text_of(app)
    assert "kept in glacier" in text_of(visit("costs.py", book="textbook", warm_at="1", warm="glacier", cold_at="12", scale="1000"))


def test_a_book_that_is_silent_of_reads_is_not_taken_for_one_in_which_they_are_free(house, visit):
    silent, priced = text_of(visit("costs.py", book="textbook", scale="1000")), text_of(visit("costs.py", scale="1000"))

    assert "the price book says nothing of reads of Standard and Glacier" in silent
    assert "one full read costs" not in silent
    assert "one full read costs" in priced
    assert "says nothing of reads" not in priced


def test_the_price_book_can_be_changed_there_and_back(house, visit):
    app = visit("costs.py", warm_at="3")
    first = amounts(app)
    app.selectbox(key="cost_book_0").set_value("textbook").run()
    assert not app.exception
    assert [error.value for error in app.error] == []
    assert amounts(app) != first

    app.selectbox(key="cost_book_0").set_value("in force").run()
    assert not app.exception
    assert amounts(app) == first


def test_a_lake_that_is_packed_each_night_is_compacted_as_it_is_today(house, visit):
    house.services.set_threshold("lifecycle.compact_after_months", 1, reason="each night")
    forget()
    try:
        app = visit("costs.py")
        assert app.toggle(key="cost_compact_0").value
        assert amounts(app)[0] == amounts(app)[1]

        app.toggle(key="cost_compact_0").set_value(False).run()
        assert app.query_params["compact"] == "false"
        assert "than A" in text_of(app)
    finally:
        house.services.set_threshold("lifecycle.compact_after_months", 0, reason="as it was")


def test_the_cheapest_policy_can_be_taken_over(house, visit):
    app = visit("costs.py", scale="1000")
    app.button(key="cost_take_policy").click().run()

    assert not app.exception
    assert app.query_params["compact"] == "true"
    assert app.query_params["scale"] == "1000"


def test_b_is_kept_under_a_name_opened_again_compared_with_and_let_go(house, visit):
    app = visit("costs.py", spot="60", compact="true")
    kept_as = amounts(app)[1]
    app.text_input(key="cost_name").set_value("on spot")
    app.button(key="cost_save_now").click().run()

    assert not app.exception
    assert [row["turned"] for row in house.read(scenarios.listed)] == [{"compact": True, "spot": 60}]
    other = visit("costs.py", against="on spot")
    assert amounts(other)[0] == kept_as
    (number,) = (row["id"] for row in house.read(scenarios.listed))
    other.button(key=f"cost_open_{number}").click().run()
    assert amounts(other) == (kept_as, kept_as)
    other.button(key=f"cost_drop_{number}").click().run()
    assert house.read(scenarios.listed) == []


def test_every_field_of_a_question_has_a_slider_or_a_choice(house, visit):
    app = visit("costs.py", spot="60", warm_at="3", cold_at="12")  # what else has sliders of its own

    keys = {widget.key for kind in ("select_slider", "selectbox", "toggle", "multiselect") for widget in app.get(kind)}
    assert {f"cost_{name}_0" for name in Question.model_fields} - keys == set()


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("0", "0 USD"),
        ("0.000012345", "0.0000123 USD"),
        ("0.0123456", "0.0123 USD"),
        ("1.239", "1.24 USD"),
        ("12345.6", "12,346 USD"),
        ("-2.5", "-2.50 USD"),
    ],
)
def test_money_is_as_precise_as_it_is_worth(amount, said):
    assert words.money(Decimal(amount), Currency.USD) == said


def marks(figure) -> tuple[list[float], list[str]]:
    """Return the crossings of a chart of classes, and the numbers that stand at them."""
    return figure["data"][-1]["x"], [word["text"] for word in figure["layout"]["annotations"] if word["text"] != "now"]


def drawn(*reads: str, until: float = 2.0):
    """Return the chart of two classes of which the cheaper one changes at these reads."""
    lines = [TierLine("glacier_flexible", Decimal(1), Decimal(3)), TierLine("standard", Decimal(2), Decimal(1))]
    found = [Crossing(Decimal(at), Decimal(1), "glacier_flexible", "standard") for at in reads]
    return analysis.tiers(lines, found, until=until, unit="USD", reads=1.0)


def test_crossings_near_zero_lie_apart_on_a_logarithmic_axis():
    figure = drawn("0.001", "0.03", "0.5")
    axis = figure["layout"]["xaxis"]

    assert axis["type"] == "log"
    assert axis["range"][0] < -3
    assert marks(figure) == ([0.001, 0.03, 0.5], ["0.001", "0.03", "0.5"])
    assert all(x >= 10 ** axis["range"][0] for line in figure["data"] for x in line["x"])
    assert drawn("0.5")["layout"]["xaxis"]["type"] == "linear"


def test_a_number_that_would_lie_upon_another_one_is_left_out():
    assert marks(drawn("0.5", "0.52", "1.5")) == ([0.5, 0.52, 1.5], ["0.5", "1.5"])


def test_an_amount_stands_at_the_end_of_each_bar_of_the_tornado_and_a_name_above_it():
    figure = analysis.tornado(["Symbols", "Growth"], [Decimal("-0.5"), Decimal(0)], [Decimal("0.75"), Decimal("0.02")], unit="USD")

    assert [bars["text"] for bars in figure["data"]] == [["-0.500", "0"], ["+0.750", "+0.0200"]]
    assert [title["text"] for title in figure["layout"]["annotations"]] == ["Symbols", "Growth"]
    assert figure["layout"]["yaxis"]["range"][0] > figure["layout"]["yaxis"]["range"][1]  # the widest on top


@pytest.mark.parametrize("figure", [drawn("0.001", "0.5"), drawn(), analysis.tornado(["Symbols"], [Decimal(-1)], [Decimal(1)], unit="USD")])
def test_plotly_knows_everything_that_is_asked_of_it(figure):
    assert go.Figure(figure).to_dict()["layout"]["legend"]["orientation"] == "h"


def test_what_moves_the_bill_is_told_to_those_who_do_not_see_it(house, visit):
    charts = {
        chart.alt.partition(",")[0].partition(".")[0]: chart.alt for chart in (one.proto for one in visit("costs.py").get("plotly_chart"))
    }

    assert set(charts) == {"How far the bill goes", "Cost of a month in each class of storage over full reads a month"}
    assert "Price of computing from -" in charts["How far the bill goes"]
