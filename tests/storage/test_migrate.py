"""Migrations go forward whole or not at all, and the tables are what the code says."""

import os
import signal

import pytest
from alembic import command, config
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from storage.database import DatabaseRefused, open_database
from storage.migrate import FOLDER, HEAD, migrate, schema_version
from storage.tables import Base
from tests.forked import script
from tests.storage.databases import at_once
from tests.storage.earlier import database_at, earlier_schemas, rows_of

KILLED = """
import os, signal, sys
from sqlalchemy import event
from storage.database import open_database
from storage.migrate import migrate

database, left = open_database(sys.argv[1]), int(sys.argv[2])

@event.listens_for(database.pool, "after_cursor_execute")
def count(connection, cursor, statement, *rest):
    global left
    left -= statement.lstrip().upper().startswith(("CREATE", "ALTER"))
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


def _tables(database) -> set[str]:
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


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
    killed = script(KILLED, empty, str(statement), environment=os.environ).wait(60)
    database = open_database(empty)

    assert killed == -signal.SIGKILL
    assert not _tables(database)
    migrate(database)
    assert schema_version(database) == HEAD
    database.close()


def test_processes_that_start_at_once_migrate_once(empty):
    assert at_once(4, _migrate, empty) == [HEAD] * 4


FIRST_ROWS = (
    (
        "INSERT INTO run (pipeline, partition, run_type, status, priority, requested_by, queued_at, available_at, fence, cancel_requested, "
        "rescues, waits, simulated, reason) VALUES "
        "('daily_prices', '2025-06-01', 'manual', 'succeeded', 0, 'a person', 1, 1, 1, false, 0, 0, false, 'a session'), "
        "('daily_prices', '2025-06-02', 'manual', 'queued', 0, 'a person', 2, 2, 0, false, 0, 0, false, NULL)"
    ),
    "INSERT INTO price (session, symbol, close_paisa) VALUES ('2025-06-01', 'ADBL', 23740), ('2025-06-01', 'NABIL', 50000)",
    "INSERT INTO audit (at, actor, command) VALUES (1, 'a person', 'run')",
)


def _at_the_first_schema(url: str):
    """Open a database as the version before left it, with rows."""
    database = open_database(url)
    settings = config.Config()
    settings.set_main_option("script_location", str(FOLDER))
    with database.transaction() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0001")
        for statement in FIRST_ROWS:
            connection.execute(text(statement))
    return database


def _rows(database) -> dict[str, list[dict]]:
    with database.reading() as connection:
        queries = {name: text(f"SELECT * FROM {name} ORDER BY 1, 2") for name in ("run", "price", "audit")}  # noqa: S608, our own names
        return {name: [dict(row) for row in connection.execute(query).mappings()] for name, query in queries.items()}


def test_a_database_with_rows_comes_to_the_newest_schema_with_all_of_them(empty):
    database = _at_the_first_schema(empty)
    before = _rows(database)
    migrate(database)
    after = _rows(database)

    assert schema_version(database) == HEAD
    assert [row.pop("threshold_version") for row in after["run"]] == [None, None]
    assert after == before
    assert compare(database) == []
    database.close()


@pytest.mark.parametrize("schema", earlier_schemas())
def test_every_earlier_schema_comes_to_the_newest_with_every_row_of_every_table(empty, schema):
    database, tables = database_at(empty, schema)
    before = rows_of(database, tables)
    migrate(database)

    assert all(before.values())
    assert rows_of(database, tables) == before
    assert (schema_version(database), compare(database)) == (HEAD, [])
    database.close()


def compare(database) -> list:
    with database.reading() as connection:
        return compare_metadata(MigrationContext.configure(connection), Base.metadata)


def test_a_date_that_is_queued_is_not_doubled_after_the_upgrade(empty):
    database = _at_the_first_schema(empty)
    migrate(database)

    with pytest.raises(IntegrityError), database.transaction() as connection:
        connection.execute(text(FIRST_ROWS[0]))
    database.close()


@pytest.mark.parametrize("statement", [1, 9, 17])
def test_an_upgrade_that_is_killed_leaves_every_row_and_is_done_at_the_next_start(empty, statement):
    database = _at_the_first_schema(empty)
    before = _rows(database)
    database.close()
    killed = script(KILLED, empty, str(statement), environment=os.environ).wait(60)
    found = schema_version(database), _rows(database)
    migrate(database)

    assert killed == -signal.SIGKILL
    assert found == ("0001", before)
    assert schema_version(database) == HEAD
    assert [row["reason"] for row in _rows(database)["run"]] == ["a session", None]
    database.close()
