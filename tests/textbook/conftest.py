"""A home for the defects of the textbook's pipelines."""

import pytest

from tests.pipelines.house import House, announced


@pytest.fixture
def house(tmp_path) -> House:
    """A home with five files that nobody has looked at."""
    built = announced(tmp_path)
    built.sessions(5)
    return built
