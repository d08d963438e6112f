"""Log lines of all runs, searched from the newest on; a search without a hit ends after so many lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, RowMapping, Text, cast, func, or_, select

from storage.tables import LogLine, Run

log_lines = LogLine.__table__
runs = Run.__table__

LOOK = 20_000  # lines that one search reads at most


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines are wanted; `text` is looked for in the event and its fields, whatever the case."""

    text: str = ""
    levels: tuple[str, ...] = ()
    stage: str | None = None
    run_id: int | None = None
    partition: date | None = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines that were found, newest first; where to go on, None where there is nothing older; how many lines were read."""

    lines: Sequence[RowMapping]
    before: int | None
    looked: int


def search(connection: Connection, wanted: LogFilter, *, before: int | None = None, limit: int = 100) -> LogPage:
    """Return up to `limit` lines older than line `before`, each with the pipeline and the partition of its run."""
    newest = select(log_lines).order_by(log_lines.c.id.desc()).limit(LOOK)
    if before is not None:
        newest = newest.where(log_lines.c.id < before)
    if wanted.run_id is not None:
        newest = newest.where(log_lines.c.run_id == wanted.run_id)
    if wanted.partition is not None:
        newest = newest.where(log_lines.c.run_id.in_(select(runs.c.id).where(runs.c.partition == wanted.partition)))
    looked = newest.subquery()
    first, number = connection.execute(select(func.min(looked.c.id), func.count()).select_from(looked)).one()
    query = select(looked, runs.c.pipeline, runs.c.partition).join(runs, runs.c.id == looked.c.run_id)
    if wanted.levels:
        query = query.where(looked.c.level.in_(wanted.levels))
    if wanted.stage is not None:
        query = query.where(looked.c.stage == wanted.stage)
    if wanted.text:
        there = cast(looked.c.fields, Text)
        query = query.where(or_(*(column.icontains(wanted.text, autoescape=True) for column in (looked.c.event, there))))
    lines = connection.execute(query.order_by(looked.c.id.desc()).limit(limit)).mappings().all()
    if len(lines) == limit:
        return LogPage(lines, lines[-1]["id"], number)
    return LogPage(lines, first if number == LOOK else None, number)
