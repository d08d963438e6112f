"""Whatever happens to clock, process, calendar and schedule: every expected slot ends done, failed or waived, with a reason."""

import random
from contextlib import suppress
from datetime import date, time, timedelta

import pytest

from engine.clock import nepal_date, nepal_time
from engine.market.calendar import TradingCalendar
from engine.market.reference import AnnouncedDay, Reference
from engine.pipeline.graph import Due
from engine.pipeline.ledger import reconcile
from storage import moves, schedules
from storage.status import RunStatus, SlotOutcome, Verdict

# The exchange moved from Sunday-Thursday to Monday-Friday in April 2026: the walks cross that week.
EVENING = Due(at=time(18, 0))
FIRST, LAST = date(2026, 3, 22), date(2026, 5, 3)
DONE = {SlotOutcome.RAN, SlotOutcome.LATE}
FAILED = {SlotOutcome.FAILED, SlotOutcome.SOURCE_EMPTY, SlotOutcome.CANCELLED}
WAIVED = {SlotOutcome.HOLIDAY, SlotOutcome.PAUSED}
ENDS = [
    (RunStatus.SUCCEEDED, Verdict.SESSION),
    (RunStatus.SUCCEEDED, Verdict.SESSION),
    (RunStatus.FAILED, Verdict.FAILED),
    (RunStatus.FAILED, Verdict.MISSING),
    (RunStatus.SKIPPED, Verdict.NO_SESSION),
    (RunStatus.CRASHED, Verdict.FAILED),
]


class Walk:
    """A machine to which things happen, by a seed."""

    def __init__(self, machine, shelf, seed: int) -> None:
        self.machine, self.chance = machine, random.Random(seed)  # noqa: S311, the same walk every time
        machine.pipeline.due = EVENING
        shelf.known = Reference(calendar={FIRST + timedelta(days=9): AnnouncedDay(trading=False, holiday="Ghode Jatra")})
        self.calendar = TradingCalendar(shelf.known.calendar)
        machine.clock.at = nepal_time(FIRST, 12)
        self.tick()

    def tick(self) -> None:
        reconcile(self.machine.runtime, self.machine.pipeline)

    def work(self) -> None:
        while run := self.machine.claim():
            status, verdict = self.chance.choice(ENDS)
            at, said = self.machine.clock.now(), {"verdict": verdict, "reason": f"{status}, {verdict}"}
            with suppress(moves.StaleMove), self.machine.runtime.database.transaction() as connection:
                moves.finish(connection, run["id"], status, at=at, day=run["partition"], held=run["fence"], **said)

    def pause(self, *, paused: bool) -> None:
        self.tick()
        with self.machine.runtime.database.transaction() as connection:
            schedules.set_paused(connection, "trial", paused=paused, by="a person", at=self.machine.clock.now())

    def step(self) -> None:
        """Let some hours pass, in which one of the things happens that do happen."""
        clock = self.machine.clock
        happens = self.chance.choice(["work", "work", "tick only", "down", "a day ahead", "a day back", "pause", "resume"])
        clock.advance(timedelta(hours=self.chance.randint(2, 90 if happens == "down" else 20)))
        if happens in ("a day ahead", "a day back"):
            jump = timedelta(days=1) if happens == "a day ahead" else -timedelta(days=1)
            clock.advance(jump)
            self.tick()
            clock.advance(-jump)
        if happens in ("pause", "resume"):
            self.pause(paused=happens == "pause")
        self.tick()
        if happens == "work":
            self.work()

    def slots(self):
        with self.machine.runtime.database.reading() as connection:
            return {row["day"]: row for row in schedules.slots_between(connection, "trial", FIRST, LAST)}


@pytest.mark.parametrize("seed", range(6))
def test_no_slot_is_skipped_without_a_word(machine, shelf, seed):
    walk = Walk(machine, shelf, seed)
    while nepal_date(machine.clock.now()) < LAST:
        walk.step()
    walk.pause(paused=False)
    machine.clock.at = nepal_time(LAST, 23)
    walk.tick()
    walk.work()
    walk.tick()
    slots = walk.slots()

    assert list(slots) == [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    assert {row["outcome"] for row in slots.values()} <= DONE | FAILED | WAIVED
    assert all(row["reason"] for row in slots.values())
    expected = [row for day, row in slots.items() if walk.calendar.expected(day).trading]
    assert all(row["run_id"] or row["outcome"] == SlotOutcome.PAUSED for row in expected)
    assert all(row["outcome"] not in DONE or row["run_id"] for row in slots.values())


def test_a_schedule_of_every_day_waives_none_as_a_holiday(machine, shelf):
    machine.pipeline.due = Due(at=EVENING.at, session_days_only=False)
    machine.clock.at = nepal_time(FIRST, 12)
    reconcile(machine.runtime, machine.pipeline)
    machine.clock.at = nepal_time(FIRST + timedelta(days=9), 23)
    reconcile(machine.runtime, machine.pipeline)

    with machine.runtime.database.reading() as connection:
        rows = schedules.slots_between(connection, "trial", FIRST, LAST)
    assert len(rows) == 10
    assert all(row["run_id"] for row in rows)
