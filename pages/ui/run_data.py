"""Reads of the run pages alone: the list of runs, and what two runs of a date made of its prices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import inf
from statistics import median
from typing import Any

import pyarrow as pa

import engine.runtime
from pages.ui import data
from pages.ui import format as say
from pages.ui.shared import shared
from pages.ui.views import RunView, StageView, View
from storage import lake, moves, run_list
from storage.run_list import RunFilter
from storage.status import ACTIVE, Outcome, RunStatus, RunType, Verdict

PAGE = 50
STREAM = moves.STREAM  # the pipeline whose runs are sessions of the tick stream
SILVER, REJECTED = "silver", "rejected"
_SAMPLE = 20


@dataclass(frozen=True, slots=True)
class RunRow(View):
    """One run, as small as a list needs it."""

    id: int
    pipeline: str
    partition: date
    run_type: RunType
    status: RunStatus
    verdict: Verdict | None
    session_date: date | None
    outcome: Outcome | None
    rows: int | None
    reason: str | None
    error_type: str | None
    error_message: str | None
    backfill_id: int | None
    requested_by: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_us: int | None
    simulated: bool


def of_stream(run: RunView | RunRow) -> bool:
    """Say whether a run is a session of the tick stream: it has no stages, and another page shows it."""
    return run.pipeline == STREAM


def active(run: RunView | RunRow) -> bool:
    """Say whether a run is queued or running."""
    return run.status in ACTIVE


def has_file(run: RunView | RunRow) -> bool:
    """Say whether a run's date may have a file that can be booked: not where the run found that the source has none."""
    return run.verdict is not Verdict.MISSING


@shared(seconds=data.LIVE, entries=200)
def page(chosen: RunFilter, *, before: int | None = None, limit: int = PAGE) -> tuple[RunRow, ...]:
    """Return one page of the runs that match, newest first; the next one lies before its last id."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(RunRow.of(row) for row in run_list.page(connection, chosen, before=before, limit=limit))


@shared(seconds=data.LIVE, entries=200)
def rows_of(ids: tuple[int, ...]) -> tuple[RunRow, ...]:
    """Return these runs as they are now, in this order."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(RunRow.of(row) for row in run_list.by_ids(connection, ids))


@shared(seconds=data.LIVE, entries=200)
def runs_of_date(pipeline: str, day: date) -> tuple[RunRow, ...]:
    """Return the runs of a date, newest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(RunRow.of(row) for row in run_list.of_date(connection, pipeline, day))


def years(pipeline: str, chosen: date | None = None) -> tuple[int, ...]:
    """Return the years that hold a date with a run, this year and that of the chosen date, oldest first."""
    held = {*_years_of_runs(pipeline), data.today().year}
    return tuple(sorted(held | {chosen.year} if chosen else held))


@shared(seconds=data.CALM, entries=20)
def opening_year(pipeline: str) -> int:
    """Return the year to begin with: the newest one with a run of a date before today, which alone makes an empty calendar."""
    with engine.runtime.runtime().database.reading() as connection:
        newest = run_list.newest_before(connection, pipeline, data.today())
    return (newest or data.today()).year


@shared(seconds=data.CALM, entries=20)
def _years_of_runs(pipeline: str) -> tuple[int, ...]:
    with engine.runtime.runtime().database.reading() as connection:
        span = run_list.span(connection, pipeline)
    return () if span is None else tuple(range(span[0].year, span[1].year + 1))


def cost(pipeline: str, dates: int) -> str:
    """Say what running so many dates will take, from the runs that were measured."""
    measured = data.durations(pipeline)
    if not measured:
        return "No run has been measured yet, so how long it will take is not known."
    typical = median(measured)
    known = f"median of the last {say.count(len(measured), 'successful run')}"
    if dates == 1:
        return f"It will take about {say.duration(typical)}, the {known}."
    return f"It will take about {say.duration(typical * dates)}, one after the other ({known}: {say.duration(typical)})."


@dataclass(frozen=True, slots=True)
class PriceChange:
    """One value that two versions of a session do not share."""

    symbol: str
    column: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class PriceDifference:
    """What differs between two versions of a session's prices; `unreadable` says why they could not be compared."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: int = 0  # symbols
    sample: tuple[PriceChange, ...] = ()
    unreadable: str | None = None

    @property
    def same(self) -> bool:
        """Whether both versions hold the same values."""
        return not (self.added or self.removed or self.changed or self.unreadable)


def lake_files(checkpoint: Any) -> tuple[Mapping[str, Any], ...]:
    """Return every lake version that a stage's checkpoint names, wherever it lies in it."""
    if isinstance(checkpoint, dict):
        if {"dataset", "path", "sha256"} <= checkpoint.keys():
            return (checkpoint,)
        return tuple(file for part in checkpoint.values() for file in lake_files(part))
    return ()


def silver_of(stages: Sequence[StageView]) -> str | None:
    """Return the lake path of the prices that a run made or found; None when it came to none."""
    files = (file for stage in stages if stage.stage == SILVER for file in lake_files(stage.checkpoint))
    return next((str(file["path"]) for file in files), None)


@shared(seconds=inf, entries=20)  # a lake file never changes
def price_difference(before: str, after: str) -> PriceDifference:
    """Compare two versions of a session's prices by symbol."""
    folder = engine.runtime.runtime().lake
    try:
        return compare(folder.read_table(before), folder.read_table(after))
    except lake.LakeFileLost as error:
        return PriceDifference(unreadable=str(error))


@shared(seconds=600, entries=20)
def set_aside(path: str) -> tuple[tuple[dict[str, Any], ...], str | None]:
    """Return the lines of a file that could not be used, or why they cannot be read; `path` is a file of the lake."""
    try:
        return tuple(engine.runtime.runtime().lake.read_table(path).to_pylist()), None
    except lake.LakeFileLost as error:
        return (), str(error)


def rejected_path(stages: Sequence[StageView]) -> str | None:
    """Return where the lines are that a run set aside, or None when there were none."""
    files = (file for stage in stages for file in lake_files(stage.checkpoint))
    return next((str(file["path"]) for file in files if file["dataset"] == REJECTED), None)


def compare(before: pa.Table, after: pa.Table) -> PriceDifference:
    """Return what differs between two silver tables, symbol by symbol; columns that only one of them has are left out."""
    columns = [name for name in before.column_names if name in after.column_names and name not in ("session", "symbol")]
    old, new = _by_symbol(before, columns), _by_symbol(after, columns)
    changes = [
        PriceChange(symbol, column, old[symbol][column], new[symbol][column])
        for symbol in old
        if symbol in new
        for column in columns
        if old[symbol][column] != new[symbol][column]
    ]
    return PriceDifference(
        added=tuple(symbol for symbol in new if symbol not in old),
        removed=tuple(symbol for symbol in old if symbol not in new),
        changed=len({change.symbol for change in changes}),
        sample=tuple(changes[:_SAMPLE]),
    )


def _by_symbol(table: pa.Table, columns: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    return {row["symbol"]: row for row in table.select(["symbol", *columns]).to_pylist()}
