"""Replays any floorsheet without storing anything."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from engine.errors import SourceUnavailable, UsageError
from engine.market.floorsheet import Floorsheet, read_floorsheet
from engine.market.rules import rules_on
from engine.stream.alerts import StreamAlert
from engine.stream.bars import COLUMNS, Bars, bars_of, no_bars, rolled_up
from engine.stream.intake import SAYS, Reason
from engine.stream.processor import BAR_SECONDS
from engine.stream.reconcile import TOO_LITTLE
from engine.stream.replay import Replay, replayed
from engine.stream.sources.floorsheet_folder import content_of
from engine.stream.ticks import SECOND, Ticks
from engine.stream.trailing import grouped
from engine.thresholds import snapshot

MOST_LETTERS = 1000  # that are listed one by one
WIDTHS = (1, BAR_SECONDS, 5 * BAR_SECONDS)  # seconds of a bar that can be written
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class ReplayQuestion:
    """What is to be replayed, and under which thresholds."""

    path: Path
    turned: Mapping[str, float] = field(default_factory=dict)
    bars: Path | None = None  # where bars are written
    every: int = BAR_SECONDS  # how wide, one of `WIDTHS`


def replay_file(question: ReplayQuestion) -> dict[str, Any]:
    """Return everything that a replay of a floorsheet gives, fit for JSON; money in NPR, times in UTC.

    Raises `UnreadableFile` or `UnknownLayout` for a file that holds no trade that can be read.
    """
    content = _read(question.path)
    sheet = read_floorsheet(content, question.path.name)
    ticks = sheet.ticks.in_order()
    began = process_time()
    replay = replayed(sheet.session, ticks, sheet.symbols, snapshot(question.turned, 0))
    seconds = process_time() - began
    if question.bars:
        _write_bars(question.bars, replay, _wide(replay, ticks, question.every), question.every)
    letters = _letters(sheet, replay)
    return {
        "file": str(question.path),
        "sha256": sha256(content).hexdigest(),
        "layout": sheet.layout,
        "session": sheet.session,
        "ticks": {
            "received": len(ticks) + len(sheet.bad),
            "unreadable": len(sheet.bad),
            "accepted": int((replay.reasons == Reason.ACCEPTED).sum()),
            "dead_letters": len(letters),
        },
        "completeness": _completeness(replay),
        "dead_letters": dict(Counter(letter["reason"] for letter in letters)),
        "letters": letters[:MOST_LETTERS],
        "symbols": day_rows(replay.days, replay.symbols.names),
        "alerts": [alert_row(alert) for alert in replay.alerts],
        "suppressed": replay.suppressed,
        "thresholds": dict(question.turned),
        "cpu_seconds": round(seconds, 4),
        "ticks_per_second": round(len(ticks) / seconds) if seconds else None,
    }


def day_rows(days: Bars, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return one mapping a symbol, by its name, with the seven fields of the daily file; prices null where only odd lots were traded."""
    rows = [dict(zip(COLUMNS, values, strict=True)) for values in days.matrix.T.tolist()]
    return sorted(({"symbol": names[row["symbol"]]} | _in_npr(row) for row in rows), key=lambda row: row["symbol"])


def alert_row(alert: StreamAlert) -> dict[str, Any]:
    """Return an alert as a mapping."""
    return {
        "key": alert.key,
        "rule": alert.rule,
        "symbol": alert.symbol,
        "state": alert.state.value,
        "began": _instant(alert.began),
        "fired": _instant(alert.fired),
        "resolved": None if alert.resolved is None else _instant(alert.resolved),
        "score": alert.score,
        "limit": alert.limit,
        "price": alert.rate / 100,
        "contract": alert.contract,
        "suppressed": alert.suppressed,
        "group": alert.group,
        "members": alert.members,
    }


def _in_npr(row: Mapping[str, int]) -> dict[str, Any]:
    prices = {name: row[name] / 100 if row[name] else None for name in _PRICES}
    return prices | {"volume": row["volume"], "turnover": row["turnover"] / 100, "trades": row["trades"]}


def _instant(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds // SECOND, UTC).replace(microsecond=microseconds % SECOND)


def _completeness(replay: Replay) -> dict[str, Any]:
    received, missing = sum(part.received for part in replay.completeness), replay.missing
    return {
        "received": received,
        "missing": missing,
        "died_early": received < TOO_LITTLE * (received + missing),
        "complete_pct": round(100 * received / (received + missing), 4) if received else None,
        "partitions": [
            {"partition": part.partition, "received": part.received, "last": part.last, "missing": part.missing}
            for part in replay.completeness
        ],
    }


def _letters(sheet: Floorsheet, replay: Replay) -> list[dict[str, Any]]:
    """Return what was set aside: lines that could not be read, then trades by the order in which they were replayed."""
    unread = [_letter(Reason.MALFORMED, bad.line, why=bad.reason) for bad in sheet.bad]
    order = np.lexsort((sheet.ticks.contract, sheet.ticks.time))
    aside = np.flatnonzero(replay.reasons != Reason.ACCEPTED)
    ticks, lines = sheet.ticks.take(order[aside]), sheet.lines[order[aside]]
    columns = (replay.reasons[aside], lines, ticks.contract, ticks.symbol, ticks.time)
    return unread + [
        _letter(Reason(reason), line, contract=contract, symbol=sheet.symbols.names[symbol], time=_instant(time), why=SAYS[Reason(reason)])
        for reason, line, contract, symbol, time in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _letter(reason: Reason, line: int, *, why: str, **trade: Any) -> dict[str, Any]:
    known = {name: trade.get(name) for name in ("contract", "symbol", "time")}
    return {"reason": reason.name.lower(), "line": line} | known | {"why": why}


def _wide(replay: Replay, ticks: Ticks, width: int) -> Bars:
    """Return bars of a width by (symbol, start); those of less than a minute are made of the trades themselves."""
    if width >= BAR_SECONDS:
        return rolled_up(replay.bars, width // BAR_SECONDS)
    accepted = ticks.take(replay.reasons == Reason.ACCEPTED)
    return bars_of(grouped(accepted), width * SECOND, rules_on(replay.session).board_lot) if len(accepted) else no_bars()


def _write_bars(path: Path, replay: Replay, bars: Bars, width: int) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for values in bars.matrix.T.tolist():
                row = dict(zip(COLUMNS, values, strict=True))
                start = datetime.fromtimestamp(row["start"] * width, UTC).isoformat()
                writer.writerow([replay.symbols.names[row["symbol"]], start, *_in_npr(row).values()])
    except OSError as error:
        raise UsageError(f"--bars {path} cannot be written: {error.strerror}. Name a file in a folder that is there.") from error


def _read(path: Path) -> bytes:
    try:
        return content_of(path)
    except SourceUnavailable as error:
        raise UsageError(f"{error} Name a floorsheet file, packed or not.") from error
