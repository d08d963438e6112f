"""The tick log: what a stream received on each session, in blocks, and how far each of its readers has come."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlmodel import Field

from storage.tables.base import Base, count, document, instant, long_text, required, word


class TickTopic(Base, table=True):
    """One session of one stream; its row is locked by who appends, and stays when retention has dropped what it held."""

    __tablename__ = "tick_topic"
    stream: str = word(32, nullable=False, key=True)
    session: date = Field(primary_key=True)
    records: int = count(0)  # received so far; the offset of the next one
    tail: int = count(0)  # checksum over the checksums of all segments so far
    symbols: Any = document()  # names, in the order of their codes
    source: str | None = word(32)
    source_position: str | None = long_text()  # where the source goes on, as of the last append
    closed_at: datetime | None = instant()
    path: str | None = word(200)  # of the lake's file that has taken the place of the segments
    dropped_at: datetime | None = instant()


class TickSegment(Base, table=True):
    """One append: `records` records from offset `base` on, as columns in a block of bytes; times in microseconds since 1970, UTC."""

    __tablename__ = "tick_segment"
    stream: str = word(32, nullable=False, key=True)
    session: date = Field(primary_key=True)
    base: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    records: int = required()
    first_time: int | None = count()  # of the ticks that could be read
    last_time: int | None = count()
    first_ingest: int = required()
    last_ingest: int = required()
    crc32: int = required()
    data: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    place: str | None = word(64)  # where a broker keeps the block, when it does
    __table_args__: ClassVar[Any] = (Index("ix_tick_segment_time", "stream", "session", "last_time", "base"),)


class TickTakeIn(Base, table=True):
    """Records, `records` of them from offset `base` on, that a person has brought into a session when the stream was done with it."""

    __tablename__ = "tick_take_in"
    session: date = Field(primary_key=True)
    base: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    records: int = required()
    origin: str | None = word(200)  # of the tape that they were replayed from; None: they lay in the log, set aside
    taken_by: str = word(80, nullable=False)
    taken_at: datetime = instant(nullable=False)
    corrects: int | None = count()  # the offset of the record in whose place a person wrote this one
    taken_back_by: str | None = word(80)
    taken_back_at: datetime | None = instant()  # out of the session again; the log keeps the record


class TickPosition(Base, table=True):
    """How far one group of readers has come in a session: the offset that it reads next."""

    __tablename__ = "tick_position"
    stream: str = word(32, nullable=False, key=True)
    session: date = Field(primary_key=True)
    reader: str = word(80, nullable=False, key=True)
    next_offset: int = required()
    committed_at: datetime = instant(nullable=False)
