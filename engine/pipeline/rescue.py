"""Finds runs whose runner is gone or hangs, and gives them back to the queue behind their last finished stage."""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import RowMapping

from engine.clock import nepal_date
from engine.pipeline.liveness import is_dead
from engine.runtime import HOST, Runtime
from storage import backfills, moves, runners, runs, stages
from storage.status import RunStatus, Verdict

SILENCE = timedelta(seconds=15)  # a runner that beats no more for so long hangs, or its machine is gone
MOST_RESCUES = 3  # a run that took three runners with it is the cause, not the victim


def lock_folder(runtime: Runtime) -> Path:
    """Return where the runners of this home hold their locks."""
    return runtime.settings.home / "runners"


@dataclass(slots=True)
class Rescuer:
    """Watches the runners; silence is measured with this process's own monotonic clock, so no clock jump looks like death."""

    runtime: Runtime
    own_id: str
    heard: dict[str, tuple[int, float]] = field(default_factory=dict)  # runner -> (beats, when they were first seen)

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
            self.heard.pop(runner_id, None)
        return freed

    def _gone(self, runner: RowMapping) -> str | None:
        if runner["host"] == HOST and is_dead(lock_folder(self.runtime), runner["id"]):
            return f"its runner {runner['id']} died"
        beats, since = self.heard.get(runner["id"], (None, 0.0))
        if beats != runner["beats"]:
            self.heard[runner["id"]] = (runner["beats"], time.monotonic())
            return None
        silent = time.monotonic() - since
        return f"its runner {runner['id']} gave no sign of life for {silent:.0f} s" if silent > SILENCE.total_seconds() else None

    def _free(self, run: RowMapping, why: str) -> int:
        """Put one run back into the queue with a new fence number, or end it as CRASHED after too many rescues."""
        at, run_id = self.runtime.clock.now(), run["id"]
        rescues = run["rescues"] + 1
        try:
            with self.runtime.database.transaction() as connection:
                stages.crash_stages(connection, run_id, at=at)
                if rescues > MOST_RESCUES:
                    reason = f"{why}; it was the runner's end {rescues} times, so it is not tried again"
                    moves.finish(
                        connection,
                        run_id,
                        RunStatus.CRASHED,
                        at=at,
                        day=nepal_date(at),
                        held=run["fence"],
                        verdict=Verdict.FAILED,
                        reason=reason,
                        error_type="Crashed",
                        error_message=reason,
                    )
                    if run["backfill_id"] is not None:
                        backfills.close_if_done(connection, run["backfill_id"], at=at)
                else:
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
                        available_at=at,
                        priority=-1,  # what was begun is finished first
                    )
        except moves.StaleMove:
            return 0  # another runner was quicker
        return 1
