"""Databases as earlier versions of the product left them, with rows in every table."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from alembic import command, config, script
from sqlalchemy import MetaData, Table, insert, select, types

from storage.database import Database, open_database
from storage.migrate import FOLDER, HEAD

KNOWN = {"status": "succeeded", "outcome": "succeeded", "state": "done", "simulated": False, "cancel_requested": False}
ROWS = 3
Rows = dict[str, list[dict[str, Any]]]


@cache
def earlier_schemas() -> tuple[str, ...]:
    """Return every revision before the newest, the oldest first."""
    known = [each.revision for each in script.ScriptDirectory.from_config(_settings()).walk_revisions()]
    return tuple(sorted(revision for revision in known if revision != HEAD))


def database_at(url: str, revision: str) -> tuple[Database, Sequence[Table]]:
    """Open a database as the version of that schema left it: every table holds some rows, every column a value."""
    database, settings, found = open_database(url), _settings(), MetaData()
    with database.transaction() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)
        found.reflect(connection)
        tables = [table for table in found.sorted_tables if table.name != "alembic_version"]
        for table in tables:
            rows = [_row(table, number) for number in range(1, ROWS + 1)]
            connection.execute(insert(table), rows[:1] if table.name == "lake_identity" else rows)
    return database, tables


def rows_of(database: Database, tables: Sequence[Table]) -> Rows:
    """Return every row of these tables, with the columns that these tables have."""
    with database.reading() as connection:
        return {table.name: [dict(row) for row in connection.execute(_query(table)).mappings()] for table in tables}


def _query(table: Table) -> Any:
    columns = list(table.columns)
    return select(*columns).order_by(*columns[:2])


def _settings() -> config.Config:
    settings = config.Config()
    settings.set_main_option("script_location", str(FOLDER))
    return settings


def _row(table: Table, number: int) -> dict[str, Any]:
    return {column.name: KNOWN.get(column.name, _value(column, number)) for column in table.columns}


def _value(column: Any, number: int) -> Any:
    kind = column.type
    if isinstance(kind, types.Boolean):
        return number == 1
    if isinstance(kind, types.Integer):
        return number
    if isinstance(kind, types.Date):
        return date(2025, 6, number)
    if isinstance(kind, types.Float):
        return number / 4
    if isinstance(kind, types.LargeBinary):
        return bytes([number, 0, 255])
    text = f"{number} {column.name}" if column.name == "id" else f"{number} नेप्से {column.name}"  # an id is read as ASCII
    return text[: getattr(kind, "length", None)]
