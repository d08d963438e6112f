"""The tick log's rows: topics, their segments, and the positions of readers. What stands in a segment is the stream's business."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from storage import damage
from storage.lake import files
from storage.prepared import Prepared
from storage.tables import TickPosition, TickSegment, TickTopic
from storage.upsert import insert_of, upsert

topics = TickTopic.__table__
segments = TickSegment.__table__
positions = TickPosition.__table__


class Topic(NamedTuple):
    """One session of one stream."""

    stream: str
    session: date


@dataclass(frozen=True, slots=True)
class TopicState:
    """What the log knows of a topic; `records` is the offset after the last one."""

    records: int = 0
    tail: int = 0
    source: str | None = None
    source_position: str | None = None
    closed_at: datetime | None = None
    path: str | None = None
    dropped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A block of bytes of so many records, and between which instants (microseconds since 1970, UTC) they lie."""

    records: int
    times: tuple[int, int] | None  # None where no record could be read
    ingests: tuple[int, int]
    data: bytes
    place: str | None = None  # where a broker keeps the bytes; None: they stand here

    @property
    def crc32(self) -> int:
        """The checksum of the bytes."""
        return zlib.crc32(self.data)


_STATE = tuple(TopicState.__dataclass_fields__)
_of_topic = topics.c.stream == bindparam("stream"), topics.c.session == bindparam("session")
_of_segment = segments.c.stream == bindparam("stream"), segments.c.session == bindparam("session")
_state = Prepared(select(*(topics.c[name] for name in _STATE)).where(*_of_topic))
_locked = Prepared(select(*(topics.c[name] for name in _STATE)).where(*_of_topic).with_for_update())
_symbols = Prepared(select(topics.c.symbols).where(*_of_topic))
_change = Prepared(update(topics).where(topics.c.stream == bindparam("b_stream"), topics.c.session == bindparam("b_session")))
_add = Prepared(insert(segments))
_floor = select(func.max(segments.c.base)).where(*_of_segment, segments.c.base <= bindparam("first")).scalar_subquery()
_between = Prepared(
    select(segments.c.base, segments.c.records, segments.c.crc32, segments.c.data, segments.c.place)
    .where(*_of_segment, segments.c.base >= _floor, segments.c.base < bindparam("end"))
    .order_by(segments.c.base)
)
_reaching = Prepared(select(func.min(segments.c.base).label("base")).where(*_of_segment, segments.c.last_time >= bindparam("time")))
_position = Prepared(
    select(positions.c.next_offset).where(
        positions.c.stream == bindparam("stream"), positions.c.session == bindparam("session"), positions.c.reader == bindparam("reader")
    )
)


def state(connection: Connection, topic: Topic) -> TopicState:
    """Return what is known of a topic; that of an empty one where there is none."""
    row = _state.one(connection, topic._asdict())
    return TopicState() if row is None else TopicState(**row)


def lock(connection: Connection, topic: Topic) -> TopicState:
    """Return a topic's state, making the topic where there is none; until the transaction ends nobody else changes it."""
    row = _locked.one(connection, topic._asdict())
    if row is None:
        empty = topic._asdict() | {"records": 0, "tail": 0, "symbols": []}
        connection.execute(insert_of(connection.dialect.name, topics).on_conflict_do_nothing(), empty)
        row = _locked.the_one(connection, topic._asdict())
    return TopicState(**row)


def change(connection: Connection, topic: Topic, **columns: Any) -> None:
    """Set columns of a topic's row, which this transaction has locked."""
    _change.write(connection, {"b_stream": topic.stream, "b_session": topic.session} | columns)


def symbols(connection: Connection, topic: Topic) -> list[str]:
    """Return the names of a topic's symbols, in the order of their codes."""
    row = _symbols.one(connection, topic._asdict())
    return [] if row is None else list(row["symbols"])


def append(connection: Connection, topic: Topic, before: TopicState, segment: Segment) -> int:
    """Add a segment behind `before`, the state that `lock` gave; return the new tail, which `change` then stores with the count."""
    crc = segment.crc32
    _add.write(
        connection,
        topic._asdict()
        | {
            "base": before.records,
            "records": segment.records,
            "first_time": segment.times and segment.times[0],
            "last_time": segment.times and segment.times[1],
            "first_ingest": segment.ingests[0],
            "last_ingest": segment.ingests[1],
            "crc32": crc,
            "data": segment.data if segment.place is None else None,
            "place": segment.place,
        },
    )
    return zlib.crc32(crc.to_bytes(4, "little"), before.tail)


def between(connection: Connection, topic: Topic, first: int, end: int) -> Sequence[Any]:
    """Return base, records, crc32, data and place of the segments that hold offsets from `first` to before `end`."""
    return _between.all(connection, topic._asdict() | {"first": first, "end": end})


def reaching(connection: Connection, topic: Topic, time: int) -> int | None:
    """Return the base of the first segment that holds a tick at or after `time`, or None."""
    row = _reaching.the_one(connection, topic._asdict() | {"time": time})
    base: int | None = row["base"]
    return base


def size(connection: Connection, topic: Topic) -> int:
    """Return the bytes of a topic's segments that stand here."""
    query = select(func.coalesce(func.sum(func.length(segments.c.data)), 0))
    return int(connection.execute(query.where(segments.c.stream == topic.stream, segments.c.session == topic.session)).scalar_one())


def drop_segments(connection: Connection, topic: Topic) -> int:
    """Delete a topic's segments; return how many."""
    return connection.execute(delete(segments).where(segments.c.stream == topic.stream, segments.c.session == topic.session)).rowcount


def drop_files(connection: Connection, topic: Topic) -> Sequence[str]:
    """Take a topic's files, those before a supplement too, out of the lake's catalog, and what is known of them; return their paths."""
    mine = (files.c.dataset == topic.stream, files.c.partition == topic.session)
    paths = connection.execute(select(files.c.path).where(*mine)).scalars().all()
    connection.execute(delete(files).where(*mine))
    for path in paths:
        damage.forget(connection, path)
    return paths


def known(connection: Connection, stream: str) -> dict[date, TopicState]:
    """Return the state of every topic of a stream, oldest session first."""
    query = select(topics.c.session, *(topics.c[name] for name in _STATE)).where(topics.c.stream == stream).order_by(topics.c.session)
    return {row["session"]: TopicState(**{name: row[name] for name in _STATE}) for row in connection.execute(query).mappings()}


def commit(connection: Connection, topic: Topic, reader: str, next_offset: int, *, at: datetime) -> None:
    """Write down the offset that a group of readers reads next."""
    row = topic._asdict() | {"reader": reader, "next_offset": next_offset, "committed_at": at}
    upsert(connection, positions, [row], key=("stream", "session", "reader"))


def position(connection: Connection, topic: Topic, reader: str) -> int:
    """Return the offset that a group of readers reads next: 0 before its first commit."""
    row = _position.one(connection, topic._asdict() | {"reader": reader})
    return 0 if row is None else int(row["next_offset"])
