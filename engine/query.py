"""Read-only SQL over one consistent snapshot: the lake's current files, the served prices and the metadata tables."""

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from sqlalchemy import Connection, select

from engine.errors import LakeError, UsageError
from engine.features.catalogue import GOLD_SCHEMA
from engine.market.daily_file import REJECTED_SCHEMA
from engine.market.layouts import SILVER_SCHEMA
from engine.pipelines.gate import FINDINGS, QUARANTINE, QUARANTINE_SCHEMA
from engine.quality.report import FINDING_SCHEMA
from engine.runtime import Runtime
from storage import lake, packs
from storage.packing import Place
from storage.tables import Base
from storage.types import Json, UtcDateTime

LAKE_VIEWS = {
    "silver_prices": ("silver", SILVER_SCHEMA),
    "gold_features": ("gold", GOLD_SCHEMA),
    "rejected_rows": ("rejected", REJECTED_SCHEMA),
    "quarantined_rows": (QUARANTINE, QUARANTINE_SCHEMA),
    "findings": (FINDINGS, FINDING_SCHEMA),
}
VIEWS = ("bronze_files", *LAKE_VIEWS, "prices")
MONEY = pa.decimal128(18, 2)
_ARROW_TYPES = {int: pa.int64(), str: pa.string(), float: pa.float64(), bool: pa.bool_(), date: pa.date32(), bytes: pa.binary()}


def query(runtime: Runtime, sql: str, *, scanned: Callable[[int], None] = lambda _size: None) -> pa.Table:
    """Answer one SELECT; `UsageError` for anything else, and for SQL that cannot be answered, with the reason and the names there are.

    Only what the statement names is read. It sees the files that were current at one instant, and nothing outside the lake. `scanned` is
    told the bytes that were read of the lake's files, as DuckDB counts them.
    """
    with runtime.lake.kept():  # DuckDB opens files when it comes to them
        answer = _answer(runtime, sql, scanned)
    if runtime.simulated and "source" not in answer.column_names:
        answer = _sourced(answer, runtime.source.name)  # made-up data say so wherever they go
    doubled = [name for name, times in Counter(answer.column_names).items() if times > 1]
    if doubled:
        raise UsageError(f"more than one column is called {', '.join(doubled)}; give each a name of its own with AS")
    return answer


def _answer(runtime: Runtime, sql: str, scanned: Callable[[int], None]) -> pa.Table:
    database = duckdb.connect(config={"python_enable_replacements": "false"})  # else a name may be a variable of this program
    try:
        statements = database.extract_statements(sql)
        if len(statements) != 1 or statements[0].type is not duckdb.StatementType.SELECT:
            raise UsageError("give one SELECT statement; the lake and the tables can only be read here")
        words = {word.lower() for word in re.findall(r"\w+", sql)}
        if "tables" in words <= {"show", "all", "tables"}:
            return pa.table({"name": [*VIEWS, *Base.metadata.tables]})  # DuckDB would list only what this statement reads
        with runtime.database.reading() as connection:
            _attach(database, connection, runtime, words)
        # From here on nothing but the lake's folder can be reached, whatever the statement says.
        database.execute(f"SET allowed_directories = ['{_quoted(runtime.lake.folder.absolute())}/']")
        database.execute("SET enable_external_access = false")
        database.execute("SET TimeZone = 'UTC'")
        database.execute("SET enable_profiling = 'no_output'")
        database.execute("SET lock_configuration = true")
        answer = database.sql(sql).to_arrow_table()
        scanned(_bytes_read(database))
    except duckdb.Error as error:
        raise UsageError(_told(str(error))) from error
    else:
        return answer
    finally:
        database.close()


def _told(error: str) -> str:
    """Say what DuckDB says; of a table that is not there, which ones are: its own guess is one of its inner tables."""
    if "Table with name" not in error:
        return error
    return f"{error.partition(chr(10))[0]}\nThere are: {', '.join((*VIEWS, *Base.metadata.tables))}"


def _bytes_read(database: duckdb.DuckDBPyConnection) -> int:
    """Return the bytes that the last statement read of files; 0 where it read none."""
    told = json.loads(database.get_profiling_information(format="json"))
    return int(told.get("io", {}).get("total_bytes_read", 0))


def _attach(database: duckdb.DuckDBPyConnection, connection: Connection, runtime: Runtime, words: set[str]) -> None:
    source = runtime.source.name  # made-up data say so in each row that leaves
    for view, (dataset, schema) in LAKE_VIEWS.items():
        if view in words:
            parts = _parts(connection, runtime.lake, dataset)
            if parts:
                rows = " UNION ALL BY NAME ".join(parts)
                database.execute(f"CREATE VIEW {view} AS SELECT *, '{source}' AS source FROM ({rows})")  # noqa: S608, our own paths
            else:
                database.register(view, schema.empty_table().append_column("source", pa.array([], pa.string())))
    if "bronze_files" in words:
        database.register("bronze_files", _sourced(_bronze(connection), source))
    if "prices" in words:
        database.register("prices", _sourced(_prices(connection), source))
    for name in Base.metadata.tables:
        if name in words:
            database.register(name, _table(connection, name))


def _parts(connection: Connection, held: lake.Lake, dataset: str) -> list[str]:
    """Return what to read for the current rows of a dataset: whole files and packs, and of a pack that holds older versions the rest."""
    places = packs.places(connection, dataset)
    current = lake.snapshot(connection, dataset)
    loose = [_whole(held.folder, version.path, version.bytes) for version in current if version.path not in places]
    wanted: dict[str, list[Place]] = {}
    for version in current:
        if version.path in places:
            wanted.setdefault(places[version.path].pack, []).append(places[version.path])
    every = Counter(place.pack for place in places.values())
    whole, parts = loose, []
    for pack, own in wanted.items():
        file = _pack(held, own[0])
        if len(own) == every[pack]:
            whole.append(file)
        else:
            ranges = " OR ".join(f"file_row_number BETWEEN {at.first_row} AND {at.first_row + (at.rows or 0) - 1}" for at in own)
            rows = f"read_parquet('{_quoted(file)}', file_row_number = true)"
            parts.append(f"SELECT * EXCLUDE (file_row_number) FROM {rows} WHERE {ranges}")  # noqa: S608, our own paths
    if whole:
        listed = ", ".join(f"'{_quoted(file)}'" for file in whole)
        parts.append(f"SELECT * FROM read_parquet([{listed}])")  # noqa: S608, our own paths
    return parts


def _pack(held: lake.Lake, place: Place) -> Path:
    """Return where a pack stands; one that is in the cold is fetched."""
    try:
        if place.cold is not None and not (held.folder / place.pack).is_file():
            held.read_pack(place)
    except lake.LakeFileLost as error:
        raise LakeError(str(error)) from error
    return _whole(held.folder, place.pack, place.bytes)


def _whole(folder: Path, path: str, size: int) -> Path:
    """Return where a file stands; `LakeError` when it is gone or torn, which the stored length tells without reading it."""
    file = (folder / path).absolute()
    if not file.is_file() or file.stat().st_size != size:
        raise LakeError(f"lake file {path} is missing or not what was published. Rerun its date to write it again.")
    return file


def _sourced(table: pa.Table, source: str) -> pa.Table:
    return table.append_column("source", pa.repeat(source, table.num_rows))


def _bronze(connection: Connection) -> pa.Table:
    versions = lake.snapshot(connection, "bronze")
    columns = {
        "day": pa.array([v.partition for v in versions], pa.date32()),
        "path": pa.array([v.path for v in versions], pa.string()),
        "sha256": pa.array([v.sha256 for v in versions], pa.string()),
        "bytes": pa.array([v.bytes for v in versions], pa.int64()),
    }
    return pa.table(columns)


def _prices(connection: Connection) -> pa.Table:
    """Return what is served, money in NPR: accepted sessions from their daily files, others as the stream has them so far.

    `layer` says of each row which of the two it is from: `batch` or `speed`.
    """
    batch, speed = _table(connection, "price"), _speed_layer(connection)
    both = [
        batch.append_column("layer", pa.repeat("batch", batch.num_rows)),
        speed.append_column("layer", pa.repeat("speed", speed.num_rows)),
    ]
    table = pa.concat_tables(both, promote_options="default")
    columns = {}
    for name in table.column_names:
        column = table[name]
        if name.endswith("_paisa"):
            paisa = column.cast(pa.decimal128(19, 0))
            columns[name.removesuffix("_paisa")] = pa.compute.multiply(paisa, pa.scalar("0.01").cast(pa.decimal128(3, 2))).cast(MONEY)
        else:
            columns[name] = column
    return pa.table(columns)


def _speed_layer(connection: Connection) -> pa.Table:
    """Return the days of sessions that no daily file has brought yet."""
    days = _table(connection, "tick_day")
    accepted = _table(connection, "trading_session")["session"]
    return days.filter(pa.compute.invert(pa.compute.is_in(days["session"], value_set=accepted.combine_chunks())))


def _table(connection: Connection, name: str) -> pa.Table:
    table = Base.metadata.tables[name]
    rows = connection.execute(select(table)).all()
    columns: dict[str, Any] = {}
    for position, column in enumerate(table.columns):
        values = [row[position] for row in rows]
        if isinstance(column.type, Json):
            values = [column.type.process_bind_param(value, connection.dialect) for value in values]
        columns[column.name] = pa.array(values, _arrow_type(column.type))
    return pa.table(columns)


def _arrow_type(kind: Any) -> pa.DataType:
    if isinstance(kind, UtcDateTime):
        return pa.timestamp("us", tz="UTC")
    return pa.string() if isinstance(kind, Json) else _ARROW_TYPES[kind.python_type]


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
