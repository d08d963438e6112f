"""A migrated database of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database, open_database
from storage.migrate import migrate
from tests.storage.databases import DIALECTS, empty_database


@pytest.fixture(params=DIALECTS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, once of each kind."""
    with empty_database(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A migrated database, once of each kind."""
    opened = open_database(url)
    migrate(opened)
    yield opened
    opened.close()
