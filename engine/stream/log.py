"""What a tick log is: everything that a stream received, in the order of its arrival, kept; the truth that all else is computed from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sqlalchemy import Connection

from engine.stream.records import Records
from engine.stream.ticks import Symbols
from engine.thresholds import ThresholdSpec, threshold
from storage.tick_log import TopicState

KEEP = threshold(
    ThresholdSpec(
        "tick_log.keep_days",
        0,
        0,
        36_500,
        1,
        "days",
        "for how long the log of a session is kept once the official rows are served in its place; 0: for ever",
    )
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records as they were appended, the first of them at offset `base`."""

    base: int
    records: Records

    @property
    def end(self) -> int:
        """The offset after the last of them."""
        return self.base + len(self.records)


class TickLog(Protocol):
    """One stream's log, a topic a session; offsets count every record received on a session from 0, also those that could not be read.

    What is given a connection happens in its transaction, so that segments, outputs and positions are there together or not at all.
    """

    @property
    def name(self) -> str:
        """The name it is chosen by in the settings."""
        ...

    @property
    def stream(self) -> str:
        """The name of the stream, which is that of its dataset in the lake."""
        ...

    def symbols(self, session: date) -> Symbols:
        """Return the session's symbols, to which the next `append` may have added: sources that use them spare it the translation."""
        ...

    def append(self, within: Connection, session: date, records: Records, *, source: str | None = None, position: str | None = None) -> int:
        """Add records at the end, and where their source goes on behind them; return the offset of the first.

        Raises `TickLogError` where the session is closed.
        """
        ...

    def read(self, session: date, offset: int, limit: int, *, within: Connection | None = None) -> Batch:
        """Return at most `limit` records from `offset` on, as views of what is stored where that is possible; none behind the end.

        Raises `SegmentDamaged` for what fails its checksum or is missing, and `TicksGone` for what retention has dropped.
        """
        ...

    def whole(self, session: date, *, within: Connection | None = None) -> Records:
        """Return every record of a session; the errors are those of `read`."""
        ...

    def seek_time(self, session: date, time: int) -> int:
        """Return the offset of the first tick at or after `time` (microseconds since 1970, UTC), or the end where there is none."""
        ...

    def state(self, session: date, *, within: Connection | None = None) -> TopicState:
        """Return how many records the session has, where its source goes on, and whether it is closed, compacted or dropped."""
        ...

    def sessions(self) -> Mapping[date, TopicState]:
        """Return the state of every session there is, oldest first."""
        ...

    def commit(self, within: Connection, session: date, reader: str, offset: int) -> None:
        """Write down that a group of readers goes on at `offset`."""
        ...

    def position(self, session: date, reader: str, *, within: Connection | None = None) -> int:
        """Return the offset at which a group of readers goes on: 0 before its first commit."""
        ...

    def lag(self, session: date, reader: str) -> int:
        """Return how many records a group of readers has not committed yet."""
        ...

    def close(self, within: Connection, session: date) -> None:
        """End a session: nothing can be appended any more. Closing again changes nothing."""
        ...

    def supplement(self, within: Connection, session: date, records: Records) -> int:
        """Add what a closed session never received behind its end; return the offset of the first.

        Raises `TickLogError` for a session that is not closed, and `TicksGone` for one that retention has dropped.
        """
        ...

    def compact(self, session: date) -> TopicState:
        """Bring a closed session into the form in which it is kept for years; reading goes on meanwhile. Is idempotent."""
        ...

    def retain(self, since: date, *, uncompacted: bool = False, but: Collection[date] = ()) -> Sequence[date]:
        """Drop the closed sessions before `since` `but` for some, those that were never compacted only when asked; return which."""
        ...
