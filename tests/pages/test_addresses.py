"""What a page writes into its address it can read again, and what it cannot read there it says."""

from collections.abc import Iterator

import pytest
from streamlit.runtime.state.query_params import QueryParams

from pages.ui import widgets
from storage.status import Verdict
from tests.pages.conftest import text_of
from tests.pages.console import a_date, busy_home, open_console
from tests.pages.test_pages import PAGES


@pytest.fixture
def named(monkeypatch) -> Iterator[dict[str, set[str]]]:
    """Note which parameters a page binds a widget to, and which it knows."""
    noted: dict[str, set[str]] = {"bound": set(), "known": set()}
    bind, know = QueryParams.bind_widget, widgets.known_parameters

    def noting(self, param_key, *arguments, **options):
        noted["bound"].add(param_key)
        return bind(self, param_key, *arguments, **options)

    def knowing(*known, judged=(), **words):
        noted["known"].update(known, judged, words)
        know(*known, judged=judged, **words)

    monkeypatch.setattr(QueryParams, "bind_widget", noting)
    monkeypatch.setattr(widgets, "known_parameters", knowing)
    return noted


@pytest.mark.parametrize("page", [*PAGES, "dead_letters.py"])
def test_a_page_knows_every_parameter_that_its_own_widgets_write(page, named, open_store, visit):
    open_store("tuned")

    visit(page, **({"id": "71"} if page == "run.py" else {}))

    assert named["bound"] <= named["known"]


def test_the_widgets_of_the_pages_do_write_into_the_address(named, open_store, visit):
    open_store("tuned")

    visit("pipelines.py")

    assert named["bound"] == {"pipeline", "ledger_dates"}


@pytest.mark.parametrize(
    ("page", "query", "said"),
    [
        ("runs.py", {"year": "1999"}, "The address names 1999, a year of which no date has a run."),
        ("runs.py", {"pipeline": "nope"}, "`pipeline` takes one of daily_prices, ticks."),
        ("runs.py", {"before": "abc"}, "`before` takes a number."),
        ("pipelines.py", {"pipeline": "nope"}, "`pipeline` takes one of daily_prices."),
        ("dead_letters.py", {"pipeline": "nope"}, "`pipeline` takes one of daily_prices, ticks."),
        ("dead_letters.py", {"kind": "nope"}, "`kind` takes one of line, row, file."),
        ("dead_letters.py", {"before": "abc"}, "`before` takes a number."),
        ("alerts.py", {"on": "nope"}, "`on` takes one of operations, stream, channels."),
        ("service_levels.py", {"pipeline": "nope"}, "`pipeline` takes one of daily_prices, ticks."),
        ("service_levels.py", {"series": "nope"}, "The address names nope, which is not measured."),
        ("pipelines.py", {"ledger_dates": "1999"}, "The address names 1999, dates of which the ledger knows nothing."),
    ],
)
def test_a_value_that_is_passed_over_is_named(page, query, said, open_store, visit):
    open_store("healthy")

    app = visit(page, **query)

    assert [said in text_of(app).replace("**", ""), len(app.warning)] == [True, 1]


@pytest.mark.parametrize("other", ["of another date", "of no date"])
def test_a_run_that_cannot_be_compared_with_is_named(other, tmp_path_factory, tmp_path, monkeypatch, visit):
    busy = open_console(busy_home(tmp_path_factory, tmp_path), monkeypatch)
    run = a_date(busy, Verdict.SESSION)
    compare = str(run.run_id + 1) if other == "of another date" else "9999"

    app = visit("run.py", id=str(run.run_id), compare=compare)

    assert [warning.value for warning in app.warning] == [f"The address names **{compare}**, which is no other run of this date."]
