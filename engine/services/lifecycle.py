"""Commands about the lifecycle of the lake: apply a policy, take an application back, bring packs out of the cold."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.errors import Conflict, UnknownName, UsageError
from engine.lifecycle.policy import asked_for, begin_of
from engine.services.jobs import JobCommands
from storage import jobs, lifecycle, packs
from storage.status import StepKind, StepState

JOB = "lifecycle"


@dataclass(frozen=True, slots=True)
class AskedStep:
    """A step of the lifecycle that was asked for; not `created` where the same was asked for and is not done yet."""

    step_id: int
    job_run_id: int
    created: bool
    message: str


class LifecycleCommands(JobCommands):
    """Apply, undo, restore."""

    def apply_lifecycle(self, *, compact_after: int | None = None, cold_after: int | None = None) -> AskedStep:
        """Pack closed months and move old packs into the cold, as a job; what is not said is as the thresholds have it."""
        policy = asked_for(self.runtime, compact_after=compact_after, cold_after=cold_after)
        return self._ask_step(StepKind.APPLY, policy.as_json())

    def undo_lifecycle(self, step_id: int) -> AskedStep:
        """Give the files back that an application took the place of, as a job."""
        with self.runtime.database.reading() as connection:
            row = lifecycle.one(connection, step_id)
        if row is None:
            raise UnknownName(f"there is no step {step_id} of the lifecycle; list them with: python -m engine lifecycle list")
        if row["kind"] != StepKind.APPLY:
            raise UsageError(f"step {step_id} is no application: only one can be undone")
        if row["state"] == StepState.UNDONE:
            raise Conflict(f"step {step_id} is undone already, by step {row['undone_by']}")
        if row["state"] == StepState.ASKED:
            raise Conflict(f"step {step_id} is not done yet; wait for its end")
        return self._ask_step(StepKind.UNDO, {"step": step_id})

    def restore_from_cold(self, *, dataset: str | None = None, month: date | None = None) -> AskedStep:
        """Bring packs back out of the cold, those of a dataset, of a month, or all, as a job; `Conflict` where none lies there."""
        begin = None if month is None else begin_of(month)
        with self.runtime.database.reading() as connection:
            cold = packs.in_the_cold(connection, dataset=dataset, month=begin)
        if not cold:
            of = "".join([f" of {dataset}" if dataset is not None else "", f" of {begin:%Y-%m}" if begin is not None else ""])
            raise Conflict(f"nothing{of} lies in the cold: there is nothing to bring back")
        return self._ask_step(StepKind.RESTORE, {"dataset": dataset, "month": None if begin is None else str(begin)})

    def _ask_step(self, kind: StepKind, asked: dict[str, Any]) -> AskedStep:
        at = self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "jobs")
            same = next((row for row in lifecycle.waiting(connection) if (row["kind"], row["asked"]) == (kind, asked)), None)
            run_id = jobs.request(connection, JOB, by=self.actor, at=at)
            if same is not None:
                return AskedStep(same["id"], run_id, False, f"This is asked for already: step {same['id']} of the lifecycle.")
            step_id = lifecycle.ask(connection, kind, asked, by=self.actor, at=at)
            said = self._audited(connection, f"lifecycle_{kind}", asked, f"Step {step_id} of the lifecycle is queued (job {run_id}).")
        return AskedStep(step_id, run_id, True, said)
