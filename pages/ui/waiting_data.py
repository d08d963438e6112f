"""What waits for a person: dead letters that are open, sessions that the gate holds back. Cheap enough for every look at the Overview."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import engine.runtime
from pages.ui.shared import shared
from pages.ui.views import View
from storage import dead_letters, sessions
from storage import held as stored
from storage.dead_letters import LetterFilter
from storage.status import Decision, LetterState

_CALM = 4.0  # seconds


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many letters are open, by reason, most first, and how many are parked."""

    by_reason: Mapping[str, int]
    parked: int = 0

    @property
    def open(self) -> int:
        """How many wait for a person."""
        return sum(self.by_reason.values())


@dataclass(frozen=True, slots=True)
class Held(View):
    """A date whose session is blocked; `decision` is what a person said of that run, `served` the run whose version is served still."""

    day: date
    run_id: int
    reason: str | None
    decision: Decision | None
    decided_by: str | None
    why: str | None
    served: int | None


NOTHING_WAITS = Waiting({})


@shared(seconds=_CALM, entries=4)
def states() -> Mapping[LetterState, int]:
    """Return how many letters are in each state."""
    with engine.runtime.runtime().database.reading() as connection:
        counted = dead_letters.counts_by_state(connection)
    return {state: counted.get(state, 0) for state in LetterState}


@shared(seconds=_CALM, entries=20)
def waiting(pipeline: str) -> Waiting:
    """Return what is open of a pipeline; two walks of an index, and one when nothing is."""
    counted = states()
    if not counted[LetterState.OPEN]:
        return Waiting({}, counted[LetterState.PARKED])
    with engine.runtime.runtime().database.reading() as connection:
        reasons = dead_letters.counts_by_reason(connection, LetterFilter(states=(LetterState.OPEN,), pipeline=pipeline))
    return Waiting(dict(reasons), counted[LetterState.PARKED])


@shared(seconds=_CALM, entries=20)
def held(pipeline: str) -> tuple[Held, ...]:
    """Return the dates whose newest run was blocked, newest first."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = stored.held(connection, pipeline)
        accepted = [sessions.one(connection, row["session_date"] or row["day"]) for row in rows]
    return tuple(Held.of({**row, "served": known and known["run_id"]}) for row, known in zip(rows, accepted, strict=True))
