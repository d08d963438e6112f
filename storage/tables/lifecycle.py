"""Where versions of closed months lie, and what people asked the lifecycle to do."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Index

from storage.status import StepKind, StepState
from storage.tables.base import Base, count, document, identity, instant, long_text, required, word


class LakePack(Base, table=True):
    """One file that holds many versions of a dataset's month; where it lies in the cold, the lake need not have it."""

    __tablename__ = "lake_pack"
    path: str = word(200, nullable=False, key=True)  # relative to the lake, and to the folder in the cold
    dataset: str = word(32, nullable=False)
    month: date  # its first day
    sha256: str = word(64, nullable=False)
    bytes: int = count(0)
    rows: int | None = count()
    members: int = count(0)
    replaced_files: int = count(0)  # what it took the place of
    replaced_bytes: int = count(0)
    step_id: int = required()  # that made it
    created_at: datetime = instant(nullable=False)
    cold: str | None = word(400)  # where it lies in the cold; its copy in the lake is then one that can be done without
    cooled_by: int | None = count()  # the step that moved it there
    restored_at: datetime | None = instant()  # when it came back last
    __table_args__: ClassVar[Any] = (Index("ix_lake_pack_month", "dataset", "month"), Index("ix_lake_pack_step", "step_id"))


class LakeMember(Base, table=True):
    """A version that lies in a pack; what has no row here lies in a file of its own."""

    __tablename__ = "lake_member"
    path: str = word(200, nullable=False, key=True)  # of the version, as in the catalog
    pack: str = word(200, nullable=False)
    first_row: int = count(0)  # of a table: where its rows begin in the pack
    __table_args__: ClassVar[Any] = (Index("ix_lake_member_pack", "pack"),)


class LifecycleStep(Base, table=True):
    """One thing that the lifecycle was asked for: its policy, and what came of it."""

    __tablename__ = "lifecycle_step"
    id: int | None = identity()
    kind: StepKind = word(16, nullable=False)
    state: StepState = word(16, nullable=False)
    asked: Any = document()  # the policy, or what to take back
    requested_by: str = word(80, nullable=False)
    requested_at: datetime = instant(nullable=False)
    ended_at: datetime | None = instant()
    figures: Any = document()
    message: str | None = long_text()
    undone_by: int | None = count()  # the step that took it back
    __table_args__: ClassVar[Any] = (Index("ix_lifecycle_step_state", "state", "id"),)
