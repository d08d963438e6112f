"""Finds runs whose runner is gone or hangs, and gives them back to the queue behind their last finished stage."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from engine.billing.metering import Metering
from engine.clock import nepal_date
from engine.pipeline.execution import BEGUN_FIRST
from engine.pipeline.liveness import forget, is_dead
from engine.runtime import HOST, Runtime
from storage import backfills, moves, runners, runs, stages
from storage.status import RunStatus, StageStatus, Verdict

# A runner that beats no more for so long hangs, or its machine is gone. With the looks before and behind, its run is free within 15 s.
SILENCE = timedelta(seconds=14)
STREAM_WAITS = timedelta(seconds=30)  # at most, before a session whose process died is begun again
MOST_RESCUES = 5  # and one more for each stage that it finished: a run that took more runners with it is the cause, not the victim


def lock_folder(runtime: Runtime) -> Path:
    """Return where the runners of this home hold their locks."""
    return runtime.settings.home / "runners"


def next_try(rescues: int) -> timedelta:
    """Return how long a session of the stream waits after so many deaths without progress: not at all after the first."""
    return min(timedelta(milliseconds=250) * 2**rescues, STREAM_WAITS) if rescues > 1 else timedelta(0)


@dataclass(slots=True)
class Rescuer:
    """Watches the runners; silence is measured with this process's own monotonic clock, so no clock jump looks like death."""

    runtime: Runtime
    own_id: str
    silence: timedelta = SILENCE
    heard: dict[str, tuple[int, float]] = field(default_factory=dict)  # runner -> (beats, when they were first seen)
    metering: Metering = field(default_factory=Metering)

    def rescue(self) -> int:
        """Free the runs of dead and silent runners; return how many."""
        with self.runtime.database.reading() as connection:
            held = runs.running(connection)
            known = {row["id"]: row for row in runners.unstopped(connection)}
        gone = {row_id: why for row_id, row in known.items() if row_id != self.own_id and (why := self._gone(row))}
        freed = 0
        for run in held:
            owner = run["runner_id"]
            why = gone.get(owner) or (None if owner in known else "its runner is not known any more")
            if owner != self.own_id and why:
                freed += self._free(run, why)
        for runner_id in gone:
            with self.runtime.database.transaction() as connection:
                runners.stop(connection, runner_id, at=self.runtime.clock.now())
            if is_dead(lock_folder(self.runtime), runner_id):
                forget(lock_folder(self.runtime), runner_id)
            self.heard.pop(runner_id, None)
        return freed

    def _gone(self, runner: Mapping[str, Any]) -> str | None:
        if runner["host"] == HOST and is_dead(lock_folder(self.runtime), runner["id"]):
            return f"its runner {runner['id']} died"
        beats, since = self.heard.get(runner["id"], (None, 0.0))
        if beats != runner["beats"]:
            self.heard[runner["id"]] = (runner["beats"], time.monotonic())
            return None
        silent = time.monotonic() - since
        return f"its runner {runner['id']} gave no sign of life for {silent:.0f} s" if silent > self.silence.total_seconds() else None

    def _free(self, run: Mapping[Any, Any], why: str) -> int:
        """Put one run back into the queue with a new fence number, or end it: cancelled as was wished, CRASHED after too many rescues."""
        at, run_id = self.runtime.clock.now(), run["id"]
        rescues = run["rescues"] + 1
        with self.runtime.database.transaction() as connection:
            now = moves.holds(connection, run_id, fence=run["fence"])
            if now is None:
                return 0  # another runner was quicker
            if now["cancel_requested"]:
                self._end(connection, run, now, RunStatus.CANCELLED, reason=f"cancelled by a person; {why}")
            elif run["pipeline"] != moves.STREAM and rescues > MOST_RESCUES + stages.finished(connection, run_id):
                reason = f"{why}; it was the runner's end {rescues} times, so it is not tried again"
                told = {"verdict": Verdict.FAILED, "error_type": "Crashed", "error_message": reason}
                self._end(connection, run, now, RunStatus.CRASHED, reason=reason, **told)
            else:
                stages.end_running(connection, run_id, StageStatus.CRASHED, at=at)
                moves.move(
                    connection,
                    run_id,
                    RunStatus.QUEUED,
                    at=at,
                    name="run_rescued",
                    message=f"{why}; goes on behind its last finished stage",
                    held=run["fence"],
                    fence=run["fence"] + 1,
                    rescues=rescues,
                    available_at=at + next_try(rescues) if run["pipeline"] == moves.STREAM else min(run["available_at"], at),  # as before
                    priority=BEGUN_FIRST,
                )
        return 1

    def _end(self, connection: Connection, run: Mapping[Any, Any], now: Mapping[str, Any], status: RunStatus, **told: Any) -> None:
        at = self.runtime.clock.now()
        ended = StageStatus.CANCELLED if status is RunStatus.CANCELLED else StageStatus.CRASHED
        stages.end_running(connection, run["id"], ended, at=at)
        moves.finish(connection, run["id"], status, at=at, day=nepal_date(at), held=run["fence"], **told)
        self.metering.run_ended(connection, run["id"], at=at)
        if now["backfill_id"] is not None:
            failure = f"{run['partition']} failed (run {run['id']})" if status is RunStatus.CRASHED else None
            backfills.run_ended(connection, now["backfill_id"], at=at, failure=failure)
