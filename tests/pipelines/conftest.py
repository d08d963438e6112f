"""A home of its own for each test."""

import pytest

from tests.pipelines.house import House, announced


@pytest.fixture
def house(tmp_path) -> House:
    """An empty home whose calendar is announced."""
    return announced(tmp_path)
