"""A home with a database of each kind, a source that a test fills, and a clock that stands still."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.clock import FakeClock
from engine.pipeline.graph import Pipeline
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
