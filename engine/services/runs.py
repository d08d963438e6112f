"""Commands about single runs."""

from collections.abc import Sequence
from datetime import date

from engine.errors import Conflict, UsageError
from engine.pipeline.graph import find
from engine.pipelines import PIPELINES
from engine.services.base import Commands, Submitted
from storage import backfills, moves
from storage.status import ACTIVE, RunType


class RunCommands(Commands):
    """Run, rerun, cancel."""

    def run(self, pipeline: str, day: date, *, request_key: str | None = None, book_to: date | None = None) -> Submitted:
        """Queue a run of one date."""
        return self._submit(find(PIPELINES, pipeline), day, RunType.MANUAL, request_key=request_key, book_to=book_to)

    def rerun(
        self, run_id: int, *, from_stage: str | None = None, request_key: str | None = None, book_to: date | None = None
    ) -> Submitted:
        """Queue a new run of a run's date; with `from_stage` it takes over the checkpoints of the stages before that one.

        A booking by hand is kept unless another is given.
        """
        row = self._run(run_id)
        if row["pipeline"] == moves.STREAM:
            day = row["partition"]
            raise Conflict(f"run {run_id} is a session of the stream: start it with python -m engine stream start --session {day}")
        pipeline = find(PIPELINES, row["pipeline"])
        if from_stage is None:
            book_to = book_to or row["book_to"]
        elif book_to is not None:
            raise UsageError("a file is booked before its rows are typed: book it in a run from the start, without from_stage")
        return self._submit(
            pipeline, row["partition"], RunType.RERUN, request_key=request_key, book_to=book_to, rerun_of=run_id, from_stage=from_stage
        )

    def rerun_dates(self, pipeline: str, days: Sequence[date], *, request_key: str | None = None) -> Sequence[Submitted]:
        """Queue a new run of each of the dates, oldest first: of all, or of none where one is refused."""
        found = find(PIPELINES, pipeline)
        keys = {day: f"{request_key}:{day}" if request_key else None for day in days}
        self._refuse_impossible(days)
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            self._asked(connection, request_key, "rerun_dates", pipeline=pipeline, days=sorted(days))
            return [self._queue(connection, found, day, RunType.RERUN, request_key=keys[day]) for day in sorted(days)]

    def cancel(self, run_id: int) -> str:
        """Cancel a queued run at once, or ask the runner that holds it to stop; return what happened, in a sentence."""
        row, at = self._run(run_id), self.runtime.clock.now()
        if row["status"] not in ACTIVE:
            raise Conflict(f"run {run_id} is over ({row['status']}); there is nothing to cancel")
        with self.runtime.database.transaction() as connection:
            reason = f"cancelled by {self.actor} before it began"
            if self._cancel_queued(connection, run_id, reason=reason):
                if row["backfill_id"] is not None:
                    backfills.close_if_done(connection, row["backfill_id"], at=at)
                said = f"Run {run_id} of {row['partition']} is cancelled."
            elif row["cancel_requested"]:
                return f"Run {run_id} of {row['partition']} is asked to stop already."
            else:
                moves.request_cancel(connection, run_id)
                moves.event(connection, run_id, at=at, name="cancel_requested", message=f"by {self.actor}")
                said = f"Run {run_id} of {row['partition']} is asked to stop."
            return self._audited(connection, "cancel", {"run": run_id}, said)
