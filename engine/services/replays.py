"""How several dates are run again from a stage on: each out of its newest checkpoints, as one backfill that shows how far it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from engine.errors import Conflict, UsageError
from engine.pipeline.graph import Pipeline, find
from engine.pipelines import PIPELINES
from engine.pipelines.corrections import still_stand
from engine.services.base import BACKFILL_LAST, MOST_DATES, TYPED, Commands, Submitted, checkpoints, refuse_held_back
from storage import backfills, moves, runs
from storage.status import BackfillMode, BackfillState, OnFailure, RunStatus, RunType

LOOKED_THROUGH = 50  # newest runs of a date that may have the checkpoints


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of asking for dates again: one run (`submitted`) or a backfill of several, and what was left out, by reason."""

    submitted: Submitted | None = None
    backfill_id: int | None = None
    dates: tuple[date, ...] = ()
    letters: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One date to run again: from which stage on (None: from the start), and the last decision that the run must see."""

    day: date
    from_stage: str | None
    decided_at: datetime | None = None


class Replays(Commands):
    """What commands about dead letters, blocked sessions and thresholds share."""

    def rerun_changed(self, pipeline: str, days: Sequence[date], from_stage: str = "quality", *, request_key: str | None = None) -> Replay:
        """Run these dates again from `from_stage` on, with the thresholds of now, as one backfill.

        Each takes over the checkpoints of the stages before, out of the newest run that has them, or runs from the start.
        """
        found = find(PIPELINES, pipeline)
        found.position(from_stage)
        if not days or len(days) > MOST_DATES:
            raise UsageError(f"name 1 to {MOST_DATES:,} dates to run again, not {len(days):,}")
        self._refuse_impossible(days)
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            self._asked(connection, request_key, "rerun_changed", pipeline=pipeline, days=sorted(set(days)), from_stage=from_stage)
            earlier = earlier_replay(connection, pipeline, request_key)
            if earlier is not None:
                return earlier
            now = self.runtime.clock.now()  # a run that has begun has the thresholds of before
            wanted = [Wanted(day, from_stage, now) for day in sorted(set(days))]
            backfill_id, taken, left_out = self._backfill_of(connection, found, wanted, RunType.RERUN, request_key=request_key)
            asked = {"pipeline": pipeline, "dates": len(wanted), "from_stage": from_stage, "id": backfill_id}
            self._audited(connection, "rerun_changed", asked, f"{len(taken)} dates queued again, {len(left_out)} left out")
        return Replay(backfill_id=backfill_id, dates=tuple(taken), left_out=by_reason(left_out))

    def _replay_one(self, connection: Connection, pipeline: Pipeline, wanted: Wanted, run_type: RunType, **keys: Any) -> Submitted:
        """Queue a replay of one date, or join the run that does the same; `Conflict` while another is active."""
        active = runs.active_of(connection, pipeline.name, wanted.day)
        row = runs.one(connection, active) if active is not None else None
        if row is None:
            return self._queue(connection, pipeline, wanted.day, run_type, **keys, **self._taking_over(connection, pipeline, wanted))
        if not _joins(row, pipeline, wanted):
            raise Conflict(f"{wanted.day} has run {row['id']} {row['status']}; wait for its end or cancel it, then ask again")
        refuse_held_back(connection, row["id"])
        return Submitted(row["id"], False, f"{wanted.day} has a run {row['status']} already that does it: run {row['id']}.")

    def _backfill_of(
        self, connection: Connection, pipeline: Pipeline, wanted: Sequence[Wanted], run_type: RunType, *, request_key: str | None
    ) -> tuple[int, list[date], dict[date, str]]:
        """Queue a replay of each date under one backfill; return it, the dates it has, and those left out with the reason."""
        at, days = self.runtime.clock.now(), [item.day for item in wanted]
        active = runs.active_between(connection, pipeline.name, days[0], days[-1])
        rows = {day: runs.one(connection, active[day]) for day in days if day in active}
        left_out = {
            item.day: f"its run {active[item.day]} is {row['status']}"
            for item in wanted
            if (row := rows.get(item.day)) is not None and not _joins(row, pipeline, item)
        }
        taken = [item for item in wanted if item.day not in left_out]
        if not taken:
            raise Conflict(f"nothing to run again: {'; '.join(f'{day}: {why}' for day, why in list(left_out.items())[:3])}")
        backfill_id = backfills.add(
            connection,
            pipeline=pipeline.name,
            since=taken[0].day,
            until=taken[-1].day,
            mode=BackfillMode.REPLAY,
            on_failure=OnFailure.CONTINUE,
            max_active=1,
            state=BackfillState.RUNNING,
            dates=len(taken),
            request_key=request_key,
            requested_by=self.actor,
            created_at=at,
        )
        for item in taken:
            if item.day not in rows:
                asked = {"pipeline": pipeline.name, "partition": item.day} | self._taking_over(connection, pipeline, item)
                self._add(connection, pipeline, run_type, asked, backfill_id=backfill_id, priority=BACKFILL_LAST)
        for emptied in moves.adopt(connection, backfill_id, [active[item.day] for item in taken if item.day in rows], at=at):
            backfills.taken_over(connection, emptied, by=backfill_id, at=at)
        return backfill_id, [item.day for item in taken], left_out

    def _taking_over(self, connection: Connection, pipeline: Pipeline, wanted: Wanted) -> dict[str, Any]:
        """Return which run a new one takes checkpoints over from and where it begins; a booking by hand is kept."""
        newest = runs.newest_of(connection, pipeline.name, wanted.day)
        origin, from_stage = self._origin(connection, pipeline, wanted.day, wanted.from_stage) if wanted.from_stage else (None, None)
        booked = newest["book_to"] if newest is not None else None
        return {"rerun_of": origin or (newest["id"] if newest is not None else None), "from_stage": from_stage, "book_to": booked}

    def _origin(self, connection: Connection, pipeline: Pipeline, day: date, from_stage: str) -> tuple[int | None, str | None]:
        """Return the newest run of a date with the checkpoints before `from_stage`, and the stage to begin with.

        That is an earlier one where people have corrected lines since. (None, None): nothing can be taken over.
        """
        needed = [stage.name for stage in pipeline.order[: pipeline.position(from_stage)]]
        made: dict[str, Any] = {}  # by newer runs
        for row in runs.recent(connection, pipeline=pipeline.name, partition=day, limit=LOOKED_THROUGH):
            kept = {name: item["checkpoint"] for name, item in checkpoints(connection, row["id"]).items() if name in needed}
            if len(kept) == len(needed):
                if any(kept[name] != value for name, value in made.items()):
                    return None, None  # the lake would hold the one and serve the other
                return _where(connection, pipeline, day, row["id"], kept, from_stage)
            made = kept | made
        return None, None


def _where(
    connection: Connection, pipeline: Pipeline, day: date, run_id: int, kept: Mapping[str, Any], from_stage: str
) -> tuple[int | None, str | None]:
    typed = kept.get(TYPED)
    if typed is None or (typed.get("rows") is not None and still_stand(connection, pipeline.name, day, typed)):
        return run_id, from_stage
    return run_id, TYPED


def _joins(row: Mapping[Any, Any], pipeline: Pipeline, wanted: Wanted) -> bool:
    """Say whether an active run does what is wanted: it has not begun and begins early enough, or it is a replay begun since."""
    begins = pipeline.position(row["from_stage"]) if row["from_stage"] else 0
    if begins > (pipeline.position(wanted.from_stage) if wanted.from_stage else 0):
        return False
    if row["status"] == RunStatus.QUEUED and row["started_at"] is None:
        return True
    since = wanted.decided_at
    return row["run_type"] == RunType.REPLAY and (since is None or row["started_at"] is None or since < row["started_at"])


def earlier_replay(connection: Connection, pipeline: str | None, request_key: str | None) -> Replay | None:
    """Return what this request made before, or None; `Conflict` when it was a request for something else."""
    row = backfills.by_request_key(connection, request_key) if request_key else None
    run = runs.by_request_key(connection, request_key) if request_key else None
    if row is not None and row["mode"] == BackfillMode.REPLAY and row["pipeline"] == (pipeline or row["pipeline"]):
        return Replay(backfill_id=row["id"], dates=tuple(tile["partition"] for tile in backfills.tiles(connection, row["id"])))
    if run is not None and run["run_type"] == RunType.REPLAY and run["pipeline"] == (pipeline or run["pipeline"]):
        return Replay(Submitted(run["id"], False, f"This request was made before: run {run['id']}."), dates=(run["partition"],))
    if row is not None or run is not None:
        raise Conflict(f"the request key {request_key!r} was used before for something else; take a new key for a new request")
    return None


def by_reason(left_out: Mapping[Any, str]) -> dict[str, int]:
    """Return how often each reason stands there."""
    reasons = list(left_out.values())
    return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
