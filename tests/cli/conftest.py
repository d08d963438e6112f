"""Commands given in this process."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.shell import inside


@pytest.fixture
def here(monkeypatch) -> Callable[..., Any]:
    """Run a command in this process, in a house; what it would wait for is done at once."""
    return inside(monkeypatch)
