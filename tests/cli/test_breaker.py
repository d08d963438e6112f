"""The circuit of a source from the command line."""

import json

import pytest

from engine.errors import SourceUnavailable
from engine.pipeline.guard import Breaker
from tests.pipelines.house import announced


@pytest.fixture
def house(tmp_path):
    built = announced(tmp_path)
    yield built
    built.runtime.database.close()


def open_circuit(house) -> None:
    breaker = Breaker(house.runtime.database, house.clock, "files")
    for _ in range(4):
        breaker.failed(0, SourceUnavailable("the share is gone"))


def test_a_source_that_never_failed_is_shown_as_closed(here, house):
    (shown,) = json.loads(here(house, "breaker", "--json").stdout)

    assert (shown["source"], shown["state"], shown["since"], shown["events"]) == ("files", "closed", None, [])


def test_an_open_circuit_says_why_and_when_it_is_probed(here, house):
    open_circuit(house)
    (shown,) = json.loads(here(house, "breaker", "--json").stdout)

    assert (shown["state"], shown["failures"], shown["calls"]) == ("open", 4, 4)
    assert shown["probe_at"] > shown["since"]
    assert [event["reason"] for event in shown["events"]] == ["4 calls in a row failed: the share is gone"]
    assert "the share is gone" in here(house, "breaker").stdout


def test_a_reset_is_done_once_and_says_so(here, house):
    open_circuit(house)
    done = here(house, "breaker", "--reset", "files", "--reason", "mounted again", "--json")
    again = here(house, "breaker", "--reset", "files", "--reason", "mounted again", "--json")

    assert (done.exit_code, json.loads(done.stdout)[0]["state"]) == (0, "closed")
    assert (again.exit_code, again.stdout) == (2, "")
    assert "nothing to reset" in again.stderr


def test_a_reset_without_a_reason_is_refused(here, house):
    open_circuit(house)
    refused = here(house, "breaker", "--reset", "files")

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "say why" in refused.stderr
