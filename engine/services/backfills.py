"""Commands about ranges of dates."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from engine.clock import nepal_date
from engine.errors import Conflict, UnknownName, UsageError
from engine.market.calendar import TradingCalendar
from engine.pipeline.graph import find
from engine.pipelines import PIPELINES
from engine.planning import Plan, plan
from engine.services.base import BACKFILL_LAST, MOST_DATES, Commands, refuse_before_opening, same_request
from storage import backfills, moves, runs
from storage.status import ACTIVE, BackfillMode, BackfillState, OnFailure, RunStatus, RunType


class BackfillCommands(Commands):
    """Plan, backfill, pause, resume, cancel."""

    def plan_backfill(self, pipeline: str, since: date, until: date, *, mode: BackfillMode = BackfillMode.MISSING) -> Plan:
        """Say which dates a backfill would take and how long that would last, from past runs; changes nothing."""
        if mode is BackfillMode.REPLAY:
            raise UsageError("a replay is asked for by dead letters or dates, not by a range; take another mode")
        if until < since:
            raise UsageError(f"the range ends ({until}) before it begins ({since})")
        if (until - since).days >= MOST_DATES:
            raise UsageError(f"{since} to {until} are {(until - since).days + 1:,} dates; take at most {MOST_DATES:,} at a time")
        self.runtime.source.span()  # a source that is set up wrongly is refused here: no date is to blame for it
        today = nepal_date(self.runtime.clock.now())
        if until > today:
            raise UsageError(f"{until} lies in the future (today is {today} in Nepal); end the range today at the latest")
        refuse_before_opening(since)
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
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            earlier = _earlier_backfill(connection, asked, request_key)  # made by another while this one was planned
            if earlier is not None:
                return earlier
            active = runs.active_between(connection, pipeline, since, until)
            days = [item.day for item in planned.taken if item.day not in active]
            adopted = [] if mode is BackfillMode.FAILED else list(active.values())
            return self._begin(connection, asked, days, adopted, request_key)

    def _begin(
        self, connection: Connection, asked: Mapping[str, Any], days: Sequence[date], adopted: Sequence[int], request_key: str | None
    ) -> int:
        """Queue a run for each of `days`, take over those that are there already, and return the backfill of all of them."""
        at = self.runtime.clock.now()
        said = {"request_key": request_key, "requested_by": self.actor, "created_at": at}
        backfill_id = backfills.add(connection, **asked, **said, state=BackfillState.RUNNING, dates=len(days) + len(adopted))
        new = {"run_type": RunType.BACKFILL, "backfill_id": backfill_id, "requested_by": self.actor, "priority": BACKFILL_LAST}
        moves.add_many(connection, days, at=at, pipeline=asked["pipeline"], **new)
        for emptied in moves.adopt(connection, backfill_id, adopted, at=at):
            backfills.taken_over(connection, emptied, by=backfill_id, at=at)
        backfills.close_if_done(connection, backfill_id, at=at)
        self._audited(connection, "backfill", {**asked, "id": backfill_id}, f"{len(days)} dates queued, {len(adopted)} taken over")
        return backfill_id

    def first_backfill(self) -> int | None:
        """Backfill the newest sessions that the source holds, once, when the home is empty; return the backfill's id."""
        wanted, span = self.runtime.settings.first_backfill_sessions, self.runtime.source.span()
        with self.runtime.database.reading() as connection:
            used = runs.ever(connection, "daily_prices")
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
        said = self._backfill_state(backfill_id, BackfillState.CANCELLED, "is cancelled")
        with self.runtime.database.reading() as connection:
            left = [row for row in backfills.tiles(connection, backfill_id) if row["status"] in ACTIVE]
        with self.runtime.database.transaction() as connection:
            for row in left:
                if row["status"] == RunStatus.QUEUED:
                    reason = f"its backfill was cancelled by {self.actor}"
                    self._cancel_queued(connection, row["id"], reason=reason)
                moves.request_cancel(connection, row["id"])
        return said

    def _backfill_state(self, backfill_id: int, state: BackfillState, said: str) -> str:
        at = self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            row = backfills.one(connection, backfill_id)
            if row is None:
                raise UnknownName(f"there is no backfill {backfill_id}")
            reason = None if state is BackfillState.RUNNING else f"by {self.actor}"  # why it stands still; what goes on has none
            if not backfills.set_state(connection, backfill_id, state, at=at, reason=reason):
                raise Conflict(f"backfill {backfill_id} has ended ({row['state']})")
            return self._audited(connection, f"backfill_{state}", {"id": backfill_id}, f"Backfill {backfill_id} {said}.")


def _earlier_backfill(connection: Connection, asked: Mapping[str, Any], request_key: str | None) -> int | None:
    earlier = backfills.by_request_key(connection, request_key) if request_key else None
    if earlier is None:
        return None
    same_request(earlier, asked, request_key)
    return int(earlier["id"])
