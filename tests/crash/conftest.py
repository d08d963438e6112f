"""Homes for real processes, and what forks them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.processes import Nursery, nursery
from tests.crash.runners import Home, open_home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An empty home with the simulated exchange."""
    made = open_home(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def forked(tmp_path: Path) -> Iterator[Nursery]:
    """What has loaded the product and forks its processes."""
    with nursery(tmp_path / "nursery") as made:
        yield made
