"""The charts of the quality pages as specifications."""

import json
from datetime import date, timedelta

import numpy as np
import pytest

from engine.quality.backtest import Trust
from engine.quality.preview import histogram
from pages.ui import theme
from pages.ui.charts import limits, quality
from pages.ui.charts.heat import Cell, heat
from pages.ui.theme import look
from storage.status import CheckStatus

FIRST = date(2025, 6, 1)
SESSIONS = [FIRST + timedelta(days=number) for number in range(20)]


def grid(cells, chosen=(None, None), sessions=SESSIONS):
    days = [quality.label(day) for day in sessions]
    return heat(["the session", "price band"], days, cells, shades=quality.shades(), chosen=chosen)


def test_findings_beyond_the_axis_stand_in_its_last_bar_which_says_so():
    counted = histogram(np.array([25.0, 31.0, 400.0]), low=0.0, high=20.0, bins=10)

    option = limits.distribution(counted, noun="findings", unit="% beyond", now={"sets aside": 20.0}, then={"sets aside": 20.0})

    (*_, last) = option["series"][0]["data"]
    assert last["value"] == [19.0, 3]
    assert last["label"]["formatter"] == "20 and more"
    assert last["tooltip"]["formatter"] == "20 and more: 3"
    assert last["itemStyle"]["color"] == theme.hexadecimal("red")


def test_a_cell_is_told_by_its_sign_and_word_and_not_by_colour_alone():
    cells = [Cell(1, place, status, "") for place, status in enumerate(CheckStatus)]

    spec = grid(cells)["baseOption"]

    frame = spec["dataset"]["source"]
    assert list(frame["sign"]) == ["", "!", "✕", "·", "–"]  # noqa: RUF001
    assert [piece["label"] for piece in spec["visualMap"]["pieces"]] == ["passed", "! warned", "✕ failed", "· not applicable", "– off"]  # noqa: RUF001


def test_the_chosen_session_and_check_are_ringed():
    cells = [Cell(1, 3, CheckStatus.PASSED, "")]

    assert len(grid(cells)["baseOption"]["series"]) == 1
    assert grid(cells, (1, 3))["baseOption"]["series"][-1]["data"] == [["4 Jun", "price band", 0]]


@pytest.mark.parametrize(("column", "first"), [(19, 6), (2, 2), (None, 6)])
def test_a_phone_shows_the_last_sessions_and_the_chosen_one(column, first):
    narrow = grid([Cell(1, 3, CheckStatus.PASSED, "")], (None, column))["media"][0]["option"]

    assert narrow["xAxis"]["min"] == first


def test_a_part_of_the_law_that_holds_a_line_is_never_too_thin_to_be_seen():
    spec = quality.law({"header": 1, "blank": 0, "loaded": 100_000, "quarantined": 1, "duplicates": 0})

    assert [series["name"] for series in spec["series"]] == ["header 1", "loaded 100,000", "quarantined 1"]
    assert all(series["data"][0] > spec["xAxis"]["max"] * 0.01 for series in spec["series"])


def test_the_limit_of_the_gate_is_drawn_only_where_the_bars_come_near_it():
    def across(share):
        return "markLine" in quality.shares(SESSIONS[:2], {"set aside": ([share, 0.0], look(CheckStatus.FAILED))}, limit=5.0)["series"][0]

    assert across(4.0)
    assert not across(0.3)


def test_scores_have_the_colour_of_what_the_turned_limits_make_of_them():
    counted = histogram(np.array([0.5, 1.5, 2.5]), low=0.0, high=3.0, bins=3)

    spec = limits.distribution(counted, noun="findings", unit="%", now={"warns": 1.0}, then={"warns": 1.0, "sets aside": 2.0})

    colours = [item["itemStyle"]["color"] for item in spec["series"][0]["data"]]
    assert colours == [theme.hexadecimal(colour) for colour in ("gray", "orange", "red")]


def test_a_turned_limit_is_drawn_beside_the_one_of_now():
    counted = histogram(np.array([0.5]), low=0.0, high=3.0, bins=3)

    spec = limits.distribution(counted, noun="findings", unit="%", now={"warns": 1.0}, then={"warns": 2.0})

    drawn = [(line["xAxis"], line["label"]["formatter"], line["lineStyle"]["type"]) for line in spec["series"][0]["markLine"]["data"]]
    assert drawn == [(1.0, "now 1", "dashed"), (2.0, "warns above 2", "solid")]


def test_precision_and_recall_are_percent_along_the_slider_and_gaps_where_nothing_fires():
    spec = limits.trust([0.0, 1.0], [Trust(2, 0.5, 1.0), Trust(2, None, 0.0)], unit="%", now={"warns": 0.0}, then={"warns": 0.0})

    assert [(series["name"], series["data"]) for series in spec["series"]] == [
        ("precision", [[0.0, 50.0], [1.0, None]]),
        ("recall", [[0.0, 100.0], [1.0, 0.0]]),
    ]


def test_specifications_are_plain_json():
    specs = [
        quality.law({"header": 1, "loaded": 3}),
        quality.shares(SESSIONS[:1], {"set aside": ([1.0], look(CheckStatus.FAILED))}, limit=5.0),
        limits.trust([0.0, 1.0], [Trust(1, 1.0, 1.0)] * 2, unit="%", now={}, then={}),
    ]

    assert json.loads(json.dumps(specs)) == specs
