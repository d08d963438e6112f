"""The charts of the overview and of a backfill as specifications."""

import json
from datetime import date, timedelta

import pyarrow as pa
import pytest

from engine.pipelines import PIPELINES
from pages.ui import format as say
from pages.ui.charts import along, measured, tiles, trends
from pages.ui.charts.graph import graph
from pages.ui.day_view import kinds
from pages.ui.views import TileView
from storage.status import RunStatus, StageStatus, Verdict

FIRST = date(2025, 6, 1)


def tile(number: int, status: RunStatus, verdict: Verdict | None = None) -> TileView:
    return TileView(number, FIRST + timedelta(days=number), status, verdict, "why <b>not</b>")


def legend(spec) -> list[str]:
    return [piece["label"] for piece in spec["baseOption"]["visualMap"]["pieces"]]


def test_the_days_that_an_axis_names_are_weeks_apart_and_end_with_today():
    today = FIRST + timedelta(days=40)
    chart = trends.outcomes({(today, RunStatus.SUCCEEDED): 1}, until=today)

    named = [chart["dataset"]["source"]["day"][place].as_py() for place in chart["xAxis"]["axisLabel"]["customValues"]]

    assert named == [say.short_day(today - timedelta(days=7 * number)) for number in range(4, -1, -1)]


def test_a_tile_is_told_by_its_sign_and_word_and_not_by_colour_alone():
    spec = tiles.tiles(
        [tile(0, RunStatus.SUCCEEDED, Verdict.SESSION), tile(1, RunStatus.FAILED, Verdict.FAILED), tile(2, RunStatus.QUEUED)]
    )

    assert legend(spec) == ["session", "✕ failed", "… queued"]
    assert spec["baseOption"]["dataset"]["source"]["sign"].to_pylist() == ["", "✕", "…"]


def test_a_verdict_comes_before_the_status_of_the_run_that_gave_it():
    spec = tiles.tiles([tile(0, RunStatus.SKIPPED, Verdict.NO_SESSION), tile(1, RunStatus.FAILED, Verdict.MISSING)])

    assert legend(spec) == ["— no session", "? missing"]


@pytest.mark.parametrize(("days", "width"), [(60, 18), (660, "auto")])
def test_tiles_shrink_when_there_are_more_weeks_than_fit(days, width):
    spec = tiles.tiles([tile(number, RunStatus.QUEUED) for number in range(days)])

    assert spec["baseOption"]["calendar"]["cellSize"][0] == width


def test_tiles_of_more_than_a_year_name_each_year():
    spec = tiles.tiles([tile(number, RunStatus.QUEUED) for number in range(600)])

    named = spec["baseOption"]["series"][1]["data"]
    assert [year["name"] for year in named] == ["2025", "2026", "2027"]
    assert [year["value"][0] for year in named] == ["2025-06-01", "2026-01-04", "2027-01-03"]  # a Sunday is the top row


def test_a_meaning_has_one_colour_in_the_calendar_and_among_the_tiles_and_no_two_share_one():
    states = [(RunStatus.SUCCEEDED, Verdict.SESSION), (RunStatus.SKIPPED, Verdict.NO_SESSION), (RunStatus.QUEUED, None)]
    states += [
        (RunStatus.RUNNING, None),
        (RunStatus.CANCELLED, None),
        (RunStatus.FAILED, Verdict.FAILED),
        (RunStatus.FAILED, Verdict.MISSING),
    ]
    pieces = tiles.tiles([tile(number, *state) for number, state in enumerate(states)])["baseOption"]["visualMap"]["pieces"]

    drawn = {piece["label"].split(" ", 1)[-1]: piece["color"] for piece in pieces}
    in_the_calendar = {kind.word: kind.colour for kind in kinds().values() if kind.in_legend}
    assert len(set(drawn.values())) == len(states)
    assert {word: drawn[word] for word in in_the_calendar} == in_the_calendar


def test_the_outcomes_of_a_day_add_up_and_days_without_runs_are_zero():
    counts = {(FIRST, "succeeded"): 3, (FIRST, "failed"): 1}

    table = trends.outcomes(counts, until=FIRST + timedelta(days=1), days=3)["dataset"]["source"]

    assert table.to_pydict() == {"day": ["Sat 31 May", "Sun 1 Jun", "Mon 2 Jun"], "succeeded": [0, 3, 0], "failed": [0, 1, 0]}


def test_durations_are_drawn_in_milliseconds_with_their_percentile():
    took = pa.table({"id": [7, 8], "partition": [FIRST, FIRST], "duration_us": [80_000, 120_000]})
    spec = trends.durations(took, p95_us=120_000)

    assert spec["dataset"]["source"]["ms"].to_pylist() == [80, 120]
    assert spec["dataset"]["source"]["run"].to_pylist() == ["1 Jun 2025\nrun 7", "1 Jun 2025\nrun 8"]
    assert spec["series"][0]["markLine"]["data"] == [{"yAxis": 120}]
    assert spec["series"][0]["markLine"]["label"]["position"] == "end"  # beside the line, where no peak is


@pytest.mark.parametrize(("runs", "named"), [(1, [0]), (2, [0, 1]), (4, [0, 1, 2, 3]), (200, [0, 66, 133, 199])])
def test_the_first_and_the_last_run_of_a_chart_are_named_and_some_between(runs, named):
    assert list(along.places_of(runs)) == named


@pytest.mark.parametrize(
    ("values", "unit", "drawn", "said"),
    [
        ([2e10, 3e10], "NPR", [20, 30], "bn NPR"),
        ([2e6, 3_500_000], "rows", [2, 3.5], "m rows"),
        ([120, 341], "rows", [120, 341], "rows"),
        ([0.5e6, 4e6], "B", [0.5, 4], "MB"),
    ],
)
def test_large_values_are_drawn_in_a_unit_that_can_be_read(values, unit, drawn, said):
    spec = measured.line(pa.table({"run_id": [1, 2], "partition": [FIRST, FIRST], "value": values}), unit=unit)

    assert spec["dataset"]["source"]["value"].to_pylist() == drawn
    assert (spec["yAxis"]["name"], spec["series"][0]["name"]) == (said, said)
    assert spec["xAxis"]["axisLabel"]["customValues"] == [0, 1]


def test_every_edge_of_the_pipeline_is_drawn():
    pipeline = PIPELINES["daily_prices"]

    lines = graph(pipeline, {"silver": StageStatus.RUNNING}).splitlines()

    assert lines[0].startswith("%%{init:")  # larger words, nearer stages: shrunk to the width of a page, they are still read
    assert lines[1] == "flowchart LR"
    edges = {f"    {needed} --> {stage.name}" for stage in pipeline.order for needed in stage.inputs}
    assert edges
    assert edges <= set(lines)
    assert '    silver["silver<br/>▸ running"]:::running' in lines


def test_a_specification_is_plain_json_but_for_its_frame():
    spec = trends.outcomes({(FIRST, "succeeded"): 3}, until=FIRST) | {"dataset": None}

    assert json.loads(json.dumps(spec)) == spec
