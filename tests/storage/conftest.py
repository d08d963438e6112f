"""A migrated database of each kind."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy import make_url

from storage import dead_letters
from storage.database import Database, open_database
from storage.dead_letters import Counts, Letter, LetterFilter
from tests.storage.databases import DIALECTS, clear, empty_database
from tests.storage.letters import NOW, SHA, run


@pytest.fixture(params=DIALECTS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that holds nothing, once of each kind."""
    with empty_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture(scope="session", params=DIALECTS)
def migrated(request: pytest.FixtureRequest, migrated_once: Callable[[str], str]) -> str:
    """The URL of a migrated database, once of each kind."""
    return migrated_once(request.param)


@pytest.fixture
def url(migrated: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database without rows: a copy of the SQLite file, or the emptied PostgreSQL schema."""
    if not migrated.startswith("sqlite"):
        yield migrated
        clear(migrated)
        return
    file = tmp_path / "console.db"
    copyfile(make_url(migrated).database or "", file)
    yield f"sqlite:///{file}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A migrated database without rows, once of each kind."""
    opened = open_database(url)
    yield opened
    opened.close()


@pytest.fixture
def saw(database: Database) -> Callable[..., Counts]:
    """What a run commits that found these letters."""

    def record(*found: Letter, run_of: Any = None, sha256: str = SHA, blocked: bool = False, at: datetime = NOW, **options: Any) -> Counts:
        with database.transaction() as connection:
            return dead_letters.record(connection, run_of or run(), sha256, "2025_06_01.csv", found, at=at, blocked=blocked, **options)

    return record


@pytest.fixture
def kept(database: Database) -> Callable[..., dict[int, Any]]:
    """The letters there are, by line."""

    def look(**chosen: Any) -> dict[int, Any]:
        with database.reading() as connection:
            rows = dead_letters.page(connection, LetterFilter(**chosen), limit=1000)
            return {row["line"]: dead_letters.one(connection, row["id"]) for row in rows}

    return look
