"""Insert or update, in the dialect of the database."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects import postgresql, sqlite

from storage.prepared import Prepared, driven_many


def insert_of(dialect: str, table: Any) -> Any:
    """Return an INSERT that knows ON CONFLICT."""
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


def upsert(connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]], *, key: Sequence[str]) -> None:
    """Insert `rows`, or update those whose `key` exists; one statement for all rows."""
    if rows:
        _upsert(connection.dialect.name, table, tuple(rows[0]), tuple(key)).write_many(connection, rows)


def upsert_columns(connection: Connection, table: Any, columns: Mapping[str, Sequence[Any]], *, key: Sequence[str]) -> None:
    """`upsert` hundreds of rows that are given by column; on SQLite they reach the driver without a dictionary for each row."""
    names, dialect = tuple(columns), connection.dialect
    if dialect.name != "sqlite":
        upsert(connection, table, [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)], key=key)
        return
    statement, order = _positional(dialect, table, names, tuple(key))
    bound = [_as_bound(columns[name], table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in order]
    if rows := list(zip(*bound, strict=True)):
        driven_many(connection, statement, rows)


def _as_bound(values: Sequence[Any], processor: Callable[[Any], Any] | None) -> Sequence[Any]:
    if processor is None:
        return values
    stored = {value: processor(value) for value in set(values)}  # hundreds of rows of one session
    return [stored[value] for value in values]


@cache
def _positional(dialect: Dialect, table: Any, columns: tuple[str, ...], key: tuple[str, ...]) -> tuple[str, Sequence[str]]:
    compiled = _upsert(dialect.name, table, columns, key).statement.compile(dialect=dialect, column_keys=columns)
    return str(compiled), compiled.positiontup


@cache
def _upsert(dialect: str, table: Any, columns: tuple[str, ...], key: tuple[str, ...]) -> Prepared:
    statement = insert_of(dialect, table)
    changed = {name: statement.excluded[name] for name in columns if name not in key}
    return Prepared(statement.on_conflict_do_update(index_elements=list(key), set_=changed))
