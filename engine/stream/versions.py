"""Versions of past sessions: built from the log one session after the other, and compared with what is served."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any

import structlog
from sqlalchemy import Connection

from engine.errors import LakeError, TickLogError, UnknownName
from engine.market.calendar import TradingCalendar
from engine.pipelines.thresholds import load
from engine.runtime import Runtime
from engine.stream.content import Content, packed, served, unpacked
from engine.stream.deciding import decided_on
from engine.stream.log import TickLog
from engine.stream.logs import log_of
from engine.stream.rebuilding import Question, rebuilt
from engine.stream.version_diff import Compared, Given, compared
from engine.thresholds import Thresholds, snapshot
from engine.version import code_version
from storage import runs, sessions, speed_layer, stream_versions, thresholds
from storage.status import VersionSide

MOST_ATTEMPTS = 3  # a session that took more processes with it is the cause


@dataclass(frozen=True, slots=True)
class Built:
    """What was built of what waited."""

    sessions: int = 0
    failed: int = 0


def limits_of(connection: Connection, figures: Mapping[Any, Any]) -> Thresholds:
    """Return the thresholds under which a session was computed; `figures` as `stream_state` holds them."""
    if figures["version"] is None:
        return load(connection, figures["thresholds"])
    return limits_of_version(connection, stream_versions.one(connection, figures["version"]) or figures)


def limits_of_version(connection: Connection, row: Mapping[Any, Any]) -> Thresholds:
    """Return the thresholds that a version was asked for with."""
    standing = thresholds.values_at(connection, row["thresholds"]) if row["thresholds"] else {}
    return snapshot(dict(standing) | dict(row["turned"] or {}), row["thresholds"])


def made_of(connection: Connection, log: TickLog, session: date) -> str:
    """Return what is another when the log of a session is, or what people have taken in of it."""
    state = log.state(session, within=connection)
    decided = decided_on(connection, session)
    corrected = f"|{sorted(decided.corrected)}|{sorted(decided.taken_back)}" if decided.corrected or decided.taken_back else ""
    return sha256(f"{state.records}|{state.tail}|{sorted(decided.taken)}{corrected}".encode()).hexdigest()[:32]


def build_waiting(runtime: Runtime, tell: Callable[[Mapping[str, Any]], Any]) -> Built:
    """Build every session that waits, each in one transaction: killed in between, what is built stays and the rest is built later."""
    done, failed = 0, 0
    while True:
        with runtime.database.transaction() as connection:
            row = stream_versions.waiting(connection)
            attempts = stream_versions.begin(connection, row["version"], row["session"]) if row is not None else 0
        if row is None:
            return Built(done, failed)
        tell({"version": row["version"], "sessions": done, "session": str(row["session"])})
        failure = _build(runtime, row["version"], row["session"]) if attempts <= MOST_ATTEMPTS else _TOO_OFTEN
        done += failure is None
        if failure is not None:
            failed += 1
            with runtime.database.transaction() as connection:
                stream_versions.failed(connection, row["version"], row["session"], failure)


_TOO_OFTEN = f"its process died {MOST_ATTEMPTS} times while it was built: look at the runner's log, and ask again for this session alone"


def _build(runtime: Runtime, version: int, session: date) -> str | None:
    """Build one session and store it, unless what it was made of has changed meanwhile; return why it cannot be built."""
    log = log_of(runtime)
    before = TradingCalendar(runtime.source.reference().calendar).previous_session(session)
    with runtime.database.reading() as connection:
        asked = stream_versions.one(connection, version)
        state = speed_layer.state(connection, session)
        if asked is None or state is None:
            return "the stream knows nothing of this session any more"
        question = Question(
            session,
            limits_of_version(connection, asked),
            sessions.previous_closes(connection, session, before=before),
            decided_on(connection, session),
        )
        origin = made_of(connection, log, session)
        run = runs.one(connection, state["run_id"])
        a = _given(connection, session, served(connection, session))
    if run is None:
        return f"its run {state['run_id']} is gone"
    try:
        content = rebuilt(log, question, run, at=runtime.clock.now())
    except (TickLogError, LakeError) as error:
        return str(error)
    found = compared(a, Given(content, question.limits, code_version()))
    data = packed(replace(content, figures=dict(content.figures) | {"version": version}))
    with runtime.database.transaction() as connection:
        if made_of(connection, log, session) != origin or _served(connection, session) != state["version"]:
            return None  # it waits still, and is built of what is there now
        stream_versions.built(
            connection,
            version,
            session,
            data,
            built_at=runtime.clock.now(),
            made_of=origin,
            against=state["version"],
            code_version=code_version(),
            compared=_summed(found),
        )
    structlog.get_logger().info("stream_version_built", version=version, session=str(session), equal=found.equal)
    return None


def _served(connection: Connection, session: date) -> int | None:
    state = speed_layer.state(connection, session)
    return None if state is None else state["version"]


def _summed(found: Compared) -> dict[str, Any]:
    parts = {
        part.value: {"equal": counts.equal, "only_a": counts.only_a, "only_b": counts.only_b, "differ": counts.differ}
        for part, counts in found.counts.items()
    }
    return parts | {"other_closes": found.other_closes}


def _given(connection: Connection, session: date, content: Content) -> Given:
    """Return a content of the past with the thresholds and the code that made it."""
    version = content.figures["version"]
    if version is None:
        state = speed_layer.state(connection, session)
        run = runs.one(connection, state["run_id"]) if state is not None else None
        code = run["code_version"] if run is not None else None
    else:
        code = next(row["code_version"] for row in stream_versions.sessions_of(connection, version) if row["session"] == session)
    return Given(content, limits_of(connection, content.figures), code)


def comparison(connection: Connection, version: int, session: date) -> Compared:
    """Compare a session of a version (B) with what is served, or with what it has taken the place of (A).

    `UnknownName` where it holds no such session, or not yet.
    """
    asked = stream_versions.one(connection, version)
    data = stream_versions.content(connection, version, session, VersionSide.SHADOW)
    if asked is None or data is None:
        raise UnknownName(f"version {version} holds nothing of {session} to compare: see python -m engine stream versions")
    former = stream_versions.content(connection, version, session, VersionSide.FORMER)
    a = served(connection, session) if former is None else unpacked(former)
    own = next(row for row in stream_versions.sessions_of(connection, version) if row["session"] == session)
    return compared(_given(connection, session, a), Given(unpacked(data), limits_of_version(connection, asked), own["code_version"]))
