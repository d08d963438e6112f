"""The process that works on one session of the stream: takes from the source, commits, and does what people want of it meanwhile."""

import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Event, Thread
from time import monotonic, perf_counter_ns
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from engine.billing.metering import KIB, Metering
from engine.clock import nepal_date
from engine.costs.measured import Usage
from engine.errors import ConsoleError, Fenced, LakeError, SourceError, TickLogError
from engine.log_file import keep_short, log_file
from engine.market.calendar import TradingCalendar
from engine.pipeline.context import cpu_us
from engine.pipeline.execution import hand_back
from engine.pipeline.liveness import LifeLock
from engine.pipeline.memory import peak_bytes
from engine.pipeline.rescue import lock_folder
from engine.pipelines.thresholds import load
from engine.runtime import HOST, Runtime
from engine.stream.intake import microseconds
from engine.stream.log import TickLog
from engine.stream.measures import measures, spread
from engine.stream.records import Records
from engine.stream.sources.source import Received, TickReader, TickSource
from engine.stream.speed_layer import Session
from engine.stream.ticks import SECOND
from engine.version import code_version
from storage import metrics, moves, runners, sessions, speed_layer, tick_log
from storage.lake import DiskFull
from storage.status import ProcessKind, RunStatus, Verdict
from storage.tick_log import Topic

BEAT = 2.0  # seconds
MOST = 10_000  # records of one transaction
GATHER = 0.25  # seconds until what has come is committed: a disk takes some 200 commits a second, whatever their size
PATIENCE = (0.5, 30.0)  # seconds before a source that does not answer is asked again: the first time, and at most
RATE_OVER = 5.0  # seconds
AFTER_CLOSING = 5 * 60 * SECOND  # microseconds for which a source that goes on for ever is still asked


SourceAt = Callable[[float | None], TickSource]  # the source of ticks at a speed


@dataclass(slots=True)
class Pace:
    """How many records a second came in over the last seconds."""

    seen: list[tuple[float, int]] = field(default_factory=list)

    def rate(self, records: int) -> float:
        """Take note of how many records there are by now; return how many a second came."""
        now = monotonic()
        self.seen = [(at, count) for at, count in self.seen if now - at <= RATE_OVER] + [(now, records)]
        first, before = self.seen[0]
        return (records - before) / (now - first) if now > first else 0.0


class StreamWork:
    """One claimed run of the stream while this process holds it."""

    def __init__(self, runtime: Runtime, run: Mapping[str, Any], log: TickLog, source: SourceAt, stopping: Callable[[], bool]) -> None:
        self.runtime, self.run, self.log, self.source_at, self.stopping = runtime, run, log, source, stopping
        self.source = source(None)
        self.day = run["partition"]
        self.pace = Pace()
        self.began = perf_counter_ns()
        self.told = structlog.get_logger().bind(run_id=run["id"], session=str(self.day))

    def through(self) -> RunStatus | None:
        """Bring the session to its end, or to where it is stopped; return the run's final status, None where the run is not over."""
        try:
            return self._through()
        except (Fenced, moves.StaleMove):
            return None  # another process has it now, and what this one did was not committed
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001, as at the runner's boundary: whatever it is, the run ends FAILED with it
            self.told.exception("stream_failed")
            message = str(error) if isinstance(error, ConsoleError) else f"{type(error).__name__}: {error}"
            return self._finish(RunStatus.FAILED, reason=message, error_type=type(error).__name__, error_message=message)

    def _through(self) -> RunStatus | None:
        session = self._begin()
        reader = Patient(self)
        try:
            while True:
                wanted = self._wanted()
                if not session.settled and (wanted["cancel_requested"] or wanted["paused"] or self.stopping()):
                    self._settle(session)
                if wanted["cancel_requested"]:
                    return self._finish(RunStatus.CANCELLED, reason=f"stopped after {session.records:,} records")
                if self.stopping():
                    self._give_back("its process was told to end")
                    return None
                if wanted["paused"]:
                    Event().wait(GATHER)
                    continue
                received = reader.poll(wanted["speed"])
                if received is not None and len(received.records):
                    self._commit(session, received.records, received.position)
                elif not session.settled:
                    self._settle(session)
                if received is not None and (received.ended or self._is_over(session, received)):
                    return self._end(session)
        finally:
            reader.close()

    def _is_over(self, session: Session, received: Received) -> bool:
        """Say whether a source that goes on for ever has given all of this session: it is silent, and the closing is past."""
        past = microseconds(self.runtime.clock.now()) > session.processor.intake.hours.closes + AFTER_CLOSING
        return self.source.continuous and not len(received.records) and past

    def _begin(self) -> Session:
        """Take up the session where the log ends."""
        at = self.runtime.clock.now()
        before = TradingCalendar(self.runtime.source.reference().calendar).previous_session(self.day)
        with self.runtime.database.transaction() as connection:
            self._still_mine(connection)
            thresholds = load(connection, self.run["threshold_version"])
            closes = sessions.previous_closes(connection, self.day, before=before)
            speed_layer.begin(connection, self.day, at=at, run_id=self.run["id"], source=self.source.name, simulated=self.source.simulated)
        session = Session(self.day, self.log, thresholds, closes)
        self.told.info("stream_begun", restored=session.restore(), closes=len(closes))
        return session

    def position(self) -> str | None:
        """Return where the source goes on: behind what is committed, of this session or, where one position leads through all, of any."""
        own = self.log.state(self.day).source_position
        if own is not None or not self.source.continuous:
            return own
        before = [
            state.source_position for day, state in self.log.sessions().items() if day < self.day and state.source == self.source.name
        ]
        return before[-1] if before else None

    def _commit(self, session: Session, records: Records, position: str | None) -> None:
        began = monotonic()
        with self.runtime.database.transaction() as connection:
            self._still_mine(connection)
            at = self.runtime.clock.now()
            session.take(connection, self.run, records, at=at, source=self.source.name, position=position)
            measured = {"rate": self.pace.rate(session.records), "commit_ms": (monotonic() - began) * 1000, "note": None}
            speed_layer.change(connection, self.day, **measured)
            calm = {"rescues": 0} if self.run["rescues"] else {}  # it goes on well: a later death counts as the first one
            moves.note(connection, self.run["id"], cpu_us=self._cpu_us(), **calm)

    def _settle(self, session: Session) -> None:
        """Write what waits for the next batch, which may be long in coming."""
        with self.runtime.database.transaction() as connection:
            self._still_mine(connection)
            session.settle(connection)

    def _end(self, session: Session) -> RunStatus:
        if not session.records:
            reason = f"the source has not one record of {self.day}; was the exchange closed?"
            return self._finish(RunStatus.FAILED, reason=reason, error_type="NoTicks", error_message=reason)
        at = self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            self._still_mine(connection)
            session.close(connection, at=at)
            figures = session.figures()
            measured = [*measures(figures), *spread(session.days(), session.processor.symbols, session.previous_closes)]
            metrics.record(connection, moves.STREAM, self.run["id"], measured, at=at, known={})
            reason = f"{figures['accepted']:,} of {figures['records']:,} records accepted, {figures['missing']:,} trades missing"
            told = {"rows": figures["accepted"], "verdict": Verdict.SESSION, "session_date": self.day, "reason": reason}
            self._move(connection, RunStatus.SUCCEEDED, **told)
        self._compact()
        return RunStatus.SUCCEEDED

    def _compact(self) -> None:
        """Bring closed sessions into the form in which they are kept; one that cannot be now is read as it is, and is tried again."""
        for day, state in self.log.sessions().items():
            if state.closed_at is None or state.path is not None or state.dropped_at is not None:
                continue
            try:
                self.log.compact(day)
            except (DiskFull, LakeError, TickLogError) as error:
                self.told.warning("compaction_put_off", day=str(day), error=str(error))

    def _finish(self, status: RunStatus, **told: Any) -> RunStatus:
        with self.runtime.database.transaction() as connection:
            self._still_mine(connection)
            speed_layer.change(connection, self.day, note=told["reason"], updated_at=self.runtime.clock.now(), rate=None)
            self._move(connection, status, **told)
        return status

    def _move(self, connection: Any, status: RunStatus, **told: Any) -> None:
        at = self.runtime.clock.now()
        moves.finish(connection, self.run["id"], status, at=at, day=nepal_date(at), held=self.run["fence"], cpu_us=self._cpu_us(), **told)
        Metering().run_ended(connection, self.run["id"], at=at, beside=self._held(connection))

    def _cpu_us(self) -> int:
        """Return the CPU time of the session so far: of this process, and of those that worked on it before, as of their last commit."""
        return (self.run["cpu_us"] or 0) + cpu_us()

    def _held(self, connection: Connection) -> Usage:
        """Return the memory that this process has held, and the bytes of the session's log."""
        held = (peak_bytes() or 0) // KIB * ((perf_counter_ns() - self.began) // 1000)
        return Usage(memory_kib_us=held, bytes_written=tick_log.size(connection, Topic(self.log.stream, self.day)))

    def _give_back(self, why: str) -> None:
        with suppress(moves.StaleMove), self.runtime.database.transaction() as connection:
            hand_back(connection, self.run, at=self.runtime.clock.now(), why=why, cpu_us=self._cpu_us())

    def note(self, what: str) -> None:
        """Say what the session waits for."""
        self.told.warning("stream_waits", why=what)
        with self.runtime.database.transaction() as connection:
            self._still_mine(connection)
            speed_layer.change(connection, self.day, note=what, updated_at=self.runtime.clock.now(), rate=0.0)

    def _wanted(self) -> dict[str, Any]:
        """Return what people want now: to stop, to pause, another speed."""
        with self.runtime.database.reading() as connection:
            cancel = moves.cancel_wanted(connection, self.run["id"], fence=self.run["fence"])
            state = speed_layer.state(connection, self.day)
        return {"cancel_requested": cancel, "paused": state is not None and state["paused"], "speed": state["speed"] if state else None}

    def _still_mine(self, connection: Any) -> None:
        if moves.holds(connection, self.run["id"], fence=self.run["fence"]) is None:
            raise Fenced(f"run {self.run['id']} was taken over by another process")


class Patient:
    """A reader of the source that is opened anew for another speed, and after a source that did not answer: later each time."""

    def __init__(self, work: StreamWork) -> None:
        self._work = work
        self._reader: TickReader | None = None
        self._speed: float | None = None
        self._wait = PATIENCE[0]
        self._due = 0.0  # when the source is asked again

    def poll(self, speed: float | None) -> Received | None:
        """Return what there is; None where the source did not answer. Errors that asking again cannot help go on."""
        if monotonic() < self._due:  # meanwhile people may want it to stop
            Event().wait(min(GATHER, self._due - monotonic()))
            return None
        try:
            if self._reader is None or speed != self._speed:
                self.close()
                self._speed, self._work.source = speed, self._work.source_at(speed)
                self._reader = self._work.source.open(self._work.day, self._work.position())
            received = self._reader.poll(MOST, GATHER)
        except SourceError as error:
            if not error.retryable:
                raise
            self._work.note(f"{error} Asked again in {self._wait:g} s.")
            self._due = monotonic() + self._wait
            self._wait = min(self._wait * 2, PATIENCE[1])
            return None
        self._wait = PATIENCE[0]
        return received

    def close(self) -> None:
        """Let go of the source."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class StreamProcess:
    """This process as one that works on a session, registered so that its death is noticed."""

    def __init__(self, runtime: Runtime, log: TickLog, source: SourceAt) -> None:
        self.runtime, self.log, self.source_at = runtime, log, source
        self.source = source(None)
        self.process_id = f"{HOST}-{os.getpid()}-{secrets.token_hex(3)}"
        self.stopping, self.over = Event(), Event()
        self.run_id: int | None = None

    def serve(self, run_id: int) -> RunStatus | None:
        """Claim a queued run and work on it; None where somebody else has it, or it is not over."""
        lock = LifeLock(lock_folder(self.runtime), self.process_id)
        self._register()
        beats = Thread(target=self._beat, name="stream-beat", daemon=True)
        beats.start()
        try:
            run = self._claim(run_id)
            if run is None:
                return None
            self.run_id = run_id
            with self.runtime.database.keeping() as database:
                return StreamWork(replace(self.runtime, database=database), run, self.log, self.source_at, self.stopping.is_set).through()
        finally:
            self.over.set()
            beats.join()
            self._deregister()
            lock.release()

    def _claim(self, run_id: int) -> Mapping[str, Any] | None:
        with suppress(moves.StaleMove):
            return moves.claim_one(
                self.runtime.database,
                run_id,
                runner_id=self.process_id,
                at=self.runtime.clock.now(),
                code_version=code_version(),
                source=self.source.name,
                simulated=self.source.simulated,
            )
        return None

    def _register(self) -> None:
        at = self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            runners.add(
                connection,
                id=self.process_id,
                host=HOST,
                pid=os.getpid(),
                started_at=at,
                heartbeat_at=at,
                beats=0,
                scheduling=False,
                kind=ProcessKind.STREAM,
            )

    def _deregister(self) -> None:
        with self.runtime.database.transaction() as connection:
            runners.stop(connection, self.process_id, at=self.runtime.clock.now())

    def _beat(self) -> None:
        while not self.over.wait(BEAT):
            try:
                with self.runtime.database.transaction() as connection:
                    runners.beat(connection, self.process_id, at=self.runtime.clock.now(), run_id=self.run_id)
            except OperationalError as error:
                structlog.get_logger().warning("stream_beat_put_off", error=str(error.orig))
            keep_short(log_file(self.runtime.settings.home))
