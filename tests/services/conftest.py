"""A home for commands: empty, or with five files that nobody has looked at; and a pipeline with a gate."""

import pytest

from engine.pipelines import PIPELINES
from tests.pipelines.house import SUNDAY, House, announced
from tests.services.gate import TRIAL, Gate


@pytest.fixture
def house(tmp_path) -> House:
    """An empty home whose calendar is announced."""
    return announced(tmp_path)


@pytest.fixture
def stocked(house) -> House:
    """A home with five files that nobody has looked at."""
    house.sessions(5)
    return house


@pytest.fixture
def gate(monkeypatch) -> Gate:
    """What the stages of the pipeline `trial` find."""
    made = Gate()
    monkeypatch.setitem(PIPELINES, TRIAL, made.pipeline())
    return made


@pytest.fixture
def trial(house, gate):
    """Work the pipeline `trial` for a date to its end and return the run."""

    def work(day=SUNDAY):
        submitted = house.services.run(TRIAL, day)
        house.work()
        return house.found(submitted.run_id)

    return work
