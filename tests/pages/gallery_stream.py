"""States of the gallery in which the tick stream has worked."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from engine.clock import nepal_time
from engine.stream.alerts import MARKET, AlertState
from engine.stream.intake import Hours
from engine.stream.ticks import SECOND
from storage import dead_letters, moves, runners, runs, speed_layer
from storage.dead_letters import Letter
from storage.status import LetterKind, ProcessKind, RunStatus, RunType
from storage.tables import AlertSilence
from tests.pages.gallery import LAST, NOW, Store, healthy

SESSION = LAST
OPENS = Hours.of(SESSION).opens
ELEVEN = int(nepal_time(SESSION, 11).timestamp()) * SECOND
HALF = ELEVEN + 2 * 60 * 60 * SECOND  # 13:00 in Nepal
MINUTE = 60 * SECOND
SYMBOLS = ("ADBL", "HIDCL", "NABIL", "NICA", "UPPER")
PROCESS = "host-stream-1"


def _working(store: Store, status: RunStatus, **known: Any) -> int:
    """Record a session of the stream that has come to 13:00 and to `status`."""
    at = NOW - timedelta(minutes=10)
    with store.database.transaction() as connection:
        run_id = moves.add(
            connection,
            at=at,
            pipeline=moves.STREAM,
            partition=SESSION,
            run_type=RunType.MANUAL,
            requested_by="console",
            simulated=True,
        )
        speed_layer.begin(connection, SESSION, at=at, run_id=run_id, source="simulated", simulated=True, speed=60.0)
        if status is RunStatus.QUEUED:
            return run_id
        moves.move(connection, run_id, RunStatus.RUNNING, at=at, name="run_claimed", started_at=at, runner_id=PROCESS, fence=1)
        figures = {"records": 5_300, "accepted": 5_280, "aside": {"duplicate": 12, "late": 8}, "held": 37, "missing": 4}
        times = {"newest_us": HALF, "watermark_us": HALF - 5 * SECOND, "updated_at": NOW - timedelta(seconds=1)}
        figures |= {"bars": 600, "alerts": 4, "suppressed": 9, "rate": 1_234.0, "commit_ms": 12.4}
        speed_layer.change(connection, SESSION, **figures | times | known)
        _fill(connection)
        if status is not RunStatus.RUNNING:
            moves.finish(connection, run_id, status, at=NOW, day=SESSION, held=1, **_said(known.get("note")))
    return run_id


def _said(note: str | None) -> dict[str, Any]:
    return {"reason": note or "5,280 of 5,300 records accepted, 4 trades missing"}


def _fill(connection) -> None:
    rows = [(symbol, place, minute) for place, symbol in enumerate(SYMBOLS) for minute in range(0, 120, place + 1)]
    prices = [50_000 + 1_000 * place + 100 * (minute % 7) for _, place, minute in rows]
    speed_layer.add_bars(
        connection,
        {
            "session": [SESSION] * len(rows),
            "symbol": [symbol for symbol, _, _ in rows],
            "start_us": [ELEVEN + minute * MINUTE for _, _, minute in rows],
            "revision": [0] * len(rows),
            **{f"{name}_paisa": [price + more for price in prices] for name, more in _AROUND.items()},
            "volume": [200] * len(rows),
            "turnover_paisa": [200 * price for price in prices],
            "trades": [3] * len(rows),
        },
    )
    count = len(SYMBOLS)
    closes = [50_000 + 1_000 * place for place in range(count)]
    speed_layer.set_days(
        connection,
        {
            "session": [SESSION] * count,
            "symbol": list(SYMBOLS),
            **{f"{name}_paisa": [close + more for close in closes] for name, more in _AROUND.items()},
            "volume": [24_000] * count,
            "turnover_paisa": [24_000 * close for close in closes],
            "trades": [360] * count,
            "previous_close_paisa": [None, 52_000, 50_000, 53_500, 53_000],
        },
    )


_AROUND: Mapping[str, int] = {"open": 0, "high": 300, "low": -200, "close": 100}


def alert(key: str, symbol: str = "NABIL", *, minute: int = 60, rule: str = "moving_average", **known: Any) -> dict[str, Any]:
    """Return an alert that fired so many minutes after eleven, as its table holds it."""
    at = ELEVEN + minute * MINUTE
    row = {"key": key, "session": SESSION, "rule": rule, "symbol": symbol, "state": AlertState.FIRING.value, "began_us": at, "fired_us": at}
    row |= {"resolved_us": None, "score": 5.42, "bound": 5.0, "contract": 7, "rate_paisa": 52_000, "suppressed": 0}
    return row | {"market_key": None, "members": 0} | known


def _alerts(store: Store) -> None:
    market = {"market_key": "market-1", "score": 6.0}
    rows = [
        alert("nabil-1", suppressed=3),
        alert("upper-1", "UPPER", minute=50, rule="volume_limit", score=120_000.0, bound=100_000.0),
        alert("hidcl-1", "HIDCL", minute=40, rule="trade_burst", score=63.0, bound=50.0),
        alert("old-1", minute=10, state=AlertState.RESOLVED.value, resolved_us=ELEVEN + 12 * MINUTE),
        alert("market-1", MARKET, minute=90, score=7.2, members=3),
        *(alert(f"member-{symbol}", symbol, minute=90, **market) for symbol in ("ADBL", "NABIL", "NICA")),
    ]
    with store.database.transaction() as connection:
        speed_layer.set_alerts(connection, rows)
        speed_layer.acknowledge(connection, "upper-1", by="a person", at=NOW)
        said = {"rule": "trade_burst", "symbol": "HIDCL", "reason": "a known right issue", "silenced_by": "a person"}
        speed_layer.silence(connection, until=NOW + timedelta(hours=1), silenced_at=NOW - timedelta(minutes=5), **said)
        over = {"rule": None, "symbol": "NICA", "until": NOW - timedelta(days=1), "reason": "over", "silenced_by": "a person"}
        connection.execute(insert(AlertSilence.__table__), over | {"silenced_at": NOW - timedelta(days=2)})


def _process(store: Store, *, silent: timedelta = timedelta(seconds=1)) -> None:
    at = NOW - silent
    with store.database.transaction() as connection:
        started = {"host": "host", "pid": 2, "started_at": at - timedelta(hours=1), "heartbeat_at": at, "beats": 10, "scheduling": False}
        runners.add(connection, id=PROCESS, kind=ProcessKind.STREAM, **started)


def stream_queued(store: Store) -> None:
    """A session is queued, and no runner is alive."""
    store.history()
    _working(store, RunStatus.QUEUED)


def stream_working(store: Store) -> None:
    """The stream works on a session, with alerts of every kind and records that were set aside."""
    healthy(store)
    run_id = _working(store, RunStatus.RUNNING)
    _process(store)
    _alerts(store)
    trade = {"contractId": 2025060301000012, "stockSymbol": "NABIL", "contractQuantity": 100, "contractRate": 520.0}
    found = [
        Letter(
            LetterKind.ROW, 12, "NABIL", "duplicate", None, "offset 12: its contract was accepted before", b"{}", trade, SESSION, "intake"
        ),
        Letter(LetterKind.LINE, 13, None, "malformed", None, "offset 13: no price", b"1,NABIL,", None, SESSION, "intake"),
    ]
    with store.database.transaction() as connection:
        run = runs.one(connection, run_id)
        dead_letters.add(connection, run, "0" * 64, f"ticks {SESSION}", found, at=NOW)


def stream_paused(store: Store) -> None:
    """A person paused the session."""
    healthy(store)
    _working(store, RunStatus.RUNNING, paused=True)
    _process(store)


def stream_source_away(store: Store) -> None:
    """The source does not answer."""
    healthy(store)
    _working(store, RunStatus.RUNNING, note="The exchange did not answer. Asked again in 4 s.")
    _process(store)


def stream_silent(store: Store) -> None:
    """The process has shown no sign of life for a minute."""
    healthy(store)
    _working(store, RunStatus.RUNNING)
    _process(store, silent=timedelta(minutes=1))


def stream_rescued(store: Store) -> None:
    """The process died twice, and its session is queued again."""
    healthy(store)
    run_id = _working(store, RunStatus.QUEUED)
    with store.database.transaction() as connection:
        moves.note(connection, run_id, rescues=2, available_at=NOW + timedelta(seconds=8))


def stream_stopped(store: Store) -> None:
    """A person stopped the session."""
    healthy(store)
    _working(store, RunStatus.CANCELLED, note="stopped after 5,300 records")


def stream_ended(store: Store) -> None:
    """The session is over."""
    healthy(store)
    _working(store, RunStatus.SUCCEEDED, ended_at=NOW)


def stream_failed(store: Store) -> None:
    """The session failed."""
    healthy(store)
    _working(store, RunStatus.FAILED, note="the file names a session of another day")


def stream_alone(store: Store) -> None:
    """Only the stream has ever worked; the daily pipeline has not."""
    store.runner()
    _working(store, RunStatus.SUCCEEDED, ended_at=NOW)


STREAM_STATES: dict[str, Callable[[Store], None]] = {
    state.__name__: state
    for state in (
        *(stream_queued, stream_working, stream_paused, stream_source_away, stream_silent, stream_rescued),
        *(stream_stopped, stream_ended, stream_failed, stream_alone),
    )
}
