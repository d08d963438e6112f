"""The page of one run, over runs that were really executed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from engine.pipelines import PIPELINES
from pages.ui import data
from pages.ui.run_data import compare, lake_files
from pages.ui.run_view import restartable, stage_bars
from pages.ui.text import plain, sentence
from pages.ui.views import AttemptView, RunDetail, StageView
from storage import lake, runs
from storage.status import RunStatus, StageStatus, Verdict
from tests.pages.console import (
    DAYS,
    PIPELINE,
    TODAY,
    a_date,
    busy_home,
    commands,
    execute_queued,
    labels,
    open_console,
    words,
)

START = datetime(2025, 6, 3, 12, 15, tzinfo=UTC)
MS = timedelta(milliseconds=1)


@pytest.fixture
def busy(tmp_path_factory, tmp_path, monkeypatch):
    return open_console(busy_home(tmp_path_factory, tmp_path), monkeypatch)


def stage(name, status=StageStatus.SUCCEEDED, *, at=0, took=None, reused_from=None):
    return StageView(
        id=1, run_id=1, stage=name, position=0, status=status, attempts=1,
        started_at=START + at * MS, finished_at=None if took is None else START + (at + took) * MS,
        duration_us=None if took is None else took * 1000, cpu_us=None, peak_memory_bytes=None, bytes_read=None, bytes_written=None,
        rows_in=None, rows_out=None, checkpoint=None, reused_from=reused_from, error_type=None, error_message=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "said"), [({}, "No run was named"), ({"id": "99"}, "There is no run 99"), ({"id": "1e9"}, "There is no run")]
)
def test_a_run_that_is_not_there_is_said_so_with_a_way_back(busy, query, said, visit):
    screen = visit("run.py", **query)

    assert not screen.exception
    assert said in words(screen)


def test_markup_in_the_address_stays_text(busy, visit):
    screen = visit("run.py", id="![x](http://example.com/x.png)")

    assert not any("](http" in block.value for block in screen.markdown)


def test_a_run_shows_its_stages_its_evidence_and_its_log(busy, visit):
    run = a_date(busy, Verdict.SESSION)

    screen = visit("run.py", id=str(run.run_id))

    assert not screen.exception
    assert list(screen.dataframe[0].value["Stage"]) == list(PIPELINES[PIPELINE].stages)
    assert "Why this verdict" in words(screen)
    assert "run_finished status=succeeded verdict=session" in words(screen)


def test_lines_that_were_set_aside_are_listed_with_their_reason(busy, visit):
    with busy.database.reading() as connection:
        kept = lake.snapshot(connection, "rejected")[0]
        run = runs.newest_of(connection, "daily_prices", kept.partition)

    screen = visit("run.py", id=str(run["id"]))

    assert f"**{kept.rows}** found." in words(screen)
    assert kept.rows in [len(table.value) for table in screen.dataframe]


def test_a_run_of_made_up_data_says_so(busy, visit):
    screen = visit("run.py", id="1")

    assert ":violet-badge[:material/science: simulated]" in words(screen)


def test_a_failed_run_shows_its_error_with_the_traceback_folded(busy, visit):
    failed = a_date(busy, Verdict.FAILED)

    screen = visit("run.py", id=str(failed.run_id))

    assert plain(failed.reason) in [error.value for error in screen.error]
    assert [folded.proto.expanded for folded in screen.expander if folded.label == "Traceback"] == [False]


def test_a_queued_run_can_be_cancelled_and_nothing_else(busy, visit):
    queued = commands(busy).run(PIPELINE, TODAY)

    screen = visit("run.py", id=str(queued.run_id))

    assert not screen.exception
    assert "Cancel…" in labels(screen)
    assert "Rerun…" not in labels(screen)


def test_rerun_from_a_stage_takes_over_what_lies_before_it(busy, visit):
    run = a_date(busy, Verdict.SESSION)

    visit("run.py", id=str(run.run_id)).button(key="from_gold").click().run()
    execute_queued(busy)

    screen = visit("run.py", id=str(DAYS + 1))
    reused = screen.dataframe[0].value.set_index("Stage")["Reused from"]
    assert set(reused[["check_source", "bronze", "parsed", "quality", "silver"]]) == {f"Run {run.run_id}"}
    assert reused[["gold", "loaded", "report"]].isna().all()


def test_a_rerun_from_behind_the_gate_shows_what_the_gate_said_and_differs_in_nothing(busy, visit):
    run = a_date(busy, Verdict.SESSION)
    rerun = commands(busy).rerun(run.run_id, from_stage="gold")
    execute_queued(busy)

    screen = visit("run.py", id=str(rerun.run_id), compare=str(run.run_id))

    assert "Quality" in [title.value for title in screen.subheader]
    assert f"Judged in run {run.run_id}, whose checkpoint this run took over." in words(screen)
    assert [frame.value["Fact"].to_list() for frame in screen.dataframe if "Fact" in frame.value.columns] == [["Outcome", "loaded: rows"]]
    assert "Both hold the same prices." in words(screen)


def test_after_a_rerun_the_page_shows_the_new_run(busy, visit):
    run = a_date(busy, Verdict.SESSION)

    screen = visit("run.py", id=str(run.run_id)).button(key="from_gold").click().run()

    assert screen.query_params["id"] == str(DAYS + 1)


def test_a_file_is_not_booked_where_there_is_none(busy, visit):
    said = {verdict: labels(visit("run.py", id=str(a_date(busy, verdict).run_id))) for verdict in (Verdict.MISSING, Verdict.NO_SESSION)}

    assert {verdict: "Book to another session…" in offered for verdict, offered in said.items()} == {
        Verdict.MISSING: False,
        Verdict.NO_SESSION: True,
    }


def test_the_files_of_the_checkpoints_are_named_whole(busy, visit):
    run = a_date(busy, Verdict.SESSION)
    with busy.database.reading() as connection:
        made = [row["path"] for stage in runs.stages_of(connection, run.run_id) for row in lake_files(stage["checkpoint"])]

    screen = visit("run.py", id=str(run.run_id))

    (table,) = (table.value for table in screen.table if "File in the lake" in table.value)
    assert list(table["File in the lake"]) == [f"`{path}`" for path in made]


def test_a_run_that_failed_early_cannot_be_taken_up_late(busy, visit):
    failed = a_date(busy, Verdict.FAILED)

    screen = visit("run.py", id=str(failed.run_id))

    assert "parsed" in labels(screen)
    assert "gold" not in labels(screen)


def test_an_earlier_run_of_the_date_is_one_click_away(busy, visit):
    run = a_date(busy, Verdict.SESSION)
    rerun = commands(busy).rerun(run.run_id)
    execute_queued(busy)

    screen = visit("run.py", id=str(rerun.run_id))
    screen.button(key=f"to_run_{run.run_id}").click().run()

    assert screen.query_params["id"] == str(run.run_id)
    assert f"Run {run.run_id} " in words(screen)


def test_two_runs_of_the_same_input_hold_the_same_prices(busy, visit):
    run = a_date(busy, Verdict.SESSION)
    rerun = commands(busy).rerun(run.run_id)
    execute_queued(busy)

    screen = visit("run.py", id=str(rerun.run_id), compare=str(run.run_id))

    assert not screen.exception
    assert "Both hold the same prices." in words(screen)


def test_two_runs_of_a_date_show_what_differs(busy, visit):
    failed, good = a_date(busy, Verdict.FAILED), a_date(busy, Verdict.SESSION)
    again = commands(busy).rerun(failed.run_id, book_to=min(failed.day, good.day))
    execute_queued(busy)

    screen = visit("run.py", id=str(again.run_id), compare=str(failed.run_id))

    assert not screen.exception
    facts = list(next(frame.value["Fact"] for frame in screen.dataframe if "Fact" in frame.value.columns))
    assert "Booked by hand to" in facts
    assert "Prices are not compared" in words(screen)


def prices(**closes):
    return pa.table({"symbol": list(closes), "close": [Decimal(str(value)) for value in closes.values()]})


def test_prices_are_compared_symbol_by_symbol():
    difference = compare(prices(ADBL=300, NABIL=500, NTC=900), prices(ADBL=300, NABIL="501.5", SHL=400))

    assert (difference.added, difference.removed, difference.changed) == (("SHL",), ("NTC",), 1)
    assert [(change.symbol, change.column, change.before, change.after) for change in difference.sample] == [
        ("NABIL", "close", Decimal(500), Decimal("501.5"))
    ]


def test_the_same_prices_do_not_differ():
    assert compare(prices(ADBL=300), prices(ADBL=300)).same


def test_the_lake_files_of_a_checkpoint_are_found_wherever_they_lie():
    file = {"dataset": "silver", "path": "silver/x.parquet", "sha256": "ab"}

    assert lake_files({"session": "2025-06-03", "silver": file}) == (file,)
    assert lake_files({"name": "x", "sha256": "ab"}) == ()
    assert lake_files(None) == ()


def test_a_run_can_be_taken_up_at_each_stage_whose_forerunners_are_done():
    stages = [stage("bronze"), stage("parsed"), stage("silver", StageStatus.FAILED), stage("gold", StageStatus.UPSTREAM_FAILED)]

    assert restartable(stages) == ["parsed", "silver"]


def test_a_stage_that_crashed_and_went_on_elsewhere_counts_as_done():
    stages = [stage("bronze"), stage("parsed", StageStatus.CRASHED), stage("parsed"), stage("silver")]

    assert restartable(stages) == ["parsed", "silver"]


def test_the_timeline_begins_with_the_first_stage_that_ran_here(busy):
    detail = RunDetail(
        a_run(busy), (stage("bronze", at=-9000, reused_from=7), stage("parsed", at=0, took=5), stage("silver", at=7, took=3)), (), ()
    )

    bars = stage_bars(detail, planned=(), now=START)

    assert [(bar.start_us, bar.duration_us) for bar in bars] == [(0, None), (0, 5000), (7000, 3000)]
    assert "reused from run 7" in bars[0].note


def test_a_stage_that_is_still_to_come_has_its_row(busy):
    detail = RunDetail(a_run(busy), (stage("bronze", StageStatus.RUNNING),), (), ())

    bars = stage_bars(detail, planned=("bronze", "parsed"), now=START + 20 * MS)

    assert [(bar.label, bar.duration_us) for bar in bars] == [("bronze", 20_000), ("parsed", None)]


def test_a_failed_try_is_marked_where_it_began(busy):
    tried = AttemptView("bronze", 1, START + 2 * MS, 1000, 3000, "SourceUnavailable", "no answer")
    detail = RunDetail(a_run(busy), (stage("bronze", at=0, took=9),), (tried,), ())

    assert stage_bars(detail, planned=(), now=START)[0].failures_us == (2000,)


def test_a_stage_whose_only_try_failed_begins_with_it_and_not_later_by_its_commit(busy):
    tried = AttemptView("bronze", 1, START + 2 * MS, 3000, 0, "PartialFile", "seven rows")
    failed = replace(stage("bronze", StageStatus.FAILED, at=0, took=3), finished_at=START + 9 * MS)

    (bar,) = stage_bars(RunDetail(a_run(busy), (failed,), (tried,), ()), planned=(), now=START)

    assert (bar.start_us - bar.failures_us[0], bar.duration_us) == (0, 3000)


def a_run(runtime):
    run = data.run(a_date(runtime, Verdict.SESSION).run_id).run
    assert run.status is RunStatus.SUCCEEDED
    return run


def test_marks_of_a_text_are_shown_and_not_obeyed():
    assert plain("[x](y) *a* :red[b] $1$") == r"\[x\]\(y\) \*a\* \:red\[b\] \$1\$"


def test_a_reason_reads_as_a_sentence():
    assert sentence("no file") == r"No file\."
    assert sentence("Closed.") == r"Closed\."
