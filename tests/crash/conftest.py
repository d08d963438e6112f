"""Homes for real processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.runners import Home, open_home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An empty home with the simulated exchange."""
    made = open_home(tmp_path / "home")
    yield made
    made.close()
