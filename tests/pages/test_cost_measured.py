"""What was measured, as the Costs page draws it: over runs that were executed for real, and over a home in which nothing ran."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from engine.billing import reading
from engine.costs.line import Category
from pages.ui import cost_data, cost_measured
from pages.ui.shared import forget
from tests.pages.conftest import text_of
from tests.pages.console import TODAY, busy_home, commands, execute_queued, open_console


def measured() -> None:
    from pages.ui import cost_measured as parts  # noqa: PLC0415, a script of its own

    parts.month_line()
    parts.parts()
    parts.breakdown()
    parts.bill()


@pytest.fixture
def busy(tmp_path_factory, tmp_path, monkeypatch):
    return open_console(busy_home(tmp_path_factory, tmp_path), monkeypatch)


def drawn(**query: str) -> AppTest:
    app = AppTest.from_function(measured, default_timeout=30)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    return app


def test_the_month_is_told_in_a_line_with_what_most_of_it_goes_to(busy):
    said = text_of(drawn())

    assert "This month the pipelines have cost **0.000" in said
    assert "Most of it is requests of daily" in said
    assert "The budget is 5.00 USD a month" in said
    assert "dates for the first time **0.000" in said


def test_what_work_was_done_for_and_what_is_stored_add_up_to_the_months_bill(busy):
    known, _ = cost_data.month()
    stored = sum(amount for (category, _), amount in known.so_far.items() if category is Category.STORAGE)

    assert 0 < cost_data.apart(TODAY.replace(day=1), TODAY).total == known.spent - stored < known.spent


@pytest.mark.parametrize("by", cost_measured._BY)
def test_every_breakdown_lists_what_it_draws(busy, by):
    app = drawn(by=by)
    (table,) = app.dataframe

    assert len(table.value) > 0
    what, whole, *_ = table.value.columns
    assert what == "What"
    assert whole == ("A month, millionths of a USD" if by == "layer" else "In all, millionths of a USD")


def test_runs_are_listed_newest_first(busy):
    (table,) = drawn(by="run").dataframe
    newest = sorted(cost_data.runs(), key=lambda entry: (entry.day, entry.ref), reverse=True)

    assert list(table.value["What"]) == [entry.label for entry in newest]
    assert list(table.value["In all, millionths of a USD"]) != sorted(table.value["In all, millionths of a USD"], reverse=True)


@pytest.mark.parametrize("bills", [50, 1], ids=["newest", "older"])
def test_the_bill_of_a_run_opens_line_by_line_with_formula_source_and_date(busy, visit, monkeypatch, bills):
    monkeypatch.setattr(cost_measured, "BILLS", bills)
    run_id = next(entry.ref for entry in cost_data.runs() if entry.cost.rows)
    app = visit("costs.py", bill=str(run_id))
    lines = next(table.value for table in app.dataframe if "Formula" in table.value.columns)

    assert not app.exception
    assert list(lines.columns) == ["Stage", "What", "Amount, millionths of a USD", "Formula", "Price of", "Source of the price"]
    spent = float(sum(lines["Amount, millionths of a USD"]))
    assert spent == pytest.approx(float(cost_data.run(run_id).cost.total) * 1e6, abs=1e-3 * len(lines))
    assert any("us of CPU / 3,600,000,000" in formula for formula in lines["Formula"])
    assert set(lines["Price of"]) >= {"2026-06-17", "2026-06-05"}


@pytest.mark.parametrize("asked", ["9999", "mine"])
def test_a_run_without_a_bill_is_said_to_have_none(busy, asked):
    assert "a run without a bill" in drawn(bill=asked).warning[-1].value


def test_a_run_leads_to_its_bill(busy, visit):
    entry = next(entry for entry in cost_data.runs() if entry.cost.rows)
    app = visit("run.py", id=str(entry.ref))

    assert any(f"Its bill: {cost_data.prices().money(entry.cost.total)}" in str(link.proto.label) for link in app.get("page_link"))


def test_the_lines_of_a_run_add_up_to_its_estimate(busy):
    for entry in cost_data.runs():
        lines = [line for part in cost_data.lines_of(entry.work, entry.ref) for line in part.lines]
        assert sum(line.amount for line in lines) == entry.cost.total


def test_a_forecast_above_the_budget_is_a_warning(busy):
    commands(busy).set_threshold("cost.monthly_budget_usd", 0.000001, reason="to see it")
    forget()

    assert "more than the month's budget of 0.0000010 USD" in drawn().warning[0].value


def test_a_home_in_which_nothing_ran_says_so(tmp_path, monkeypatch):
    open_console(tmp_path / "home", monkeypatch)
    said = text_of(drawn())

    assert "have cost **0.00 USD** so far" in said
    assert "Nothing has cost anything yet" in said


def test_sessions_of_half_a_year_are_read_and_each_is_one_row(busy):
    found = cost_measured._entries("session")

    assert len(found) == len({entry.day for entry in found}) > 10
    assert all(entry.day > TODAY - timedelta(days=60) for entry in found)


def test_what_a_session_cost_is_what_the_command_line_says_of_all_that_was_done_for_it(busy):
    commands(busy).rerun(cost_data.runs()[-1].ref)
    execute_queued(busy)
    with busy.database.reading() as connection:
        listed = reading.by_session(connection, date.min, date.max)

    told: dict[date, Decimal] = {}
    for entry in listed:
        told[entry.day] = told.get(entry.day, Decimal(0)) + entry.cost.total
    assert len(listed) > len(told)
    assert {entry.day: entry.cost.total for entry in cost_data.newest_sessions()} == told
