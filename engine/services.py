"""Every command that a page, the command line or another program may give; each writes an audit row beside its effect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping

from engine.clock import nepal_date
from engine.errors import Conflict, UnknownName, UsageError
from engine.market.calendar import TradingCalendar
from engine.pipeline.graph import Pipeline, find
from engine.pipeline.ledger import reconcile
from engine.pipelines import PIPELINES
from engine.planning import Plan, plan
from engine.runtime import Runtime
from storage import audit, backfills, moves, runs, schedules, stages
from storage.status import ACTIVE, BackfillMode, BackfillState, OnFailure, RunStatus, RunType, StageStatus

# The order in which queued runs are claimed; what was begun and rescued goes before all (-1).
PERSON_FIRST, BACKFILL_LAST = 0, 2
MOST_RUNS = 1_000  # of one date that are looked through
MOST_DATES = 20_000  # of one backfill: more than the exchange's whole history since 1994 is a slip of the keyboard


@dataclass(frozen=True, slots=True)
class Submitted:
    """A run that was asked for; not `created` when the date had one queued or running already, or the request was made before."""

    run_id: int
    created: bool
    message: str


class Services:
    """The commands, given by `actor`."""

    def __init__(self, runtime: Runtime, *, actor: str) -> None:
        self.runtime = runtime
        self.actor = actor

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
        pipeline = find(PIPELINES, row["pipeline"])
        if from_stage is None:
            book_to = book_to or row["book_to"]
        elif book_to is not None:
            raise UsageError("a file is booked before its rows are typed: book it in a run from the start, without from_stage")
        return self._submit(
            pipeline, row["partition"], RunType.RERUN, request_key=request_key, book_to=book_to, rerun_of=run_id, from_stage=from_stage
        )

    def rerun_dates(self, pipeline: str, days: Sequence[date], *, request_key: str | None = None) -> Sequence[Submitted]:
        """Queue a new run of each of the dates, oldest first."""
        found = find(PIPELINES, pipeline)
        keys = {day: f"{request_key}:{day}" if request_key else None for day in days}
        return [self._submit(found, day, RunType.RERUN, request_key=keys[day]) for day in sorted(days)]

    def cancel(self, run_id: int) -> str:
        """Cancel a queued run at once, or ask the runner that holds it to stop; return what happened, in a sentence."""
        row, at = self._run(run_id), self.runtime.clock.now()
        if row["status"] not in ACTIVE:
            raise Conflict(f"run {run_id} is over ({row['status']}); there is nothing to cancel")
        with self.runtime.database.transaction() as connection:
            reason = f"cancelled by {self.actor} before it began"
            if moves.cancel_queued(connection, run_id, at=at, day=nepal_date(at), reason=reason):
                if row["backfill_id"] is not None:
                    backfills.close_if_done(connection, row["backfill_id"], at=at)
                said = f"Run {run_id} of {row['partition']} is cancelled."
            else:
                moves.request_cancel(connection, run_id)
                moves.event(connection, run_id, at=at, name="cancel_requested", message=f"by {self.actor}")
                said = f"Run {run_id} of {row['partition']} is asked to stop."
            return self._audited(connection, "cancel", {"run": run_id}, said)

    def plan_backfill(self, pipeline: str, since: date, until: date, *, mode: BackfillMode = BackfillMode.MISSING) -> Plan:
        """Say which dates a backfill would take and how long that would last, from past runs; changes nothing."""
        if until < since:
            raise UsageError(f"the range ends ({until}) before it begins ({since})")
        if (until - since).days >= MOST_DATES:
            raise UsageError(f"{since} to {until} are {(until - since).days + 1:,} dates; take at most {MOST_DATES:,} at a time")
        self.runtime.source.span()  # a source that is set up wrongly is refused here: no date is to blame for it
        today = nepal_date(self.runtime.clock.now())
        if until > today:
            raise UsageError(f"{until} lies in the future (today is {today} in Nepal); end the range today at the latest")
        return plan(self.runtime, find(PIPELINES, pipeline), since, until, mode=mode)

    def backfill(
        self,
        pipeline: str,
        since: date,
        until: date,
        *,
        mode: BackfillMode = BackfillMode.MISSING,
        on_failure: OnFailure = OnFailure.CONTINUE,
        max_active: int = 1,
        request_key: str | None = None,
    ) -> int:
        """Queue a run for each date that the plan takes, oldest first; return the backfill's id.

        A date that has a run queued or running already is not doubled: its run becomes part of this backfill, so that what an
        earlier one left behind goes on with this one. The same `request_key` gives the same backfill again.
        """
        if max_active < 1:
            raise UsageError("max_active must be 1 or more")
        asked = {"pipeline": pipeline, "since": since, "until": until, "mode": mode, "on_failure": on_failure, "max_active": max_active}
        with self.runtime.database.reading() as connection:
            earlier = _earlier_backfill(connection, asked, request_key)
        if earlier is not None:
            return earlier
        planned = self.plan_backfill(pipeline, since, until, mode=mode)
        at = self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            earlier = _earlier_backfill(connection, asked, request_key)  # made by another while this one was planned
            if earlier is not None:
                return earlier
            active = runs.active_between(connection, pipeline, since, until)
            days = [item.day for item in planned.taken if item.day not in active]
            adopted = [] if mode is BackfillMode.FAILED else list(active.values())
            backfill_id = backfills.add(
                connection,
                **asked,
                state=BackfillState.RUNNING,
                dates=len(days) + len(adopted),
                request_key=request_key,
                requested_by=self.actor,
                created_at=at,
            )
            new = {"run_type": RunType.BACKFILL, "backfill_id": backfill_id, "requested_by": self.actor, "priority": BACKFILL_LAST}
            moves.add_many(connection, days, at=at, pipeline=pipeline, **new)
            for emptied in moves.adopt(connection, backfill_id, adopted, at=at):
                backfills.taken_over(connection, emptied, by=backfill_id, at=at)
            backfills.close_if_done(connection, backfill_id, at=at)
            self._audited(connection, "backfill", {**asked, "id": backfill_id}, f"{len(days)} dates queued, {len(adopted)} taken over")
        return backfill_id

    def first_backfill(self) -> int | None:
        """Backfill the newest sessions that the source holds, once, when the home is empty; return the backfill's id."""
        wanted, span = self.runtime.settings.first_backfill_sessions, self.runtime.source.span()
        with self.runtime.database.reading() as connection:
            used = bool(runs.recent(connection, limit=1))
        if used or wanted == 0 or span is None:
            return None
        calendar = TradingCalendar(self.runtime.source.reference().calendar)
        until = min(nepal_date(self.runtime.clock.now()) - timedelta(days=1), span[1])
        since = until
        while since > span[0] and len(calendar.sessions_between(since, until)) < wanted:
            since -= timedelta(days=1)
        return self.backfill("daily_prices", since, until, request_key="first-start")

    def pause_backfill(self, backfill_id: int) -> str:
        """Let no further run of a backfill begin."""
        return self._backfill_state(backfill_id, BackfillState.PAUSED, "is paused; runs that have begun are finished")

    def resume_backfill(self, backfill_id: int) -> str:
        """Go on with a paused or stopped backfill."""
        return self._backfill_state(backfill_id, BackfillState.RUNNING, "goes on")

    def cancel_backfill(self, backfill_id: int) -> str:
        """Cancel every queued run of a backfill and end it; runs that have begun are asked to stop."""
        at = self.runtime.clock.now()
        said = self._backfill_state(backfill_id, BackfillState.CANCELLED, "is cancelled")
        with self.runtime.database.reading() as connection:
            left = [row for row in backfills.tiles(connection, backfill_id) if row["status"] in ACTIVE]
        with self.runtime.database.transaction() as connection:
            for row in left:
                if row["status"] == RunStatus.QUEUED:
                    reason = f"its backfill was cancelled by {self.actor}"
                    moves.cancel_queued(connection, row["id"], at=at, day=nepal_date(at), reason=reason)
                moves.request_cancel(connection, row["id"])
        return said

    def pause_schedule(self, pipeline: str) -> str:
        """Queue nothing of a pipeline by schedule until it is resumed; the ledger shows the slots as paused."""
        return self._schedule(pipeline, paused=True, said=f"The schedule of {pipeline} is paused.")

    def resume_schedule(self, pipeline: str) -> str:
        """Go on by schedule; slots that passed meanwhile stay paused and can be backfilled."""
        reconcile(self.runtime, find(PIPELINES, pipeline))  # what passed while it was paused is written down first
        return self._schedule(pipeline, paused=False, said=f"The schedule of {pipeline} goes on.")

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
        self.runtime.source.span()  # as for a backfill
        at = self.runtime.clock.now()
        if day > nepal_date(at):
            raise UsageError(f"{day} lies in the future (today is {nepal_date(at)} in Nepal)")
        if book_to is not None and book_to > day:
            raise UsageError(f"the file of {day} cannot hold the session of a later date ({book_to})")
        if from_stage is not None:
            pipeline.position(from_stage)
        wanted: dict[str, Any] = {
            "pipeline": pipeline.name,
            "partition": day,
            "book_to": book_to,
            "rerun_of": rerun_of,
            "from_stage": from_stage,
        }
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            earlier = runs.by_request_key(connection, request_key) if request_key else None
            if earlier is not None:
                _same_request(earlier, wanted, request_key)
                return Submitted(earlier["id"], False, f"This request was made before: run {earlier['id']}.")
            active = runs.active_of(connection, pipeline.name, day)
            if active is not None:
                if book_to is not None or from_stage is not None:
                    raise Conflict(f"{day} has run {active} queued or running; wait for its end or cancel it, then ask again")
                _refuse_held_back(connection, active)
                return Submitted(active, False, f"{day} has a run queued or running already: run {active}.")
            run_id = moves.add(
                connection, at=at, run_type=run_type, priority=PERSON_FIRST, request_key=request_key, requested_by=self.actor, **wanted
            )
            if from_stage is not None and rerun_of is not None:
                self._take_over(connection, pipeline, day, origin=rerun_of, run_id=run_id, from_stage=from_stage)
            self._audited(connection, run_type.value, wanted, f"run {run_id}")
        return Submitted(run_id, True, f"Run {run_id} of {day} is queued.")

    def _take_over(self, connection: Connection, pipeline: Pipeline, day: date, *, origin: int, run_id: int, from_stage: str) -> None:
        """Give a new run the checkpoints of the stages before `from_stage`; they are not executed again.

        Refused when a newer run has made something else: the lake would hold the one and serve the other.
        """
        kept = _checkpoints(connection, origin)
        newer = [row["id"] for row in runs.recent(connection, pipeline=pipeline.name, partition=day, limit=MOST_RUNS) if row["id"] > origin]
        for stage in pipeline.order[: pipeline.position(from_stage)]:
            if stage.name not in kept:
                raise Conflict(f"run {origin} has no checkpoint of stage {stage.name}; rerun it from {stage.name} or from the start")
            for later in newer:
                done = _checkpoints(connection, later).get(stage.name)
                if done is not None and done["checkpoint"] != kept[stage.name]["checkpoint"]:
                    raise Conflict(f"run {later} has done {stage.name} of {day} with another result since; rerun that one")
            row = kept[stage.name]
            values = {name: row[name] for name in ("checkpoint", "rows_in", "rows_out")}
            stages.open_stage(
                connection,
                run_id,
                stage.name,
                position=pipeline.position(stage.name),
                at=row["started_at"],
                status=StageStatus.SUCCEEDED,
                reused_from=row["reused_from"] or origin,
                finished_at=row["finished_at"],
                **values,
            )
        moves.inherit(connection, origin, run_id)

    def _backfill_state(self, backfill_id: int, state: BackfillState, said: str) -> str:
        at = self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            row = backfills.one(connection, backfill_id)
            if row is None:
                raise UnknownName(f"there is no backfill {backfill_id}")
            if not backfills.set_state(connection, backfill_id, state, at=at, reason=f"by {self.actor}"):
                raise Conflict(f"backfill {backfill_id} has ended ({row['state']})")
            return self._audited(connection, f"backfill_{state}", {"id": backfill_id}, f"Backfill {backfill_id} {said}.")

    def _schedule(self, pipeline: str, *, paused: bool, said: str) -> str:
        found, at = find(PIPELINES, pipeline), self.runtime.clock.now()
        if found.due is None:
            raise UsageError(f"pipeline {pipeline} has no schedule")
        with self.runtime.database.transaction() as connection:
            schedules.ensure(connection, pipeline, since=nepal_date(at))
            schedules.set_paused(connection, pipeline, paused=paused, by=self.actor, at=at)
            return self._audited(connection, "pause_schedule" if paused else "resume_schedule", {"pipeline": pipeline}, said)

    def _run(self, run_id: int) -> RowMapping:
        with self.runtime.database.reading() as connection:
            row = runs.one(connection, run_id)
        if row is None:
            raise UnknownName(f"there is no run {run_id}")
        return row

    def _audited(self, connection: Connection, command: str, parameters: Mapping[str, Any], result: str) -> str:
        audit.record(connection, at=self.runtime.clock.now(), actor=self.actor, command=command, parameters=dict(parameters), result=result)
        return result


def _earlier_backfill(connection: Connection, asked: Mapping[str, Any], request_key: str | None) -> int | None:
    earlier = backfills.by_request_key(connection, request_key) if request_key else None
    if earlier is None:
        return None
    _same_request(earlier, asked, request_key)
    return int(earlier["id"])


def _refuse_held_back(connection: Connection, run_id: int) -> None:
    """Refuse a date whose queued run nobody will take: its backfill is paused or has stopped."""
    row = runs.one(connection, run_id)
    owner = backfills.one(connection, row["backfill_id"]) if row and row["backfill_id"] else None
    if row is not None and owner is not None and row["status"] == RunStatus.QUEUED and owner["state"] != BackfillState.RUNNING:
        raise Conflict(
            f"{row['partition']} is queued in backfill {owner['id']}, which is {owner['state']}: resume or cancel that one first"
        )


def _checkpoints(connection: Connection, run_id: int) -> dict[str, RowMapping]:
    return {row["stage"]: row for row in runs.stages_of(connection, run_id) if row["status"] == StageStatus.SUCCEEDED}


def _same_request(earlier: RowMapping, wanted: Mapping[str, Any], key: str | None) -> None:
    """Refuse a request key that was used for something else."""
    differing = [name for name, value in wanted.items() if earlier[name] != value]
    if differing:
        raise Conflict(f"the request key {key!r} was used before with another {', '.join(differing)}; take a new key for a new request")
