"""Commands that make a session of the stream equal to the official one: replay the gap, settle its letters, promote the batch."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import Connection, RowMapping

from engine import reconciling
from engine.errors import Conflict
from engine.pipelines.daily_prices import daily_prices
from engine.reconcile_words import says
from engine.services.base import Submitted
from engine.services.quality import BLOCKED
from engine.services.streams import StreamCommands
from engine.stream.correction import corrected
from engine.stream.intake import microseconds
from engine.stream.logs import log_of
from engine.stream.received import Gap, Received
from engine.stream.reconcile import Verdict
from engine.stream.records import Records
from engine.stream.speed_layer import revise
from engine.tapes import Tape, read_tape
from storage import dead_letters, runs, sessions, speed_layer, stream_letters
from storage.status import ACTIVE, RunStatus, RunType

_UNBOOKED = "UnbookedFile"  # the error of a run whose file a person has to book
_SETTLED = "the session is exact: every field is the official one, and every trade is there"


@dataclass(frozen=True, slots=True)
class GapReplayed:
    """What came of replaying a gap: trades that were replayed from the tape, and those that lay in the log, late."""

    lost: int
    late: int
    message: str


class ReconciliationCommands(StreamCommands):
    """Replay the gap, settle the letters, promote the batch."""

    def replay_gap(self, day: date) -> GapReplayed:
        """Bring into a session that is over every trade that the source's tape has and the session has not.

        What the log never received is appended to it, what lies there as late is taken in; their bars and days are made anew as
        revisions. What people have put away stays out. Asked again it finds nothing more to do. `Conflict` while the session is not over.
        """
        with self.runtime.database.reading() as connection:
            self._over(connection, day)
        tape = read_tape(self.runtime, day)
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            state = self._over(connection, day)
            found = reconciling.received_of(self.runtime, connection, state)
            missing = reconciling.gap_of(connection, found, tape)
            if not len(missing):
                return GapReplayed(0, 0, f"The stream has every trade of {day} that {tape.origin} has; there is no gap to replay.")
            said = self._bring_in(connection, state, found, tape, missing)
            self._audited(connection, "replay_gap", {"day": day, "tape": tape.origin}, said)
        return GapReplayed(len(missing.lost), len(missing.late), said)

    def _over(self, connection: Connection, day: date) -> RowMapping:
        """Return the state of a session that is over; `Conflict` for any other."""
        state = speed_layer.state(connection, day)
        if state is None:
            raise Conflict(
                f"the stream has never worked on {day}, so it has no gap; start it: python -m engine stream start --session {day}"
            )
        if state["ended_at"] is None:
            raise Conflict(f"the stream is not done with {day}: wait for its end, or go on with it, then replay what is missing")
        return state

    def _bring_in(self, connection: Connection, state: RowMapping, found: Received, tape: Tape, missing: Gap) -> str:
        day, at, log = state["session"], self.runtime.clock.now(), log_of(self.runtime)
        who: dict[str, Any] = {"by": self.actor, "at": at}
        lost: list[int] = []
        if len(missing.lost):
            ticks = tape.ticks.take(missing.lost)
            ingest = np.full(len(ticks), max(microseconds(at), int(ticks.time.max())))
            base = log.supplement(connection, day, Records(ticks, tape.symbols, ingest))
            lost = list(range(base, base + len(ticks)))
        late = missing.late.tolist()
        stream_letters.bring_in(connection, day, lost, origin=tape.origin, **who)
        stream_letters.bring_in(connection, day, late, origin=None, **who)
        waiting = stream_letters.waiting(connection, day, late)
        if waiting:
            stream_letters.take_in(connection, waiting, run_id=state["run_id"], **who)
        correction = corrected(found, reconciling.received_of(self.runtime, connection, state))
        revise(connection, day, correction, self._closes_before(connection, day))
        speed_layer.change(connection, day, updated_at=at)
        parts = [f"{len(lost):,} replayed from {tape.origin}"] if lost else []
        parts += [f"{len(late):,} that had come late taken in"] if late else []
        return f"Trades of {day}: {', '.join(parts)}; bars with a new revision: {len(correction.bars):,}."

    def settle_letters(self, day: date) -> str:
        """Put away the letters of a session that is exact: of what was set aside, nothing is missing. `Conflict` where it is not."""
        found = reconciling.reconcile_stream(self.runtime, day)
        if found.verdict is not Verdict.EXACT:
            raise Conflict(f"only of a session that is exact nothing is missing: {says(found)}")
        at = self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            waiting = stream_letters.all_waiting(connection, day)
            done = [number for number in waiting if dead_letters.discard(connection, number, by=self.actor, at=at, note=_SETTLED)]
            if not done:
                return f"No letter of {day} waits."
            return self._audited(
                connection, "settle_letters", {"day": day, "letters": len(done)}, f"Letters of {day} put away: {len(done):,}."
            )

    def promote_batch(self, day: date) -> Submitted:
        """Have the official rows of a session served in the place of the stream's: queue its daily pipeline, unless they are served.

        `Conflict` where a person has to decide first, and where the source has no daily file of that date.
        """
        there = self.runtime.source.daily_file(day) is not None
        with self.runtime.database.reading() as connection:
            accepted = sessions.one(connection, day)
            newest = runs.newest_of(connection, daily_prices.name, day)
        if accepted is not None:
            file = f"the daily file of {accepted['file_date']}"
            return Submitted(accepted["run_id"], False, f"prices serves {file} for {day} already (run {accepted['run_id']}).")
        if newest is not None and newest["status"] not in ACTIVE:
            _refuse_what_a_person_decides(newest)
        if not there and (newest is None or newest["status"] not in ACTIVE):
            raise Conflict(f"the source has no daily file of {day} yet; prices goes on serving what the stream has")
        return self._submit(daily_prices, day, RunType.MANUAL)


def _refuse_what_a_person_decides(run: RowMapping) -> None:
    day, number = run["partition"], run["id"]
    if run["error_type"] == BLOCKED:
        raise Conflict(
            f"the gate holds the official rows of {day} (run {number}): decide on the Quality page, or with "
            f"python -m engine approve {number} --reason WHY"
        )
    if run["error_type"] == _UNBOOKED:
        raise Conflict(f"which session the file of {day} holds is not clear (run {number}): book it on the Runs page, or with --book-to")
    if run["status"] == RunStatus.SKIPPED or (run["status"] == RunStatus.SUCCEEDED and run["session_date"] != day):
        held = f"the session of {run['session_date']}" if run["session_date"] else "no session"
        raise Conflict(f"the daily file of {day} holds {held} (run {number}: {run['reason']}); there are no official rows to promote")
