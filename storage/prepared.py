"""Statements that a run makes by the dozen: compiled once, and handed to SQLite's driver as they are.

SQLAlchemy builds the context and the result of a statement anew at each call, which costs more than SQLite takes to execute it. Types,
transactions and errors stay SQLAlchemy's. On another database, which is asked over a network, a statement goes its usual way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError

Processor = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """SQL text, what is bound in its order: names, constants among them, how some are stored; and how the columns of a result are read."""

    text: str
    in_order: Callable[[Mapping[str, Any]], Sequence[Any]]
    constants: Mapping[str, Any]
    stored: Sequence[tuple[int, Processor]]
    read: Sequence[tuple[str, Processor | None]]

    def values(self, given: Mapping[str, Any]) -> Sequence[Any]:
        bound = list(self.in_order({**given, **self.constants} if self.constants else given))
        for place, store in self.stored:
            bound[place] = store(bound[place])
        return bound


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement whose every bound value is named in the call, or is a constant of the statement."""

    statement: Any
    _compiled: dict[tuple[str, ...], _Compiled] = field(default_factory=dict)

    def write(self, connection: Connection, given: Mapping[str, Any]) -> int:
        """Execute for one set of values; return how many rows were touched."""
        if connection.dialect.name != "sqlite":
            rowcount: int = connection.execute(self.statement, given).rowcount
            return rowcount
        compiled = self._for(connection.dialect, given)
        touched: int = driven(connection, compiled.text, compiled.values(given)).rowcount
        return touched

    def write_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute for each of `rows`, all with the same names."""
        if connection.dialect.name != "sqlite":
            connection.execute(self.statement, rows)
            return
        compiled = self._for(connection.dialect, rows[0])
        driven_many(connection, compiled.text, [compiled.values(row) for row in rows])

    def one(self, connection: Connection, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the first row that the statement gives, or None."""
        return next(iter(self.all(connection, given)), None)

    def all(self, connection: Connection, given: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Return the rows that the statement gives."""
        if connection.dialect.name != "sqlite":
            return [dict(row) for row in connection.execute(self.statement, given).mappings()]
        compiled = self._for(connection.dialect, given)
        rows = driven(connection, compiled.text, compiled.values(given)).fetchall()
        return [{name: load(cell) if load else cell for (name, load), cell in zip(compiled.read, row, strict=True)} for row in rows]

    def the_one(self, connection: Connection, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the first row of a statement that always gives one, as an INSERT with RETURNING does."""
        row = self.one(connection, given)
        if row is None:
            raise LookupError(f"no row came of {self.statement}")
        return row

    def _for(self, dialect: Dialect, given: Mapping[str, Any]) -> _Compiled:
        names = tuple(given)
        if names not in self._compiled:
            self._compiled[names] = _compile(self.statement, dialect, given)
        return self._compiled[names]


def driven(connection: Connection, text: str, values: Sequence[Any] = ()) -> Any:
    """Execute SQL text with SQLite's driver inside the connection's transaction; return its cursor. Errors are SQLAlchemy's own."""
    driver: Any = connection.connection.dbapi_connection
    try:
        return driver.execute(text, values)
    except connection.dialect.dbapi.Error as error:  # type: ignore[union-attr]  # an open connection has a driver
        raise _told(connection, text, values, error) from error


def driven_many(connection: Connection, text: str, rows: Sequence[Sequence[Any]]) -> None:
    """`driven` for each of `rows`."""
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.executemany(text, rows)
    except connection.dialect.dbapi.Error as error:  # type: ignore[union-attr]
        raise _told(connection, text, rows, error) from error


def _told(connection: Connection, text: str, values: Any, error: Exception) -> Exception:
    """Return what SQLAlchemy makes of an error of the driver."""
    told: Exception = DBAPIError.instance(text, values, error, connection.dialect.dbapi.Error, dialect=connection.dialect)  # type: ignore[union-attr]
    return told


def _compile(statement: Any, dialect: Dialect, given: Mapping[str, Any]) -> _Compiled:
    compiled = statement.compile(dialect=dialect, column_keys=tuple(given))
    if compiled.insert_prefetch or compiled.update_prefetch:
        raise TypeError(f"only SQLAlchemy itself can execute this: {compiled}")
    written = compiled.construct_expanded_state(given)  # lists that are constants of the statement, with a place for each value
    listed = {each: name for name, many in written.parameter_expansion.items() for each in many}
    if not given.keys().isdisjoint(written.parameter_expansion):
        raise TypeError(f"only SQLAlchemy itself can bind a list anew at each call: {compiled}")
    names = written.positiontup
    storing = {name: compiled.binds[listed.get(name, name)].type.dialect_impl(dialect).bind_processor(dialect) for name in names}
    constants = {
        name: store(value) if (store := storing[name]) else value for name, value in written.parameters.items() if name not in given
    }
    stored = [(place, store) for place, name in enumerate(names) if name in given and (store := storing[name])]
    returned = statement.selected_columns if statement.is_select else statement.exported_columns
    read = [(column.name, column.type.dialect_impl(dialect).result_processor(dialect, None)) for column in returned]
    return _Compiled(written.statement, _picking(names), constants, stored, read)


def _picking(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """Return what takes the values of `names` out of a mapping, in their order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda given: [given[name] for name in names]
