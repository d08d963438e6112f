"""Reads what a reconciliation needs, the tape and the official rows of a session, and says what it came to."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from engine.pipelines import PIPELINES
from engine.pipelines.daily_prices import REJECTED
from engine.runtime import Runtime
from engine.stream.reconcile import EXPLAINED, FIELDS, PRICES, OfficialDay, Reconciliation, SymbolResult, Verdict, reconciled
from engine.stream.replay import replayed
from engine.tapes import Tape
from engine.thresholds import snapshot
from storage import lake, quality, sessions
from storage.lake import LakeFileLost

_MONEY = {*PRICES, "turnover"}


def official_day(runtime: Runtime, session: date) -> OfficialDay:
    """Return the official rows of a session as they are served; none while it is not loaded."""
    with runtime.database.reading() as connection:
        accepted = sessions.one(connection, session)
        if accepted is None:
            return OfficialDay({})
        rows = sessions.served(connection, session)
        before = sessions.last_before(connection, session)
        closes = {row["symbol"]: row["close_paisa"] for row in sessions.served(connection, before["session"])} if before else {}
        aside = _lists_of_what_was_set_aside(connection, session, accepted["file_date"])
    known = runtime.source.reference().control.get(session)
    return OfficialDay(
        rows={row["symbol"]: {name: row[f"{name}_paisa" if name in _MONEY else name] for name in FIELDS} for row in rows},
        trades=known.trades if known else None,
        refused=frozenset(symbol for path in aside for symbol in _symbols(runtime, path)),
        restated=frozenset(
            row["symbol"]
            for row in rows
            if (close := closes.get(row["symbol"])) and row["previous_close_paisa"] and row["previous_close_paisa"] != close
        ),
    )


def _lists_of_what_was_set_aside(connection: Connection, session: date, file_date: date) -> list[str]:
    """Return the lake files of the lines that could not be read, and of the rows that the gate has refused."""
    unreadable = lake.current(connection, REJECTED, file_date)
    reports = [report for pipeline in PIPELINES for report in quality.reports_between(connection, pipeline, session, session)]
    return [path for path in (unreadable.path if unreadable else None, *(report["quarantine_path"] for report in reports)) if path]


def _symbols(runtime: Runtime, path: str) -> list[str]:
    try:
        return [symbol for symbol in runtime.lake.read_table(path)["symbol"].to_pylist() if symbol]
    except LakeFileLost:
        return []  # the row is then said to be missing, which is true


def reconcile(runtime: Runtime, tape: Tape) -> Reconciliation:
    """Compare a tape with the official rows of its session."""
    replay = replayed(tape.session, tape.ticks, tape.symbols, snapshot({}, 0))
    return reconciled(replay, tape.ticks, official_day(runtime, tape.session))


def told(found: Reconciliation, tape: Tape, *, simulated: bool) -> dict[str, Any]:
    """Return a reconciliation fit for JSON: money in NPR, only symbols that differ one by one."""
    return {
        "session": found.session,
        "simulated": simulated,
        "tape": tape.origin,
        "verdict": found.verdict.value,
        "says": says(found),
        "symbols": {
            "on_both_sides": len(found.present),
            "exact": found.exact,
            "absent": [one.symbol for one in found.absent],
        },
        "trades": {
            "on_the_tape": found.received,
            "official": found.official_trades,
            "missing_by_ids": found.missing_by_ids,
            "missing_by_total": found.missing_by_total,
            "set_aside": dict(found.set_aside),
            "unreadable_lines": len(tape.bad),
        },
        "complete_pct": {"by_ids": _percent(found.complete_by_ids), "by_total": _percent(found.complete_by_total)},
        "causes": [{"cause": cause.value, "symbols": symbols, "trades": trades} for cause, (symbols, trades) in found.causes.items()],
        "differing": [_row(one) for one in found.results if one.tape is not None and not one.exact],
    }


def _percent(share: float | None) -> float | None:
    """Return a share in percent; a hundred only where nothing is missing."""
    if share is None:
        return None
    return min(round(100 * share, 4), 99.9999) if share < 1 else 100.0


def _row(one: SymbolResult) -> dict[str, Any]:
    def npr(name: str, value: int | None) -> Decimal | int | None:
        return Decimal(value).scaleb(-2) if value is not None and name in _MONEY else value

    fields = {
        name: {"tape": npr(name, one.tape[name]), "official": npr(name, one.official[name])}
        for name in one.differing
        if one.tape is not None and one.official is not None
    }
    return {"symbol": one.symbol, "causes": {cause.value: trades for cause, trades in one.causes.items()}, "fields": fields}


def says(found: Reconciliation) -> str:
    """Return the verdict in words; a day that is incomplete is never called reconciled."""
    both, missing = len(found.present), found.missing_by_total
    if found.verdict is Verdict.NOT_POSSIBLE:
        return f"There are no official rows of {found.session} to compare with: run that date first."
    if found.verdict is Verdict.INCOMPLETE:
        of = found.official_trades if found.official_trades is not None else found.received + found.missing_by_ids
        there = f"The tape holds {found.received:,} of {of:,} trades ({100 * found.received / of:.1f} %): it died early."
        return f"{there} {found.exact} of the {both} symbols that are there are exact, which is not a reconciliation."
    apart = _apart(found)
    if found.verdict is Verdict.DIFFERS:
        differing = [one for one in found.results if one.tape is not None and one.causes.keys() - EXPLAINED]
        noun = "symbol differs" if len(differing) == 1 else "symbols differ"
        return f"{len(differing)} {noun}; {found.exact} of {both} on both sides are exact{apart}. {_missing(found)}".strip()
    if found.verdict is Verdict.EXACT_FOR_PRESENT:
        return f"All seven fields of all {both} symbols that are on the tape are exact{apart}. {_missing(found)}"
    total = f", and all {found.received:,} trades are there" if missing == 0 else ""
    return f"All seven fields of all {both} symbols are exact{apart}{total}."


def _apart(found: Reconciliation) -> str:
    explained = [f"{cause.value}: {symbols:,}" for cause, (symbols, _) in found.causes.items() if cause in EXPLAINED]
    return f" ({', '.join(explained)})" if explained else ""


def _missing(found: Reconciliation) -> str:
    missing = found.missing_by_total if found.missing_by_total is not None else found.missing_by_ids
    if missing <= 0:
        return ""
    absent = "" if not found.absent else f", {len(found.absent):,} symbols altogether"
    if len(found.absent) == 1:
        absent = f", {found.absent[0].symbol} altogether"
    return f"{missing:,} {'trade is' if missing == 1 else 'trades are'} missing{absent}."
