"""The charts of the Replay lab and of the Reconcile page as specifications."""

import pytest

from engine.stream.alert_diff import Side
from engine.stream.ticks import SECOND
from pages.ui.charts import symbols, tape
from pages.ui.charts.calendar import Kind
from tests.stream.tapes import at

LINE = [(at(second), 500.0 + second) for second in range(0, 3600, 60)]


def mark(second: float, side: Side, height: float | str = 500.0, **more) -> tape.Mark:
    return tape.Mark(side, at(second), height, f"at {second}", **more)


def of_side(chart, side: Side):
    return next(series for series in chart["series"] if series["name"] == side.value)


def test_the_line_and_the_alerts_below_it_have_the_same_hours():
    marks = [mark(1200, Side.ONLY_B, "moving average"), mark(7200, Side.BOTH, "trade burst")]

    above, below = tape.day(LINE, name="x", unit="%", marks=marks, rows=["moving average", "trade burst"])["xAxis"]

    assert (above["min"], above["max"]) == (below["min"], below["max"])
    assert above["max"] - above["min"] == 7_200_000


def test_the_times_are_those_of_nepal_in_every_browser():
    chart = tape.day(LINE, name="x", unit="%", marks=[])

    assert chart["useUTC"] is True
    assert chart["xAxis"][0]["min"] == at(0) * 1000 // SECOND + (5 * 60 + 45) * 60_000


def test_a_clicked_alert_is_found_by_its_side_and_its_place_there():
    marks = [mark(1, Side.BOTH), mark(2, Side.ONLY_A), mark(3, Side.BOTH, chosen=True)]

    chart = tape.day(LINE, name="x", unit="NPR", marks=marks)

    assert [series["name"] for series in chart["series"][1:]] == [side.value for side in tape.SIDES]
    assert [point["name"] for point in of_side(chart, Side.BOTH)["data"]] == ["at 1", "at 3"]
    assert [point["symbolSize"] for point in of_side(chart, Side.BOTH)["data"]] == [11, 17]


def test_the_sides_are_told_apart_by_shape_and_not_by_colour_alone():
    assert len({shape for _, shape in tape.SIDES.values()}) == len(Side) == len(tape.SIDES)


def test_a_symbol_is_a_square_with_a_sign_where_it_is_not_exact():
    kinds = {"exact": Kind("exact", "", "#00ff00", calm=True), "differs": Kind("differs", "≠", "#ff0000")}
    shown = [symbols.Square("NABIL", "differs", "5 trades"), symbols.Square("NICA", "exact", "7 trades")]

    chart = symbols.squares(shown, kinds=kinds, chosen="NICA")

    assert chart["dataset"]["source"]["sign"].to_pylist() == ["≠", ""]
    assert [piece["label"] for piece in chart["visualMap"]["pieces"]] == ["exact", "≠ differs"]
    assert chart["series"][1]["data"] == [["1", "0", 0]]
    assert [piece["color"] for piece in chart["visualMap"]["pieces"]] == ["#a6ffa6", "#ff0000"]  # in the legend as in the square
    assert not any("opacity" in piece for piece in chart["visualMap"]["pieces"])


@pytest.mark.parametrize(("number", "rows"), [(1, 1), (40, 1), (41, 2), (320, 8)])
def test_the_wall_grows_by_rows(number, rows):
    assert symbols.height(number) - symbols.height(1) == (rows - 1) * 19
