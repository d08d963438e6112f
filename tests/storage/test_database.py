"""The database loses nothing, shows one state to a reader, and refuses what it must not do."""

from datetime import datetime
from pathlib import Path

import pysqlite3
import pytest
from sqlalchemy import text
from sqlalchemy.exc import StatementError

from storage import audit
from storage.database import DatabaseRefused, open_database, version
from tests.storage.databases import at_once

PROCESSES, TURNS = 4, 100


def _count_up(_number: int, url: str) -> None:
    database = open_database(url)
    for _ in range(TURNS):
        with database.transaction() as connection:
            seen = connection.execute(text("SELECT n FROM counter")).scalar_one()
            connection.execute(text("UPDATE counter SET n = :n"), {"n": seen + 1})
    database.close()


@pytest.fixture
def file(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'console.db'}"


def _counter(url: str):
    database = open_database(url)
    with database.transaction() as connection:
        connection.execute(text("CREATE TABLE counter (n integer)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))
    return database


def _seen(connection) -> int:
    return connection.execute(text("SELECT n FROM counter")).scalar_one()


def _count_and_fail(connection) -> None:
    connection.execute(text("UPDATE counter SET n = 7"))
    raise OSError("away")


def test_processes_that_read_and_then_write_lose_no_update_on_sqlite(file):
    database = _counter(file)
    at_once(PROCESSES, _count_up, file)

    with database.reading() as connection:
        assert _seen(connection) == PROCESSES * TURNS
    database.close()


def test_a_reader_sees_one_state_while_a_writer_commits(empty):
    database = _counter(empty)
    with database.reading() as reader:
        before = _seen(reader)
        with database.transaction() as writer:
            writer.execute(text("UPDATE counter SET n = 7"))

        assert _seen(reader) == before == 0
    database.close()


def test_a_transaction_that_fails_leaves_nothing(empty):
    database = _counter(empty)
    with pytest.raises(OSError, match="away"), database.transaction() as connection:
        _count_and_fail(connection)

    with database.reading() as connection:
        assert _seen(connection) == 0
    database.close()


def test_a_sqlite_that_can_corrupt_its_log_is_refused(file, monkeypatch):
    monkeypatch.setattr(pysqlite3, "sqlite_version_info", (3, 40, 1))

    with pytest.raises(DatabaseRefused, match=r"install pysqlite3 with SQLite 3\.51\.3 or newer"):
        open_database(file)


def test_the_version_says_which_database_it_is(empty):
    database = open_database(empty)

    assert version(database).startswith({"sqlite": "SQLite 3.", "postgresql": "PostgreSQL "}[database.dialect])
    database.close()


def test_a_datetime_without_a_zone_is_refused(database):
    naive = datetime(2025, 6, 1, 12, 0)  # the point of the test

    with pytest.raises(StatementError, match="without a time zone"), database.transaction() as connection:
        audit.record(connection, at=naive, actor="a person", command="run", parameters=None, result=None)
