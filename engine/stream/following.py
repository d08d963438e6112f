"""What commands need of the stream: which session is meant, how far it has come, its end."""

import signal
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from engine.clock import NEPAL, nepal_date
from engine.errors import UnknownName, UsageError
from engine.pipeline.interrupts import set_from_handler
from engine.runtime import Runtime
from engine.stream.logs import log_of
from engine.stream.sources import AS_THEY_COME, ticks_of
from engine.stream.ticks import SECOND
from engine.stream.work import StreamProcess
from engine.waiting import some_runner, wait_until
from storage import moves, runs, speed_layer

GLANCE = 0.05  # seconds
_IN_JSON = {"rate": "records_per_second", "speed": "speed_times"}  # columns whose name lacks the unit


def worked_on(runtime: Runtime) -> date:
    """Return the session that the stream works on, else that it worked on last; `UnknownName` where there is none."""
    with runtime.database.reading() as connection:
        rows = speed_layer.recent(connection, limit=60)
        active = [row["session"] for row in rows if runs.active_of(connection, moves.STREAM, row["session"]) is not None]
    if len(active) > 1:
        raise UsageError(f"the stream works on {', '.join(map(str, active))}; say which with --session")
    if not rows:
        raise UnknownName("the stream has not worked on any session yet; start one with: python -m engine stream start")
    session: date = active[0] if active else rows[0]["session"]
    return session


def status(runtime: Runtime, session: date) -> dict[str, Any]:
    """Return how far a session has come."""
    with runtime.database.reading() as connection:
        state = speed_layer.state(connection, session)
        run = runs.one(connection, state["run_id"]) if state is not None else None
    if state is None:
        raise UnknownName(f"the stream has never worked on {session}")
    more = {"run_status": run["status"] if run is not None else None, "today": nepal_date(runtime.clock.now())}
    said = {_IN_JSON.get(name, name): value for name, value in dict(state).items()}
    return said | {name: _instant(said.pop(f"{name}_us")) for name in ("watermark", "newest")} | more


def told(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return how far a session has come for people: times in Nepal, figures short, nothing that says nothing."""
    counted = sorted((found["aside"] or {}).items(), key=lambda one: (-one[1], one[0]))
    aside = ", ".join(f"{number:,} {reason}" for reason, number in counted if number) or "none"
    speed, rate, commit = found["speed_times"], found["records_per_second"], found["commit_ms"]
    said = {
        "session": found["session"],
        "status": f"{found['run_status']} (run {found['run_id']}){', paused' if found['paused'] else ''}",
        "source": found["source"] or None,
        "simulated": "yes" if found["simulated"] else None,
        "speed": "as they come" if found["source"] in AS_THEY_COME else "max" if speed is None else f"{speed:g} times the clock",
        "records": f"{found['records']:,} received, {found['accepted']:,} accepted, {found['held']:,} held",
        "set aside": aside,
        "missing": f"{found['missing']:,} trades by the holes in the contract ids",
        "newest trade": _clock(found["newest"]),
        "watermark": _clock(found["watermark"]),
        "bars": f"{found['bars']:,}",
        "alerts": f"{found['alerts']:,}, and {found['suppressed']:,} kept quiet by a cooldown",
        "rate": None if rate is None or found["ended_at"] is not None else f"{rate:,.1f} records a second",
        "last commit": None if commit is None else f"{commit:,.1f} ms",
        "thresholds": f"version {found['thresholds']}",
        "served": None if found["version"] is None else f"version {found['version']}, computed anew from the log (stream versions)",
        "note": found["note"],
        "started": found["started_at"],
        "updated": found["updated_at"],
        "ended": found["ended_at"],
    }
    return {name: value for name, value in said.items() if value is not None}


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else datetime.fromtimestamp(microseconds / SECOND, UTC)


def _clock(instant: datetime | None) -> str | None:
    """Return an instant of the market as people in Nepal read it."""
    return None if instant is None else f"{instant.astimezone(NEPAL):%H:%M:%S} in Nepal"


def follow(runtime: Runtime, run_id: int, *, timeout: float | None) -> None:
    """Wait for the end of a session, at most `timeout` seconds, with a process of our own where no runner is alive."""
    longest = None if timeout is None else timedelta(seconds=timeout)

    def over() -> bool:
        with runtime.database.reading() as connection:
            row = runs.one(connection, run_id)
        return row is None or runs.is_final(row["status"])

    with some_runner(runtime, ["--only-run", str(run_id), "--no-scheduling"]):
        wait_until(over, timeout=longest, glance=GLANCE)


def work(runtime: Runtime, run_id: int) -> None:
    """Work on one queued session in this process; it ends with code 1 where the session is not over, so that it is not taken as such."""
    with runtime.database.reading() as connection:
        row = runs.one(connection, run_id)
    if row is None or row["pipeline"] != moves.STREAM:
        raise UnknownName(f"there is no session of the stream with run {run_id}")
    process = StreamProcess(runtime, log_of(runtime), lambda speed: ticks_of(runtime, speed=speed))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: set_from_handler(process.stopping))
    if process.serve(run_id) is None:
        sys.exit(1)
