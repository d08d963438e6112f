"""What was spent over time, and the bill of a run, on the Costs page: over runs that were executed for real."""

from datetime import timedelta

import pytest

from pages.ui import spent_data, spent_view
from storage.status import CostWork
from tests.pages.conftest import text_of
from tests.pages.console import TODAY, busy_home, open_console


@pytest.fixture
def busy(tmp_path_factory, tmp_path, monkeypatch):
    return open_console(busy_home(tmp_path_factory, tmp_path), monkeypatch)


@pytest.mark.parametrize("over", spent_view._OVER)
def test_runs_sessions_and_good_rows_are_drawn_over_time(busy, visit, over):
    app = visit("costs.py", over=over)

    assert not app.exception
    assert not app.warning
    assert next(one for one in app.segmented_control if one.key == "over").value == over


def test_the_bill_of_a_run_opens_line_by_line_with_formula_source_and_date(busy, visit):
    newest = spent_data.newest()[-1]
    app = visit("costs.py", bill=str(newest.ref))
    lines = next(table.value for table in app.dataframe if "Formula" in table.value.columns)

    assert any("us of CPU / 3,600,000,000" in formula for formula in lines["Formula"])
    assert set(lines["Price of"]) >= {"2026-06-17", "2026-06-05"}
    assert "by the prices of the day on which it ended" in text_of(app)


def test_the_lines_of_every_run_add_up_to_its_estimate(busy):
    entries = spent_data.newest()

    assert len(entries) > 20
    for entry in entries:
        lines = [line for part in spent_data.lines_of(CostWork.RUN, entry.ref) for line in part.lines]
        assert sum(line.amount for line in lines) == entry.cost.total


def test_a_session_is_one_bar_however_often_it_was_worked_on(busy):
    found = spent_data.newest_sessions()

    assert len(found) == len({entry.day for entry in found}) > 10
    assert all(entry.day > TODAY - timedelta(days=60) for entry in found)


def test_a_home_in_which_nothing_ran_says_so(tmp_path, monkeypatch, visit):
    open_console(tmp_path / "home", monkeypatch)
    app = visit("costs.py")

    assert not app.exception
    assert "Nothing has cost anything yet" in text_of(app)
