"""A home for commands: empty, or with five files that nobody has looked at."""

import pytest

from tests.pipelines.house import SUNDAY, House, announced, days_from


@pytest.fixture
def house(tmp_path) -> House:
    """An empty home whose calendar is announced."""
    return announced(tmp_path)


@pytest.fixture
def stocked(house) -> House:
    """A home with five files that nobody has looked at."""
    for number, day in enumerate(days_from(SUNDAY, 5)):
        house.session(day, number)
    return house
