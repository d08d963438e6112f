"""A home with a database of each kind, a source that a test fills, and a clock that stands still."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.clock import FakeClock
from engine.pipeline import execution
from engine.pipeline.graph import Pipeline
from engine.pipeline.retry import RetryPolicy
from engine.runtime import Runtime, compose
from engine.settings import Settings
from tests.pipeline.machine import NOW, Machine, Shelf
from tests.storage.conftest import migrated, url  # noqa: F401, fixtures


@pytest.fixture
def clock() -> FakeClock:
    """18:00 in Nepal on a Sunday, until it is moved."""
    return FakeClock(NOW)


@pytest.fixture
def shelf() -> Shelf:
    """A source without files."""
    return Shelf()


@pytest.fixture
def runtime(url: str, tmp_path: Path, clock: FakeClock, shelf: Shelf) -> Iterator[Runtime]:  # noqa: F811, the fixture
    """An opened home, once with each kind of database."""
    opened = compose(Settings(home=tmp_path / "home", database_url=url), clock)
    yield replace(opened, source=shelf)
    opened.database.close()


@pytest.fixture
def trial() -> Pipeline:
    """A pipeline without stages, to be given some."""
    return Pipeline(name="trial", summary="For a test.", sequential=True)


@pytest.fixture
def machine(runtime: Runtime, clock: FakeClock, trial: Pipeline) -> Machine:
    """The machine that runs `trial`."""
    return Machine(runtime, clock, trial)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    policy = RetryPolicy(first=timedelta(milliseconds=1), longest=timedelta(milliseconds=4))
    monkeypatch.setattr(execution, "POLICY", policy)


@pytest.fixture
def calls() -> list[str]:
    """The stages that were called, in order."""
    return []


@pytest.fixture
def two_stages(trial, calls):
    """A pipeline whose stages only tell that they were called, and do once what a test hangs into `trouble`."""
    trouble = {}

    @trial.stage(attempts=4)
    def first(context) -> int:
        calls.append("first")
        trouble.get("first", lambda _: None)(context)
        return 1

    @trial.stage(attempts=4)
    def second(first: int, context) -> int:
        calls.append("second")
        trouble.get("second", lambda _: None)(context)
        return first + 1

    return trouble
