"""A home of its own for each test."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.pipelines.house import House, days_from

SUNDAY = date(2024, 6, 2)


@pytest.fixture
def house(tmp_path) -> House:
    """An empty home; the calendar of four ordinary weeks, Sunday to Thursday, is announced."""
    return _empty(tmp_path)


@pytest.fixture
def week(first_week, tmp_path) -> House:
    """A home that has taken one week: five sessions, and Friday's file, which repeats Thursday."""
    shutil.copytree(first_week, tmp_path, dirs_exist_ok=True)
    return House(tmp_path)


@pytest.fixture(scope="session")
def first_week(tmp_path_factory) -> Path:
    """The folder that `week` is a copy of."""
    root = tmp_path_factory.mktemp("week")
    built = _empty(root)
    for number, day in enumerate(days_from(SUNDAY, 5)):
        built.session(day, number)
    built.session(SUNDAY + timedelta(days=5), 4)
    built.backfill(SUNDAY, SUNDAY + timedelta(days=6))
    built.runtime.database.close()
    return root


def _empty(root: Path) -> House:
    built = House(root)
    built.announce({day: day.isoweekday() % 7 < 5 for day in days_from(SUNDAY, 28)})
    return built
