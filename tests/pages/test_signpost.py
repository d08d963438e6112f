"""Addresses that name no page, and parts of an address that a page does not know."""

import pytest

from pages.ui.signpost import PAGES, way
from tests.pages.conftest import text_of


@pytest.mark.parametrize("path", ["/", "/runs", "/run", "/pipelines", "/runs/", "/_stcore/health", "/static/js/index.js", "/healthz/ready"])
def test_what_stands_somewhere_is_left_alone(path):
    assert way(path) is None


def test_an_address_without_a_page_leads_to_one_that_says_so():
    assert way("/nonsense") == "/lost?path=nonsense"


def test_the_name_of_the_first_page_leads_to_it():
    assert way("/overview") == "/"


def test_an_address_is_repeated_only_in_part_and_never_as_it_is():
    there = way("/x?id=1&y=<b>" + "z" * 500)

    assert there.startswith("/lost?path=x%3Fid%3D1%26y%3D%3Cb%3Ezzz")
    assert len(there) < 120


def test_every_script_but_the_router_is_a_page():
    daily = {"runs", "run", "quality", "dead_letters", "thresholds", "pipelines", "safety", "lost"}
    watched = {"drift", "service_levels", "logs", "costs"}
    assert daily | watched | {"stream", "alerts", "replay_lab", "reconcile", "rebuild"} == PAGES


def test_the_page_says_which_address_was_asked_for(open_store, visit):
    open_store("healthy")

    screen = visit("lost.py", path="nonsense")

    assert "There is no page /nonsense" in text_of(screen)
    assert [link.label for link in screen.get("page_link")] == ["Overview", "Runs", "Pipelines"]


@pytest.mark.parametrize(
    ("page", "strange"), [("runs.py", "date"), ("run.py", "run_id"), ("pipelines.py", "name"), ("overview.py", "pipeline_name")]
)
def test_a_part_of_the_address_that_a_page_does_not_know_is_named(open_store, visit, page, strange):
    open_store("healthy")

    said = " ".join(warning.value for warning in visit(page, **{strange: "2025-01-01"}).warning).replace("\\", "")

    assert f"The address says **{strange}**, which this page does not know." in said


@pytest.mark.parametrize(
    ("page", "query", "said"),
    [
        ("quality.py", {"session": "yesterday"}, "**session=yesterday**, which is passed over: `session` takes a date such as 2025-06-01"),
        ("runs.py", {"day": "today"}, "**day=today**, which is passed over: `day` takes a date"),
        ("run.py", {"id": "12x"}, "**id=12x**, which is passed over: `id` takes a number"),
        ("runs.py", {"status": "broken"}, "**status=broken**, which is passed over: `status` takes one of queued, running, succeeded"),
        ("dead_letters.py", {"state": "lost"}, "**state=lost**, which is passed over: `state` takes one of open, replayed"),
        ("alerts.py", {"state": "loud"}, "**state=loud**, which is passed over: `state` takes one of open, acknowledged"),
    ],
)
def test_a_value_that_means_nothing_is_named(open_store, visit, page, query, said):
    open_store("healthy")

    assert said in " ".join(warning.value for warning in visit(page, **query).warning).replace("\\", "")


def test_a_page_that_knows_its_whole_address_says_nothing(open_store, visit):
    open_store("healthy")

    screen = visit("runs.py", day="2025-06-01", status="failed")

    assert not [warning for warning in screen.warning if "The address says" in warning.value]
