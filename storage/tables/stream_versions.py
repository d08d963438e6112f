"""Versions of what the stream makes of past sessions: computed anew from the log, beside what is served."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Column, Index, LargeBinary
from sqlmodel import Field

from storage.status import VersionSide, VersionState
from storage.tables.base import Base, Identity, count, document, identity, instant, long_text, only_where, required, word


class StreamVersion(Base, table=True):
    """One rebuild that a person asked for: of which sessions, under which thresholds, why, and what became of it."""

    __tablename__ = "stream_version"
    id: int | None = identity()
    since: date
    until: date
    sessions: int = required()
    turned: Any = document()  # thresholds that stand elsewhere than in `thresholds`, by key
    thresholds: int = count(0)  # the version of all others
    reason: str = long_text(nullable=False)
    state: VersionState = word(16, nullable=False)
    requested_by: str = word(80, nullable=False)
    requested_at: datetime = instant(nullable=False)
    decided_by: str | None = word(80)  # who promoted it, took that back, or dropped it
    decided_at: datetime | None = instant()
    request_key: str | None = word(80)
    __table_args__: ClassVar[Any] = (Index("uq_stream_version_request", "request_key", unique=True),)


class VersionSession(Base, table=True):
    """One session of a version: what it was made of, and how it compares with what was served when it was built."""

    __tablename__ = "stream_version_session"
    version: int = Field(sa_column=Column(Identity, primary_key=True, autoincrement=False))
    session: date = Field(primary_key=True)
    built_at: datetime | None = instant()
    attempts: int = count(0)  # to build it: one that takes its process with it is given up
    made_of: str | None = word(32)  # of the log and of what people have taken in
    against: int | None = count()  # the version that was served then; none: what the stream made
    code_version: str | None = word(16)
    compared: Any = document()  # how many bars, days, alerts and letters are equal, on one side alone, or differ
    failure: str | None = long_text()
    __table_args__: ClassVar[Any] = (
        Index("ix_stream_version_session", "session", "version"),
        Index("ix_stream_version_waiting", "version", "session", **only_where("built_at IS NULL AND failure IS NULL")),
    )


class VersionContent(Base, table=True):
    """The bars, days, alerts and letters of one session of a version, packed: those of the version, or those it has taken the place of."""

    __tablename__ = "stream_version_content"
    version: int = Field(sa_column=Column(Identity, primary_key=True, autoincrement=False))
    session: date = Field(primary_key=True)
    side: VersionSide = word(8, nullable=False, key=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
