"""All that is served of one session of the stream, read as a whole, and replaced by another such whole: only what differs is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import compress
from typing import Any, Self

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from storage import speed_layer
from storage.dead_letters import letters
from storage.moves import STREAM
from storage.status import LetterState

Columns = Mapping[str, Sequence[Any]]  # rows by column

VALUES = ("open_paisa", "high_paisa", "low_paisa", "close_paisa", "volume", "turnover_paisa", "trades")
BARS = ("symbol", "start_us", "revision", *VALUES)
DAYS = ("symbol", *VALUES, "previous_close_paisa")
SAID = ("acknowledged_by", "acknowledged_at")  # by people about an alert
ALERTS = tuple(column.name for column in speed_layer.alerts.c if column.name != "session")
_RAISED = tuple(name for name in ALERTS if name not in ("key", *SAID))
_OWN = ("id", "pipeline", "partition", "session")
_IN_THE_SESSION = (LetterState.REPLAYED, LetterState.EDITED)
LETTERS = tuple(column.name for column in letters.c if column.name not in _OWN)
_FOUND = ("reason", "message", "kind", "raw", "parsed", "symbol")  # what a letter says of its record


@dataclass(frozen=True, slots=True)
class _Rows:
    """What changes of a table of few rows: keys that go, rows that come, and rows that are others under the same key."""

    gone: Sequence[Mapping[str, Any]]
    new: Sequence[Mapping[str, Any]]
    changed: Sequence[Mapping[str, Any]]

    @classmethod
    def between(cls, before: Columns, after: Columns, key: str, values: Sequence[str]) -> Self:
        """Compare rows by `values`."""
        old, new, rows = by_key(before, key, values), by_key(after, key, values), rows_of(after)
        return cls(
            [{f"b_{key}": each} for each in old if each not in new],
            [row for row in rows if row[key] not in old],
            [row for row in rows if row[key] in old and old[row[key]] != new[row[key]]],
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be written so that something else is served of a session."""

    bars_gone: Sequence[Mapping[str, Any]]
    bars: Columns
    days_gone: Sequence[Mapping[str, Any]]
    days: Columns
    alerts: _Rows
    letters: _Rows


def read(connection: Connection, session: date) -> dict[str, Columns]:
    """Return bars (all revisions), days, alerts and letters; a record that is in the session, as it was or corrected, is no letter."""
    return {
        "bars": _columns(connection, speed_layer.bars, BARS, (speed_layer.bars.c.session == session,), ("symbol", "start_us", "revision")),
        "days": _columns(connection, speed_layer.days, DAYS, (speed_layer.days.c.session == session,), ("symbol",)),
        "alerts": _columns(connection, speed_layer.alerts, ALERTS, (speed_layer.alerts.c.session == session,), ("fired_us", "key")),
        "letters": _columns(connection, letters, LETTERS, (*_letters(session), letters.c.state.not_in(_IN_THE_SESSION)), ("line",)),
    }


def bars_by_minute(columns: Columns) -> dict[tuple[str, int], tuple[Any, ...]]:
    """Return the values of each bar by (symbol, start), of each minute the newest revision, which stands last."""
    values = zip(*(columns[name] for name in VALUES), strict=True)
    return dict(zip(zip(columns["symbol"], columns["start_us"], strict=True), values, strict=True))


def by_key(columns: Columns, key: str, values: Sequence[str]) -> dict[Any, tuple[Any, ...]]:
    """Return the values of each row by its key."""
    return dict(zip(columns[key], zip(*(columns[name] for name in values), strict=True), strict=True))


def _letters(session: date) -> tuple[Any, ...]:
    return letters.c.pipeline == STREAM, letters.c.partition == session


def _columns(connection: Connection, table: Table, names: Sequence[str], where: Sequence[Any], order: Sequence[str]) -> Columns:
    query = select(*(table.c[name] for name in names)).where(*where).order_by(*(table.c[name] for name in order))
    rows = connection.execute(query).all()
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {name: [] for name in names}


def change_between(before: Mapping[str, Columns], after: Mapping[str, Columns]) -> Change:
    """Return what has to be written so that `after` is served where `before` is."""
    old, new = bars_by_minute(before["bars"]), bars_by_minute(after["bars"])
    gone = [{"b_symbol": symbol, "b_start_us": start} for (symbol, start), bar in old.items() if new.get((symbol, start)) != bar]
    bars = _chosen(after["bars"], ("symbol", "start_us"), {key for key, bar in new.items() if old.get(key) != bar})
    old_days, new_days = by_key(before["days"], "symbol", DAYS[1:]), by_key(after["days"], "symbol", DAYS[1:])
    days = _chosen(after["days"], ("symbol",), {(key,) for key, day in new_days.items() if old_days.get(key) != day})
    raised = _Rows.between(before["alerts"], after["alerts"], "key", _RAISED)
    aside = _Rows.between(before["letters"], after["letters"], "line", ("reason",))
    return Change(gone, bars, [{"b_symbol": symbol} for symbol in old_days if symbol not in new_days], days, raised, aside)


def apply(connection: Connection, session: date, change: Change) -> None:
    """Write a change of what is served; what people said of alerts and letters on both sides stays."""
    bars, days, alerts = speed_layer.bars, speed_layer.days, speed_layer.alerts
    symbol: Any = bindparam("b_symbol")
    start: Any = bindparam("b_start_us")
    _each(connection, delete(bars).where(bars.c.session == session, bars.c.symbol == symbol, bars.c.start_us == start), change.bars_gone)
    _each(connection, delete(days).where(days.c.session == session, days.c.symbol == symbol), change.days_gone)
    if change.bars["symbol"]:
        speed_layer.add_bars(connection, _of(session, change.bars))
    if change.days["symbol"]:
        speed_layer.set_days(connection, _of(session, change.days))
    _each(connection, delete(alerts).where(alerts.c.key == bindparam("b_key")), change.alerts.gone)
    judged = [{name: row[name] for name in ("key", *_RAISED)} for row in change.alerts.changed]
    for rows in (judged, change.alerts.new):
        speed_layer.set_alerts(connection, [dict(row) | {"session": session} for row in rows])
    mine = (*_letters(session), letters.c.line == bindparam("b_line"))
    _each(connection, delete(letters).where(*mine), change.letters.gone)
    own = {"pipeline": STREAM, "partition": session, "session": session}
    _each(connection, insert(letters), [dict(row) | own for row in change.letters.new])
    said = update(letters).where(*mine).values({name: bindparam(f"new_{name}") for name in _FOUND})
    found = [{"b_line": row["line"]} | {f"new_{name}": row[name] for name in _FOUND} for row in change.letters.changed]
    _each(connection, said, found)


def rows_of(columns: Columns) -> list[dict[str, Any]]:
    """Return rows that are given by column."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _chosen(columns: Columns, by: Sequence[str], keys: set[Any]) -> dict[str, list[Any]]:
    keep = [key in keys for key in zip(*(columns[name] for name in by), strict=True)]
    return {name: list(compress(values, keep)) for name, values in columns.items()}


def _of(session: date, columns: Columns) -> Columns:
    return {"session": [session] * len(columns["symbol"]), **columns}


def _each(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(statement, list(rows))
