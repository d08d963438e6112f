"""Insert or update, in the dialect of the database."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite


def insert_of(dialect: str, table: Any) -> Any:
    """Return an INSERT that knows ON CONFLICT."""
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


def upsert(connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]], *, key: Sequence[str]) -> None:
    """Insert `rows`, or update those whose `key` exists; one statement for all rows."""
    if rows:
        connection.execute(_upsert(connection.dialect.name, table, tuple(rows[0]), tuple(key)), list(rows))


@cache
def _upsert(dialect: str, table: Any, columns: tuple[str, ...], key: tuple[str, ...]) -> Any:
    statement = insert_of(dialect, table)
    changed = {name: statement.excluded[name] for name in columns if name not in key}
    return statement.on_conflict_do_update(index_elements=list(key), set_=changed)
