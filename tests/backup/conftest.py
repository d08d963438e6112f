"""A week in a home, and backups of it."""

from collections.abc import Callable
from shutil import copytree

import pytest

from engine.backup.snapshot import Taken, take
from engine.jobs.following import followed
from tests.crash.conftest import home
from tests.pipelines.house import House

__all__ = ["home"]  # a fixture


@pytest.fixture
def week(first_week, tmp_path) -> House:
    """A house of its own that has taken a week: five sessions and a closed day."""
    copytree(first_week, tmp_path / "house")
    return House(tmp_path / "house")


@pytest.fixture
def saved(week) -> Taken:
    """A backup of the week."""
    return take(week.runtime, week.settings.backups)


@pytest.fixture
def job(week) -> Callable[..., dict]:
    """Do a job in this process and return how it ended."""
    return lambda name: followed(week.runtime, week.services.ask_for(name))
