"""Databases for tests: a SQLite file or a schema of a PostgreSQL server, and processes that use them at once."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from storage import prepared
from storage.database import Database, open_database
from storage.migrate import migrate
from storage.tables import Base

POSTGRESQL = os.environ.get("NEPSE_TEST_POSTGRESQL", "postgresql+psycopg:///postgres")
DIALECTS = ("sqlite", "postgresql")
UNHURRIED = "-csynchronous_commit=off"  # a test waits for no disk: what a server promises of one is the server's to test


@contextmanager
def empty_database(dialect: str, folder: Path) -> Iterator[str]:
    """Give the URL of a database that holds nothing, and that nobody else uses."""
    if dialect == "sqlite":
        yield f"sqlite:///{folder / 'console.db'}"
        return
    schema = f"nepse_{uuid4().hex[:12]}"
    server = create_engine(make_url(POSTGRESQL), connect_args={"connect_timeout": 5, "options": UNHURRIED})
    try:
        with server.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except OperationalError as error:
        pytest.skip(f"a PostgreSQL server is not available at {POSTGRESQL}: {error.orig}")
    try:
        options = {"options": f"-csearch_path={schema} {UNHURRIED}"}
        yield make_url(POSTGRESQL).update_query_dict(options).render_as_string(hide_password=False)
    finally:
        with server.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        server.dispose()


def clear(url: str) -> None:
    """Delete every row of a migrated PostgreSQL database, in one request (a TRUNCATE takes half a second)."""
    deletes = "; ".join(f'DELETE FROM "{table}"' for table in Base.metadata.tables)  # noqa: S608, our own names
    engine = create_engine(make_url(url), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(deletes))


def read(database: Database, what: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Return what a query of the storage gives."""
    with database.reading() as connection:
        return what(connection, *arguments, **options)


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Give the statements that are made inside the block, and their values: also those that go to SQLite's driver as they are."""
    made: list[tuple[str, Any]] = []

    def remember(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        made.append((statement, values))

    def driven(connection: Connection, text: str, values: Sequence[Any] = ()) -> Any:
        made.append((text, values))
        return handed_over(connection, text, values)

    handed_over = prepared.driven
    event.listen(database.pool, "before_cursor_execute", remember)
    try:
        with patch.object(prepared, "driven", driven):
            yield made
    finally:
        event.remove(database.pool, "before_cursor_execute", remember)


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "console.db"
        database = open_database(f"sqlite:///{file}")
        migrate(database)
        database.close()
        return file.read_bytes()


def put_migrated(home: Path) -> None:
    """Give a home without a database an empty one: hundreds of them need not go through the migrations each."""
    database = home / "console.db"
    if not database.exists():
        home.mkdir(parents=True, exist_ok=True)
        database.write_bytes(_migrated())


def at_once(count: int, work: Callable[..., Any], *arguments: Any) -> Sequence[Any]:
    """Call `work(number, *arguments)` in `count` processes at the same time; return what each gave."""
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("fork")) as pool:
        calls = [pool.submit(work, number, *arguments) for number in range(count)]
        return [call.result(timeout=60) for call in calls]
