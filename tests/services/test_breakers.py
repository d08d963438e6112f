"""A person closes the circuit of a source: once, with a reason, and what waits for it goes on."""

from datetime import timedelta

import pytest

from engine import circuits
from engine.errors import Conflict, SourceUnavailable, UnknownName, UsageError
from storage import audit
from storage.status import CircuitState, RunStatus
from tests.pipelines.house import SUNDAY, days_from


@pytest.fixture
def down(house, monkeypatch):
    """A home whose source has failed, with two runs that wait for it."""
    house.sessions(2)

    def fails(_day):
        raise SourceUnavailable("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(type(house.runtime.source), "daily_file", lambda _self, day: fails(day))
        for day in days_from(SUNDAY, 2):
            house.services.run("daily_prices", day)
        house.work()
    return house


def test_a_reset_lets_what_waits_look_at_once(down):
    before = circuits.report(down.runtime)
    said = down.services.reset_breaker("files", reason="the provider says that it is up")

    assert (before.state, before.waiting) == (CircuitState.OPEN, 2)
    assert said == "The circuit of source files is closed; what waits for it looks now."
    assert down.work() == 2
    assert down.accepted() == days_from(SUNDAY, 2)
    assert circuits.report(down.runtime).events[0].reason == "reset by test: the provider says that it is up"


def test_without_a_person_it_goes_on_by_itself_at_the_next_probe(down):
    down.clock.advance(timedelta(seconds=30))

    assert down.work() == 2
    assert [down.found(number)["status"] for number in (1, 2)] == [RunStatus.SUCCEEDED] * 2


def test_resetting_twice_is_one_reset(down):
    down.services.reset_breaker("files", reason="a double click")

    with pytest.raises(Conflict, match="is closed; there is nothing to reset"):
        down.services.reset_breaker("files", reason="a double click")
    assert [row["command"] for row in down.read(audit.recent)].count("reset_breaker") == 1


def test_a_reset_needs_a_reason_and_a_source_that_there_is(down):
    with pytest.raises(UsageError, match="say why"):
        down.services.reset_breaker("files", reason=" ")
    with pytest.raises(UnknownName, match="there are files"):
        down.services.reset_breaker("moon", reason="tired")


def test_the_row_says_who_and_what(down):
    down.services.reset_breaker("files", reason="mended")
    newest = down.read(audit.recent)[0]

    assert (newest["command"], newest["actor"], newest["parameters"]) == (
        "reset_breaker",
        "test",
        {"source": "files", "reason": "mended"},
    )
