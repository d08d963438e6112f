"""States of the gallery with dead letters and blocked sessions."""

from collections.abc import Callable
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import insert, update

from storage import lake, quality
from storage.status import CheckStatus, Decision, GateVerdict, LetterKind, LetterState, RunStatus, Verdict
from storage.tables import DateState, DeadLetter, Run
from tests.pages.gallery import BEFORE, LAST, NOW, PIPELINE, TODAY, Store, healthy

HEADER = b"S.No,Symbol,Conf.,Open,High,Low,Close,LTP,Close - LTP,Close - LTP %,VWAP,Vol,Prev. Close,Turnover,Trans.,Diff,Range,Diff %,"
HEADER += b"Range %,VWAP %,120 Days,180 Days,52 Weeks High,52 Weeks Low"
ROW = b'1,ADBL,-,250.00,249.00,251.00,250.00,250.00,0.00,0.00,250.10,"1,000",249.00,"250,100.00",12,1.00,-2.00,0.40,-0.80,0.04,'
ROW += b"240.00,238.00,290.00,190.00"
CONTENT = HEADER + b"\n" + ROW + b"\n2,NABIL,\xff\x00broken\n"
SHA = sha256(CONTENT).hexdigest()
FOUND = {"check": "high_not_below_low", "observed": 249.0, "bound": 251.0, "score": 0.7968}
PARSED = {"symbol": "ADBL", "open": "250.00", "high": "249.00", "low": "251.00", "close": "250.00", "volume": 1000}
WHOLE = {"physical": 303, "header": 1, "blank": 0, "loaded": 270, "quarantined": 30, "duplicates": 2}


def letter(run_id: int, line: int, state: LetterState, **values: Any) -> dict[str, Any]:
    """Return a row of dead_letter: a refused row, unless the values say otherwise."""
    said: dict[str, Any] = {
        "pipeline": PIPELINE,
        "partition": BEFORE,
        "session": BEFORE,
        "run_id": run_id,
        "first_run_id": run_id,
        "kind": LetterKind.ROW,
        "source_file": f"{BEFORE:%Y_%m_%d}.csv",
        "source_sha256": SHA,
        "line": line,
        "symbol": f"S{line:03d}",
        "stage": "quality",
        "reason": "high_not_below_low",
        "checks": [FOUND],
        "message": "high_not_below_low: 249 against 251",
        "raw": ROW,
        "parsed": PARSED,
        "edited_raw": None,
        "state": state,
        "tries": 0,
        "first_seen": NOW - timedelta(days=1),
        "last_seen": NOW - timedelta(hours=1),
        "resolved_run_id": None,
        "decided_by": None,
        "decided_at": None,
        "note": None,
    }
    return said | values


def letters(store: Store) -> None:
    """There is a letter in every state and of every kind."""
    healthy(store)
    with store.database.reading() as connection:
        run_id = connection.execute(Run.__table__.select().where(Run.__table__.c.partition == BEFORE)).mappings().one()["id"]
    decided = {"decided_by": "asha", "decided_at": NOW - timedelta(minutes=30)}
    line = {"kind": LetterKind.LINE, "stage": "parsed", "checks": None, "parsed": None}
    whole = {"kind": LetterKind.FILE, "session": None, "symbol": None, "checks": None, "parsed": None, "raw": None, "stage": "parsed"}
    bad = b"2,NABIL,\xff\x00broken"
    said = "byte 0xff at position 8 is not UTF-8"
    torn = "2025_06_03.csv.gz is torn: gzip ends after 512 bytes of text. Ask the source for the date again."
    rows = [
        letter(run_id, 2, LetterState.OPEN, symbol="ADBL"),
        letter(run_id, 3, LetterState.OPEN, **line, symbol=None, reason="not_text", message=said, raw=bad),
        letter(run_id, 4, LetterState.PARKED, tries=5),
        letter(run_id, 5, LetterState.EDITED, edited_raw=ROW.replace(b"249.00", b"252.00", 1), resolved_run_id=run_id, **decided),
        letter(run_id, 6, LetterState.REPLAYED, resolved_run_id=run_id),
        letter(run_id, 7, LetterState.DISCARDED, note="a test row of the exchange", **decided),
        letter(run_id, 0, LetterState.OPEN, **whole, partition=TODAY, source_sha256="b" * 64, reason="UnreadableFile", message=torn),
    ]
    with store.database.transaction() as connection:
        connection.execute(insert(DeadLetter.__table__), rows)
        version = store.runtime.lake.write("bronze", BEFORE, lake.bytes_content(CONTENT, suffix=".csv"))
        lake.publish(connection, version, run_id=run_id, at=NOW, simulated=True)
        _judge(connection, run_id, BEFORE, GateVerdict.FLAGGED, "296 rows pass, 3 of them with a flag; 5 are set aside")


def _judge(connection: Any, run_id: int, session: date, verdict: GateVerdict, reason: str) -> None:
    report = {
        "run_id": run_id,
        "pipeline": PIPELINE,
        "partition": session,
        "session": session,
        "source_sha256": SHA,
        "verdict": verdict,
        "approved_by": None,
        "reason": reason,
        **WHOLE,
        "warned": 3,
        "threshold_version": 0,
        "thresholds": {"gate.block_above": 5.0, "close_inside_range.error_above": 10.0},
        "findings_path": None,
        "quarantine_path": None,
        "reported_at": NOW,
    }
    common = {"run_id": run_id, "session": session, "version": 1, "scope": "row", "fingerprint": "f" * 64, "reason": None, "sample": None}
    nothing = {"warned": 0, "failed": 0, "explained": 0, "rate": 0.0, "worst": None, "observed": None, "bound": None}
    of = common | nothing | {"applicable": 300, "warn_above": None, "error_above": 0.0, "status": CheckStatus.PASSED}
    results = [
        of | {"check_id": "high_not_below_low", "status": CheckStatus.FAILED, "failed": 5, "worst": 0.8, "observed": 249.0, "bound": 251.0},
        of | {"check_id": "vwap_inside_range", "status": CheckStatus.WARNED, "warned": 3, "warn_above": 0.05, "error_above": None},
        of | {"check_id": "positive_prices"},
        of | {"check_id": "symbol_is_listed", "status": CheckStatus.OFF},
    ]
    quality.add_report(connection, report, results)


def blocked(store: Store) -> None:
    """The newest session is held by the gate until a person decides."""
    store.history(until=TODAY - timedelta(days=1))
    store.runner()
    reason = f"the session of {LAST} is blocked: 30 of 300 lines (10.0 %) are set aside. Approve it, reject it, or rerun its date."
    run_id = store.run(LAST, RunStatus.FAILED, verdict=Verdict.FAILED, reason=reason)
    file = {"source_sha256": SHA, "source_file": f"{LAST:%Y_%m_%d}.csv", "session_date": LAST}
    with store.database.transaction() as connection:
        told = {"error_type": "SessionBlocked", "error_stage": "quality", "error_traceback": None}
        connection.execute(update(Run.__table__).where(Run.__table__.c.id == run_id).values(**told, **file))
        connection.execute(update(DateState.__table__).where(DateState.__table__.c.run_id == run_id).values(source_sha256=SHA))
        _judge(connection, run_id, LAST, GateVerdict.BLOCKED, "30 of 300 lines (10.0 %) are set aside, more than the 5 %")
        rows = [letter(run_id, line, LetterState.OPEN, partition=LAST, session=LAST) for line in range(2, 32)]
        connection.execute(insert(DeadLetter.__table__), rows)


def rejected(store: Store) -> None:
    """A person has said that the newest session is rightly held."""
    blocked(store)
    with store.database.reading() as connection:
        run = connection.execute(Run.__table__.select().where(Run.__table__.c.error_type == "SessionBlocked")).mappings().one()
    file = {"pipeline": PIPELINE, "partition": run["partition"], "source_sha256": SHA}
    said = {"run_id": run["id"], "decided_by": "asha", "decided_at": NOW, "reason": "the exchange published a test file"}
    with store.database.transaction() as connection:
        quality.decide(connection, decision=Decision.REJECT, **file, **said)


def many_letters(store: Store, *, number: int = 2_000) -> None:
    """Two thousand letters of long ago, all handled but a few."""
    healthy(store)
    first = date(2020, 1, 1)
    rows = [
        letter(
            1 + index % 60,
            2 + index % 40,
            LetterState.OPEN if index % 400 == 0 else LetterState.REPLAYED,
            partition=first + timedelta(days=index // 40),
            reason="price_band" if index % 3 else "high_not_below_low",
            raw=b"raw",
            parsed=None,
        )
        for index in range(number)
    ]
    with store.database.transaction() as connection:
        connection.execute(insert(DeadLetter.__table__), rows)


LETTER_STATES: dict[str, Callable[[Store], None]] = {state.__name__: state for state in (letters, blocked, rejected, many_letters)}
