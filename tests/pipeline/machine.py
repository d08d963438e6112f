"""The machine in this process: pipelines made for a test, a clock that stands still, and what became of their runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import RowMapping

from engine.clock import FakeClock
from engine.errors import SourceUnavailable
from engine.market.reference import Reference
from engine.pipeline.execution import Execution
from engine.pipeline.graph import Pipeline
from engine.runtime import Runtime
from engine.sources.source import SourceFile
from storage import moves, runs
from storage.status import RunStatus, RunType

DAY = date(2025, 6, 1)  # a Sunday: the first day of that year's trading week
NOW = datetime(2025, 6, 1, 12, 15, tzinfo=UTC)  # 18:00 in Nepal


@dataclass(slots=True)
class Shelf:
    """A source that holds what a test puts on it."""

    files: dict[date, bytes] = field(default_factory=dict)
    known: Reference = field(default_factory=Reference)
    name: str = "files"
    simulated: bool = False
    failing: bool = False
    asked: list[date] = field(default_factory=list)

    def daily_file(self, day: date) -> SourceFile | None:
        self.asked.append(day)
        if self.failing:
            raise SourceUnavailable("the source did not answer")
        return SourceFile(f"{day:%Y_%m_%d}.csv", self.files[day]) if day in self.files else None

    def span(self) -> tuple[date, date] | None:
        return (min(self.files), max(self.files)) if self.files else None

    def reference(self) -> Reference:
        return self.known


@dataclass(slots=True)
class Machine:
    """One runner's worth of machinery."""

    runtime: Runtime
    clock: FakeClock
    pipeline: Pipeline
    stopping: Callable[[], bool] = lambda: False

    def queue(self, day: date = DAY, **values: Any) -> int:
        """Queue a run and return its id."""
        asked = {"run_type": RunType.MANUAL, "requested_by": "a person", "priority": 0} | values
        with self.runtime.database.transaction() as connection:
            return moves.add(connection, at=self.clock.now(), pipeline=self.pipeline.name, partition=day, **asked)

    def claim(self, runner_id: str = "host-1", **options: Any) -> RowMapping | None:
        """Claim the next run as a runner of that name."""
        noted = {"source": self.runtime.source.name, "simulated": self.runtime.simulated} | options
        return moves.claim(self.runtime.database, runner_id=runner_id, at=self.clock.now(), sequential=[self.pipeline.name], **noted)

    def claimable(self) -> bool:
        """Say whether a run could be claimed now."""
        found: bool = self._read(moves.claimable, at=self.clock.now(), sequential=[self.pipeline.name])
        return found

    def execution(self) -> Execution:
        """Return what executes claimed runs."""
        return Execution(self.runtime, {self.pipeline.name: self.pipeline}, "test", self.stopping)

    def work(self) -> RunStatus | None:
        """Claim the next run and execute it; return how it ended."""
        run = self.claim()
        assert run is not None, "nothing to claim"
        return self.execution().execute(run)

    def run(self, run_id: int) -> RowMapping:
        """Return a run as it is now."""
        return self._read(runs.one, run_id)

    def stages(self, run_id: int) -> Sequence[tuple[str, str]]:
        """Return the stages of a run with their statuses, in order."""
        return [(row["stage"], row["status"]) for row in self._read(runs.stages_of, run_id)]

    def attempts(self, run_id: int) -> Sequence[RowMapping]:
        """Return the failed tries of a run."""
        return self._read(runs.attempts_of, run_id)

    def events(self, run_id: int) -> Sequence[str]:
        """Return the names of what happened to a run."""
        return [row["name"] for row in self._read(runs.events_of, run_id)]

    def _read(self, read: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        with self.runtime.database.reading() as connection:
            return read(connection, *arguments, **options)


def unavailable_times(times: int) -> Callable[[Any], None]:
    """Return what raises an error that trying again can help, that many times."""
    left = iter(range(times))

    def trouble(_context: Any) -> None:
        if next(left, None) is not None:
            raise SourceUnavailable("the source did not answer")

    return trouble
