"""Reads of where versions of the lake lie and what would become of them; cached and shared like those of `data.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

import engine.runtime
from engine.lifecycle import planning
from engine.lifecycle.planning import Plan
from engine.lifecycle.policy import asked_for
from pages.ui.shared import shared
from storage import lifecycle, packs
from storage.status import StepKind, StepState

CALM = 4.0  # seconds a read may be old


@dataclass(frozen=True, slots=True)
class StepView:
    """One thing that the lifecycle was asked for."""

    id: int
    kind: StepKind
    state: StepState
    requested_by: str
    requested_at: datetime
    message: str | None
    files: int  # that an undo would give back
    warmed: int  # packs that it would bring back out of the cold

    @property
    def can_be_undone(self) -> bool:
        """Whether it has made or moved something that is still as it left it."""
        over = self.state in (StepState.DONE, StepState.FAILED)
        return self.kind is StepKind.APPLY and over and bool(self.files or self.warmed)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the versions lie, what could be packed or moved now, and what was asked for, newest first."""

    sums: Mapping[str, int]
    plan: Plan
    steps: tuple[StepView, ...]
    cold: str | None


@shared(seconds=CALM, entries=2)
def standing(*, limit: int = 5) -> Standing:
    """Return how the lifecycle stands."""
    runtime = engine.runtime.runtime()
    with runtime.database.reading() as connection:
        sums = dict(packs.sums(connection))
        steps = tuple(_view(connection, row) for row in lifecycle.recent(connection, limit=limit))
    return Standing(sums, planning.plan(runtime, asked_for(runtime), measured=False), steps, runtime.settings.cold_root)


def _view(connection: Connection, row: RowMapping) -> StepView:
    made = packs.listed(connection, packs.packs.c.step_id == row["id"])
    moved = packs.listed(connection, packs.packs.c.cooled_by == row["id"], packs.packs.c.step_id != row["id"])
    values: dict[str, Any] = {name: row[name] for name in ("id", "requested_by", "requested_at", "message")}
    kinds = StepKind(row["kind"]), StepState(row["state"])
    return StepView(kind=kinds[0], state=kinds[1], files=sum(pack["members"] for pack in made), warmed=len(moved), **values)


@shared(seconds=60.0, entries=2)
def measured_plan() -> Plan:
    """Return what an application would do, its bytes estimated from a month of each dataset; takes a second on two years."""
    runtime = engine.runtime.runtime()
    return planning.plan(runtime, asked_for(runtime))
