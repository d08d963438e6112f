"""A tick log of each kind."""

from pathlib import Path

import pytest

from engine.clock import FakeClock
from engine.stream.log import TickLog
from engine.stream.logs.embedded import EmbeddedLog
from storage.database import Database
from storage.lake import Lake
from tests.storage.conftest import database, migrated, url

__all__ = ["database", "migrated", "url"]  # fixtures


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "lake")


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def log(database: Database, lake: Lake, clock: FakeClock) -> TickLog:
    """A log that has nothing in it yet."""
    return EmbeddedLog(database, lake, clock)
