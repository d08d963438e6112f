"""What the product does for its own safety: jobs that it ran, and lake files that were found damaged."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Index

from storage.status import JobOutcome
from storage.tables.base import Base, count, document, identity, instant, long_text, only_where, word


class JobRun(Base, table=True):
    """One execution of a job: asked for, claimed by a process, ended. At most one runs, over all runners."""

    __tablename__ = "job_run"
    id: int | None = identity()
    job: str = word(32, nullable=False)
    outcome: JobOutcome = word(16, nullable=False)
    requested_by: str = word(80, nullable=False)
    requested_at: datetime = instant(nullable=False)
    started_at: datetime | None = instant()
    finished_at: datetime | None = instant()
    holder: str | None = word(160)  # the process that has claimed it
    beats: int = count(0)  # its signs of life; as of a runner, liveness is judged by these, never by a wall clock
    attempts: int = count(0)
    cpu_us: int | None = count()  # of the process, from its claim to its end
    figures: Any = document()  # what it measured; while it runs, how far it has come
    message: str | None = long_text()
    __table_args__: ClassVar[Any] = (
        Index("uq_job_run_running", "outcome", unique=True, **only_where("outcome = 'running'")),
        Index("uq_job_run_queued", "job", unique=True, **only_where("outcome = 'queued'")),
        Index("ix_job_run_job", "job", "id"),
        Index("ix_job_run_outcome", "job", "outcome", "id"),
    )


class LakeDamage(Base, table=True):
    """A file of the lake that a scrub found missing or not what was published; its row goes when the file is whole again."""

    __tablename__ = "lake_damage"
    path: str = word(200, nullable=False, key=True)
    dataset: str = word(32, nullable=False)
    partition: date
    run_id: int | None = count()  # the run that published it
    reason: str = long_text(nullable=False)
    found_at: datetime = instant(nullable=False)
