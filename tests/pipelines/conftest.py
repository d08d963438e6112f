"""A home of its own for each test."""

import shutil
from pathlib import Path

import pytest

from tests.pipelines.house import House, announced, with_a_week


@pytest.fixture
def house(tmp_path) -> House:
    """An empty home whose calendar is announced."""
    return announced(tmp_path)


@pytest.fixture
def week(first_week, tmp_path) -> House:
    """A home that has taken one week: five sessions, and Friday's file, which repeats Thursday."""
    shutil.copytree(first_week, tmp_path, dirs_exist_ok=True)
    return House(tmp_path)


@pytest.fixture(scope="session")
def first_week(tmp_path_factory) -> Path:
    """The folder that `week` is a copy of."""
    root: Path = tmp_path_factory.mktemp("week")
    with_a_week(root).runtime.database.close()
    return root
