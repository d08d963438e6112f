"""Migrations go forward whole or not at all, and the tables are what the code says."""

import signal
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from storage.database import DatabaseRefused, open_database
from storage.migrate import HEAD, migrate, schema_version
from storage.tables import Base
from tests.conftest import REPOSITORY
from tests.storage.databases import at_once

KILLED = """
import os, signal, sys
from sqlalchemy import event
from storage.database import open_database
from storage.migrate import migrate

database, left = open_database(sys.argv[1]), int(sys.argv[2])

@event.listens_for(database.pool, "after_cursor_execute")
def count(connection, cursor, statement, *rest):
    global left
    left -= statement.lstrip().upper().startswith("CREATE")
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

migrate(database)
"""


def _migrate(_number: int, url: str) -> str | None:
    database = open_database(url)
    migrate(database)
    found = schema_version(database)
    database.close()
    return found


def _tables(database) -> list[str]:
    with database.reading() as connection:
        return inspect(connection).get_table_names()


def test_an_empty_database_comes_to_the_newest_schema(empty):
    assert _migrate(0, empty) == HEAD


def test_a_migrated_database_is_left_as_it_is(database):
    with database.transaction() as connection:
        connection.execute(text("INSERT INTO schedule VALUES ('daily_prices', '2025-06-01', false, NULL, NULL)"))
    before = _tables(database)
    migrate(database)

    assert _tables(database) == before
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM schedule")).scalar_one() == 1


def test_the_migrations_make_the_tables_that_the_code_declares(database):
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_database_of_a_newer_version_is_refused(empty):
    database = open_database(empty)
    migrate(database)
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseRefused, match=r"schema 9999, which this version does not know.*start the newer version"):
        migrate(database)
    database.close()


@pytest.mark.parametrize("statement", [1, 9, 30])
def test_a_migration_that_is_killed_leaves_the_schema_as_it_was(empty, statement):
    killed = subprocess.run([sys.executable, "-c", KILLED, empty, str(statement)], cwd=REPOSITORY, check=False)
    database = open_database(empty)

    assert killed.returncode == -signal.SIGKILL
    assert _tables(database) == []
    migrate(database)
    assert schema_version(database) == HEAD
    database.close()


def test_processes_that_start_at_once_migrate_once(empty):
    assert at_once(4, _migrate, empty) == [HEAD] * 4
