"""What every group of commands stands on: one runtime, one actor, an audit row beside each effect, and how a run is queued."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from engine.billing.metering import Metering
from engine.clock import nepal_date
from engine.errors import Conflict, UnknownName, UsageError
from engine.market.rules import OPENING
from engine.pipeline.graph import Pipeline
from engine.pipelines.corrections import still_stand
from engine.runtime import Runtime
from storage import audit, backfills, moves, request_keys, runs, stages
from storage.status import BackfillState, RunStatus, RunType, StageStatus

# The order in which queued runs are claimed; what was begun and rescued goes before all (-1).
PERSON_FIRST, BACKFILL_LAST = 0, 2
MOST_RUNS = 1_000  # of one date that are looked through
MOST_DATES = 20_000  # of one backfill: more than the exchange's whole history since 1994 is a slip of the keyboard
TYPED = "parsed"  # the stage that applies people's corrections


@dataclass(frozen=True, slots=True)
class Submitted:
    """A run that was asked for; not `created` when the date had one queued or running already, or the request was made before."""

    run_id: int
    created: bool
    message: str


class Commands:
    """The commands, given by `actor`."""

    def __init__(self, runtime: Runtime, *, actor: str) -> None:
        self.runtime = runtime
        self.actor = actor

    def _submit(
        self,
        pipeline: Pipeline,
        day: date,
        run_type: RunType,
        *,
        request_key: str | None = None,
        book_to: date | None = None,
        rerun_of: int | None = None,
        from_stage: str | None = None,
    ) -> Submitted:
        """Queue a run of one date, in a transaction of its own."""
        self._refuse_impossible([day])
        if book_to is not None and book_to > day:
            raise UsageError(f"the file of {day} cannot hold the session of a later date ({book_to})")
        if from_stage is not None:
            pipeline.position(from_stage)
        wanted: dict[str, Any] = {"book_to": book_to, "rerun_of": rerun_of, "from_stage": from_stage}
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            return self._queue(connection, pipeline, day, run_type, request_key=request_key, **wanted)

    def _refuse_impossible(self, days: Sequence[date]) -> None:
        self.runtime.source.span()  # a source that is set up wrongly is refused here: no date is to blame for it
        today = nepal_date(self.runtime.clock.now())
        for day in days:
            if day > today:
                raise UsageError(f"{day} lies in the future (today is {today} in Nepal)")
            refuse_before_opening(day)

    def _queue(
        self, connection: Connection, pipeline: Pipeline, day: date, run_type: RunType, *, request_key: str | None = None, **asked: Any
    ) -> Submitted:
        """Queue a run of one date, unless the request was made before or the date has one; the caller has serialised "submit"."""
        wanted = {"pipeline": pipeline.name, "partition": day} | {name: asked.get(name) for name in ("book_to", "rerun_of", "from_stage")}
        earlier = runs.by_request_key(connection, request_key) if request_key else None
        if earlier is not None:
            same_request(earlier, wanted, request_key)
            return Submitted(earlier["id"], False, f"This request was made before: run {earlier['id']}.")
        active = runs.active_of(connection, pipeline.name, day)
        if active is not None:
            if wanted["book_to"] is not None or wanted["from_stage"] is not None:
                raise Conflict(f"{day} has run {active} queued or running; wait for its end or cancel it, then ask again")
            refuse_held_back(connection, active)
            return Submitted(active, False, f"{day} has a run queued or running already: run {active}.")
        run_id = self._add(connection, pipeline, run_type, wanted, request_key=request_key)
        self._audited(connection, run_type.value, wanted, f"run {run_id}")
        return Submitted(run_id, True, f"Run {run_id} of {day} is queued.")

    def _add(self, connection: Connection, pipeline: Pipeline, run_type: RunType, wanted: Mapping[str, Any], **more: Any) -> int:
        """Insert a queued run with the checkpoints that it takes over."""
        new: dict[str, Any] = {"run_type": run_type, "priority": PERSON_FIRST, "requested_by": self.actor} | dict(wanted) | more
        run_id = moves.add(connection, at=self.runtime.clock.now(), **new)
        from_stage, origin = wanted["from_stage"], wanted["rerun_of"]
        if from_stage is not None and origin is not None:
            self._take_over(connection, pipeline, wanted["partition"], origin=origin, run_id=run_id, from_stage=from_stage)
        return run_id

    def _take_over(self, connection: Connection, pipeline: Pipeline, day: date, *, origin: int, run_id: int, from_stage: str) -> None:
        """Give a new run the checkpoints of the stages before `from_stage`; they are not executed again.

        Refused when a newer run has made something else: the lake would hold the one and serve the other.
        """
        kept = checkpoints(connection, origin)
        _refuse_other_corrections(connection, pipeline, day, kept, from_stage)
        newer = [row["id"] for row in runs.recent(connection, pipeline=pipeline.name, partition=day, limit=MOST_RUNS) if row["id"] > origin]
        for stage in pipeline.order[: pipeline.position(from_stage)]:
            if stage.name not in kept:
                raise Conflict(f"run {origin} has no checkpoint of stage {stage.name}; rerun it from {stage.name} or from the start")
            for later in newer:
                done = checkpoints(connection, later).get(stage.name)
                if done is not None and done["checkpoint"] != kept[stage.name]["checkpoint"]:
                    raise Conflict(f"run {later} has done {stage.name} of {day} with another result since; rerun that one")
            stages.take_over(connection, run_id, kept[stage.name], origin=origin)
        moves.inherit(connection, origin, run_id)

    def _asked(self, connection: Connection, request_key: str | None, command: str, **parameters: Any) -> None:
        """Note what a request key is used for; `Conflict` where that was something else. The caller has serialised its command."""
        if request_key is None:
            return
        digest = sha256(json.dumps(parameters, sort_keys=True, default=str).encode()).hexdigest()
        use = request_keys.first_use(connection, request_key, command=command, digest=digest, at=self.runtime.clock.now())
        if use != (command, digest):
            other = "other parameters" if use[0] == command else f"the command {use[0]}"
            raise Conflict(f"the request key {request_key!r} was used before with {other}; take a new key for a new request")

    def _run(self, run_id: int) -> Mapping[Any, Any]:
        with self.runtime.database.reading() as connection:
            row = runs.one(connection, run_id)
        if row is None:
            raise UnknownName(f"there is no run {run_id}")
        return row

    def _cancel_queued(self, connection: Connection, run_id: int, *, reason: str) -> bool:
        """Cancel a run if it still waits, with an estimate of what it had used where it had begun; say whether it did."""
        at = self.runtime.clock.now()
        cancelled = moves.cancel_queued(connection, run_id, at=at, day=nepal_date(at), reason=reason)
        if cancelled:
            Metering().run_ended(connection, run_id, at=at)
        return cancelled

    def _audited(self, connection: Connection, command: str, parameters: Mapping[str, Any], result: str) -> str:
        audit.record(connection, at=self.runtime.clock.now(), actor=self.actor, command=command, parameters=dict(parameters), result=result)
        return result


def refuse_before_opening(day: date) -> None:
    """Refuse a date on which there was no exchange yet."""
    if day < OPENING:
        raise UsageError(f"{day} lies before the exchange opened ({OPENING})")


def refuse_held_back(connection: Connection, run_id: int) -> None:
    """Refuse a date whose queued run nobody will take: its backfill is paused or has stopped."""
    row = runs.one(connection, run_id)
    owner = backfills.one(connection, row["backfill_id"]) if row and row["backfill_id"] else None
    if row is not None and owner is not None and row["status"] == RunStatus.QUEUED and owner["state"] != BackfillState.RUNNING:
        raise Conflict(
            f"{row['partition']} is queued in backfill {owner['id']}, which is {owner['state']}: resume or cancel that one first"
        )


def checkpoints(connection: Connection, run_id: int) -> dict[str, Mapping[Any, Any]]:
    """Return the stages that a run has finished, by name."""
    return {row["stage"]: row for row in runs.stages_of(connection, run_id) if row["status"] == StageStatus.SUCCEEDED}


def _refuse_other_corrections(
    connection: Connection, pipeline: Pipeline, day: date, kept: Mapping[str, Mapping[Any, Any]], from_stage: str
) -> None:
    """Refuse rows that were typed before a person corrected a line of them, or took a correction back."""
    if TYPED not in pipeline.stages or TYPED not in kept or pipeline.position(from_stage) <= pipeline.position(TYPED):
        return
    if not still_stand(connection, pipeline.name, day, kept[TYPED]["checkpoint"]):
        raise Conflict(f"lines of the file of {day} were corrected since its rows were typed; rerun it from {TYPED}, or from the start")


def same_request(earlier: Mapping[Any, Any], wanted: Mapping[str, Any], key: str | None) -> None:
    """Refuse a request key that was used for something else."""
    differing = [name for name, value in wanted.items() if earlier[name] != value]
    if differing:
        raise Conflict(f"the request key {key!r} was used before with another {', '.join(differing)}; take a new key for a new request")


def reasoned(reason: str) -> str:
    """Return a person's reason; `UsageError` when there is none."""
    if not reason.strip():
        raise UsageError("say why: whoever looks at it later has only your reason")
    return reason.strip()
