"""Commands about schedules."""

from engine.clock import nepal_date
from engine.errors import UsageError
from engine.pipeline.graph import find
from engine.pipeline.ledger import reconcile
from engine.pipelines import PIPELINES
from engine.services.base import Commands
from storage import schedules


class ScheduleCommands(Commands):
    """Pause, resume."""

    def pause_schedule(self, pipeline: str) -> str:
        """Queue nothing of a pipeline by schedule until it is resumed; the ledger shows the slots as paused."""
        return self._schedule(pipeline, paused=True, said=f"The schedule of {pipeline} is paused.")

    def resume_schedule(self, pipeline: str) -> str:
        """Go on by schedule; slots that passed meanwhile stay paused and can be backfilled."""
        reconcile(self.runtime, find(PIPELINES, pipeline))  # what passed while it was paused is written down first
        return self._schedule(pipeline, paused=False, said=f"The schedule of {pipeline} goes on.")

    def _schedule(self, pipeline: str, *, paused: bool, said: str) -> str:
        found, at = find(PIPELINES, pipeline), self.runtime.clock.now()
        if found.due is None:
            raise UsageError(f"pipeline {pipeline} has no schedule")
        with self.runtime.database.transaction() as connection:
            schedules.ensure(connection, pipeline, since=nepal_date(at))
            if bool(schedules.one(connection, pipeline)["paused"]) == paused:
                return said  # a second click moves neither the time nor the name of the first
            schedules.set_paused(connection, pipeline, paused=paused, by=self.actor, at=at)
            return self._audited(connection, "pause_schedule" if paused else "resume_schedule", {"pipeline": pipeline}, said)
