"""The tick log in the console's own database: segments as blocks of bytes, a closed session as one Parquet file of the lake.

Whoever appends does so in the transaction of what follows from the records, so that a kill at any instant leaves both or neither.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from zlib import crc32

from sqlalchemy import Connection

from engine.clock import NEPAL, Clock
from engine.errors import SegmentDamaged, TickLogError, TicksGone
from engine.stream.log import Batch
from engine.stream.logs.blocks import Blocks
from engine.stream.logs.compacted import SCHEMA_VERSION, from_table, to_table
from engine.stream.records import Records, all_of, no_records, recoded
from engine.stream.segment import decode, encode
from engine.stream.ticks import Symbols
from storage import lake as catalog
from storage import tick_log
from storage.database import Database
from storage.lake import Lake, LakeFileLost
from storage.tick_log import Segment, Topic, TopicState

_EVERYTHING = 2**62
_MOST = 16_384  # records of a segment: some 700 kB, which every broker takes


@dataclass(slots=True)
class _Names:
    """A session's symbols as this process knows them, and as of which segment they are stored."""

    symbols: Symbols = field(default_factory=Symbols)
    tail: int = 0
    stored: int = 0


class EmbeddedLog:
    """A `TickLog` of one stream; with `blocks` a broker keeps the blocks of open sessions, and the database says which of them count."""

    def __init__(
        self, database: Database, lake: Lake, clock: Clock, *, stream: str = "ticks", simulated: bool = False, blocks: Blocks | None = None
    ) -> None:
        self._stream, self.simulated, self._blocks = stream, simulated, blocks
        self._database, self._lake, self._clock = database, lake, clock
        self._names: dict[date, _Names] = {}
        self._compacted: tuple[str, Records] | None = None  # the file that was read last

    @property
    def stream(self) -> str:
        """The name of the stream, which is that of its dataset in the lake."""
        return self._stream

    @property
    def name(self) -> str:
        """The name it is chosen by in the settings."""
        return "embedded" if self._blocks is None else self._blocks.name

    def symbols(self, session: date) -> Symbols:
        """Return the session's symbols, to which the next `append` may have added."""
        with self._database.reading() as connection:
            topic = Topic(self.stream, session)
            return self._known(connection, topic, tick_log.state(connection, topic)).symbols

    def append(self, within: Connection, session: date, records: Records, *, source: str | None = None, position: str | None = None) -> int:
        """Add records at the end, and where their source goes on; return the offset of the first. `TickLogError` in a closed session."""
        topic = Topic(self.stream, session)
        before = tick_log.lock(within, topic)
        if before.closed_at is not None:
            raise TickLogError(f"the session {session} of {self.stream!r} is closed; {len(records):,} records came after its end")
        changes: dict[str, Any] = {} if position is None else {"source": source, "source_position": position}
        if len(records):
            names = self._known(within, topic, before)
            after = self._added(within, topic, before, recoded(records, names.symbols))
            names.tail = after.tail
            changes |= {"records": after.records, "tail": after.tail}
            if len(names.symbols) > names.stored:
                changes["symbols"] = names.symbols.names
                names.stored = len(names.symbols)
        if changes:
            tick_log.change(within, topic, **changes)
        return before.records

    def read(self, session: date, offset: int, limit: int, *, within: Connection | None = None) -> Batch:
        """Return at most `limit` records from `offset` on; `SegmentDamaged` for what is not what was appended, `TicksGone` for dropped."""
        topic = Topic(self.stream, session)
        with self._reading(within) as connection:
            state = self._there(connection, topic)
            symbols = self._known(connection, topic, state).symbols
            end = min(offset + limit, state.records)
            if offset >= end:
                return Batch(offset, no_records(symbols))
            if state.path is not None:
                return Batch(offset, self._day(topic, state, symbols).part(offset, end))
            rows = self._filled(topic, tick_log.between(connection, topic, offset, end))
        parts = [_part(topic, row, symbols, offset, end) for row in rows]
        records = all_of([part for _, part in parts], symbols)
        _refuse_gaps(topic, [(base, len(part)) for base, part in parts], offset, end)
        return Batch(offset, records)

    def whole(self, session: date, *, within: Connection | None = None) -> Records:
        """Return every record of a session; the errors are those of `read`."""
        return self.read(session, 0, _EVERYTHING, within=within).records

    def seek_time(self, session: date, time: int) -> int:
        """Return the offset of the first tick at or after `time` (microseconds since 1970, UTC), or the end where there is none."""
        topic = Topic(self.stream, session)
        with self._reading(None) as connection:
            state = self._there(connection, topic)
            symbols = self._known(connection, topic, state).symbols
            if state.path is not None:
                return _first_at(self._day(topic, state, symbols), time, 0)
            base = tick_log.reaching(connection, topic, time)
            if base is None:
                return state.records
            row = self._filled(topic, tick_log.between(connection, topic, base, base + 1))[0]
        return _first_at(_decoded(topic, row, symbols), time, base)

    def state(self, session: date, *, within: Connection | None = None) -> TopicState:
        """Return how many records the session has, where its source goes on, and whether it is closed, compacted or dropped."""
        with self._reading(within) as connection:
            return tick_log.state(connection, Topic(self.stream, session))

    def sessions(self) -> Mapping[date, TopicState]:
        """Return the state of every session there is, oldest first."""
        with self._reading(None) as connection:
            return tick_log.known(connection, self.stream)

    def commit(self, within: Connection, session: date, reader: str, offset: int) -> None:
        """Write down that a group of readers goes on at `offset`."""
        tick_log.commit(within, Topic(self.stream, session), reader, offset, at=self._clock.now())

    def position(self, session: date, reader: str, *, within: Connection | None = None) -> int:
        """Return the offset at which a group of readers goes on: 0 before its first commit."""
        with self._reading(within) as connection:
            return tick_log.position(connection, Topic(self.stream, session), reader)

    def lag(self, session: date, reader: str) -> int:
        """Return how many records a group of readers has not committed yet."""
        with self._reading(None) as connection:
            topic = Topic(self.stream, session)
            return tick_log.state(connection, topic).records - tick_log.position(connection, topic, reader)

    def close(self, within: Connection, session: date) -> None:
        """End a session: nothing can be appended any more. Closing again changes nothing."""
        topic = Topic(self.stream, session)
        if tick_log.lock(within, topic).closed_at is None:
            tick_log.change(within, topic, closed_at=self._clock.now())

    def supplement(self, within: Connection, session: date, records: Records) -> int:
        """Add what a closed session never received behind its end; return the offset of the first. A compacted one gets a new file."""
        topic = Topic(self.stream, session)
        tick_log.lock(within, topic)
        before = self._there(within, topic)
        if before.closed_at is None:
            raise TickLogError(f"the session {session} of {self.stream!r} is not closed; its stream still brings what it receives")
        names = self._known(within, topic, before)
        new = recoded(records, names.symbols)
        if before.path is None:
            after = self._added(within, topic, before, new)
        else:
            kept = self._day(topic, before, names.symbols)
            version = self._file(topic, all_of([kept, new], names.symbols))
            self._publish(within, version)
            tail = crc32(version.path.encode(), before.tail)  # another one tells others that there are new symbols
            after = replace(before, records=before.records + len(new), tail=tail, path=version.path)
        columns = {"records": after.records, "tail": after.tail, "path": after.path, "symbols": names.symbols.names}
        tick_log.change(within, topic, **columns)
        names.tail, names.stored = after.tail, len(names.symbols)
        return before.records

    def compact(self, session: date) -> TopicState:
        """Write a closed session into one file of the lake, then book it and drop its segments at once; nothing to do the second time."""
        topic = Topic(self.stream, session)
        with self._database.reading() as connection:
            state = self._there(connection, topic)
            if state.closed_at is None:
                raise TickLogError(f"the session {session} of {self.stream!r} is not closed; only what cannot grow any more is compacted")
            if state.path is not None or not state.records:
                return state
            records = self.whole(session, within=connection)
        version = self._file(topic, records)
        with self._database.transaction() as connection:
            now = tick_log.lock(connection, topic)
            if now.path is not None or now.dropped_at is not None:  # another process was faster: its file counts
                return now
            if now.records != state.records:  # it was supplemented meanwhile: the next time all of it
                return now
            self._publish(connection, version)
            tick_log.change(connection, topic, path=version.path)
            tick_log.drop_segments(connection, topic)
        if self._blocks is not None:
            self._blocks.drop(topic)
        return replace(now, path=version.path)

    def retain(self, since: date, *, uncompacted: bool = False, but: Collection[date] = ()) -> Sequence[date]:
        """Drop the closed sessions before `since` `but` for some, those that were never compacted only when asked; return which."""
        old = [session for session, state in self.sessions().items() if session < since and state.closed_at and not state.dropped_at]
        return [session for session in old if session not in but and self._drop(Topic(self.stream, session), uncompacted=uncompacted)]

    def _drop(self, topic: Topic, *, uncompacted: bool) -> bool:
        with self._database.transaction() as connection:
            state = tick_log.lock(connection, topic)
            if state.dropped_at is not None or (state.path is None and not uncompacted):
                return False
            tick_log.change(connection, topic, dropped_at=self._clock.now(), path=None)
            tick_log.drop_segments(connection, topic)
            paths = tick_log.drop_files(connection, topic)
        for path in paths:
            (self._lake.folder / path).unlink(missing_ok=True)  # after the commit: until then a reader may need it
        if state.path is None and self._blocks is not None:
            self._blocks.drop(topic)
        return True

    def _file(self, topic: Topic, records: Records) -> catalog.Version:
        """Write a file of the lake that holds all records of a session; until it is published nobody reads it."""
        version = self._lake.write(self.stream, topic.session, catalog.table_content(to_table(records), schema_version=SCHEMA_VERSION))
        if not self._lake.holds(version):
            raise SegmentDamaged(f"the file {version.path} does not hold what was written; the log of {topic.session} stays as it was")
        return version

    def _publish(self, connection: Connection, version: catalog.Version) -> None:
        catalog.publish(connection, version, run_id=None, at=self._clock.now(), simulated=self.simulated)

    def _added(self, connection: Connection, topic: Topic, state: TopicState, records: Records) -> TopicState:
        """Add records as segments behind `state`; return the state behind them."""
        for start in range(0, len(records), _MOST):
            part = records.part(start, min(start + _MOST, len(records))) if len(records) > _MOST else records
            segment = _as_segment(part)
            if self._blocks is not None:
                segment = replace(segment, place=self._blocks.put(topic, segment.data))
            tail = tick_log.append(connection, topic, state, segment)
            state = replace(state, records=state.records + len(part), tail=tail)
        return state

    def _filled(self, topic: Topic, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Return rows of segments with their blocks, wherever those are kept."""
        places = [row["place"] for row in rows if row["data"] is None]
        if not places:
            return rows
        if self._blocks is None:
            raise TickLogError(f"the blocks of {topic.session} are kept by a broker; set NEPSE_TICK_LOG to what they were written with")
        found = self._blocks.get(topic, places)
        return [row if row["data"] is not None else {**row, "data": found.get(row["place"], b"")} for row in rows]

    def _there(self, connection: Connection, topic: Topic) -> TopicState:
        state = tick_log.state(connection, topic)
        if state.dropped_at is not None:
            raise TicksGone(
                f"the {state.records:,} records of {topic.session} in {topic.stream!r} were dropped on "
                f"{state.dropped_at.astimezone(NEPAL):%Y-%m-%d} by retention"
            )
        return state

    def _known(self, connection: Connection, topic: Topic, state: TopicState) -> _Names:
        """Return the session's symbols; they are read again where another process, or a transaction that failed, came between."""
        names = self._names.setdefault(topic.session, _Names())
        if names.tail != state.tail:
            stored = tick_log.symbols(connection, topic)
            if names.symbols.names[: len(stored)] != stored:
                if stored[: len(names.symbols)] != names.symbols.names:
                    names.symbols = Symbols()
                names.symbols.codes(stored)
            names.tail, names.stored = state.tail, len(stored)
        return names

    def _day(self, topic: Topic, state: TopicState, symbols: Symbols) -> Records:
        path = state.path or ""
        kept = self._compacted
        if kept is None or kept[0] != path:
            try:
                kept = path, from_table(self._lake.read_table(path), symbols)
            except LakeFileLost as error:
                raise SegmentDamaged(
                    f"{topic.session} of {topic.stream!r}, offsets 0 to {state.records - 1:,}: its file {path} is missing or not what was "
                    "written. Take it back from a backup on the Safety page; a scrub lists it there."
                ) from error
            self._compacted = kept
        return kept[1]

    @contextmanager
    def _reading(self, within: Connection | None) -> Iterator[Connection]:
        if within is not None:
            yield within
        else:
            with self._database.reading() as connection:
                yield connection


def _as_segment(records: Records) -> Segment:
    time = records.read().time
    return Segment(
        len(records),
        (int(time.min()), int(time.max())) if len(time) else None,
        (int(records.ingest.min()), int(records.ingest.max())),
        encode(records),
    )


def _decoded(topic: Topic, row: Mapping[str, Any], symbols: Symbols) -> Records:
    where = f"{topic.session} of {topic.stream!r}, offsets {row['base']:,} to {row['base'] + row['records'] - 1:,}"
    if crc32(row["data"]) != row["crc32"]:
        raise SegmentDamaged(f"{where}: the segment is gone or its checksum differs. Restore a backup.")
    try:
        records = decode(row["data"], symbols)
    except ValueError as error:
        raise SegmentDamaged(f"{where}: this is no segment that this version can read ({error})") from error
    return records


def _part(topic: Topic, row: Mapping[str, Any], symbols: Symbols, offset: int, end: int) -> tuple[int, Records]:
    """Return the offset and the records of a segment's part between `offset` and `end`."""
    base = int(row["base"])
    records = _decoded(topic, row, symbols)
    first, last = max(offset - base, 0), min(end - base, len(records))
    return base + first, records if (first, last) == (0, len(records)) else records.part(first, last)


def _refuse_gaps(topic: Topic, parts: Sequence[tuple[int, int]], offset: int, end: int) -> None:
    for base, count in parts:
        if base != offset:
            break
        offset += count
    if offset != end:
        raise SegmentDamaged(f"{topic.session} of {topic.stream!r}: the segment at offset {offset:,} is missing. Restore a backup.")


def _first_at(records: Records, time: int, base: int) -> int:
    """Return the offset of the first tick at or after `time`; that after the last where there is none."""
    there = records.ticks.time >= max(time, 1)  # what could not be read stands at 0
    return base + (int(there.argmax()) if there.any() else len(there))
