"""Checks any floorsheet without storing anything: its layout, its lines, and which trades are missing."""

import zlib
from datetime import date
from pathlib import Path
from typing import Any

from engine.errors import DataError, SourceUnavailable, UsageError
from engine.market.floorsheet import MAX_BYTES
from engine.market.unpack import unpack
from engine.replaying import ReplayQuestion, replay_file
from engine.stream.sources.floorsheet_folder import content_of
from storage.status import GateVerdict

UNREADABLE = "unreadable"
INCOMPLETE = "incomplete"
_PEEK = 64 * 1024  # bytes
_GZIP = 31  # zlib's window size for a gzip member
_TRADES = (b"contractId", b"contract_no")  # a column that every floorsheet has, and no daily file


def is_floorsheet(path: Path) -> bool:
    """Say whether the first line of a file is that of a floorsheet; what cannot be read is none."""
    try:
        with path.open("rb") as file:
            begin = file.read(_PEEK)
        text = zlib.decompressobj(_GZIP).decompress(begin, _PEEK) if begin.startswith(b"\x1f\x8b") else begin
    except (OSError, zlib.error):
        return False
    header = text.lstrip().split(b"\n", 1)[0]
    return any(column in header for column in _TRADES)


def check_floorsheet(path: Path, session: date | None) -> dict[str, Any]:
    """Return what there is to say of a floorsheet, fit for JSON: `passed`, `incomplete`, or `unreadable` with the error.

    `session` is what it should hold. `UsageError` where it cannot be read.
    """
    about: dict[str, Any] = {"file": str(path), "kind": "floorsheet", "sha256": None, "layout": None, "session": session}
    try:
        found = replay_file(ReplayQuestion(path))
        physical = len(unpack(content_of(path), path.name, most=MAX_BYTES).splitlines())
    except DataError as error:
        return about | {"verdict": UNREADABLE, "error": str(error), "error_type": type(error).__name__, "line": error.line}
    except SourceUnavailable as error:
        raise UsageError(str(error)) from error
    bad = found["ticks"]["unreadable"]
    trades = found["ticks"]["received"] - bad
    lines = {"physical": physical, "header": 1, "blank": physical - 1 - trades - bad, "trades": trades, "unreadable": bad}
    wrong = _wrong(found, session)
    return about | {
        "sha256": found["sha256"],
        "layout": found["layout"],
        "session": found["session"],
        "session_from": "contracts",
        "verdict": INCOMPLETE if wrong else GateVerdict.PASSED,
        "reason": "; ".join(wrong) or f"{trades:,} trades of {len(found['symbols']):,} symbols, without a hole in the contract ids",
        "lines": lines,
        "symbols": len(found["symbols"]),
        "completeness": found["completeness"],
        "set_aside": found["dead_letters"],
        "rows": found["letters"],
    }


def _wrong(found: dict[str, Any], session: date | None) -> list[str]:
    wrong = []
    if session is not None and session != found["session"]:
        wrong.append(f"it holds the session of {found['session']}, not that of {session}")
    if bad := found["ticks"]["unreadable"]:
        wrong.append(f"{bad:,} lines cannot be read" if bad > 1 else "1 line cannot be read")
    aside = {reason: count for reason, count in found["dead_letters"].items() if reason != "malformed"}
    if aside:
        wrong.append("set aside: " + ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in aside.items()))
    if missing := found["completeness"]["missing"]:
        share = found["completeness"]["complete_pct"]
        wrong.append(f"{missing:,} trades are missing by the holes in the contract ids ({share} % complete)")
    return wrong
