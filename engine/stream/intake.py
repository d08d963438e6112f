"""From the order of arrival to the order of trading: what is set aside, and what is held until the watermark has passed it.

Everything here follows from the ticks and the times at which they were taken in, both of which the log keeps; so a replay sets the same
ones aside, and the size of a batch changes nothing.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import IntEnum
from types import MappingProxyType

import numpy as np

from engine.clock import nepal_time
from engine.market.rules import rules_on
from engine.stream.contracts import Contracts
from engine.stream.ticks import SECOND, Ints, Mask, Ticks, joined, no_ticks

_NEVER = np.iinfo(np.int64).min
_EARLIEST = 0  # microseconds since 1970: before every trade
_GRACE = timedelta(minutes=1)  # trades are stamped up to some milliseconds after the closing (measured)
_MOST_SPLIT = 16  # parts that the watermark cuts through side by side: more are made one
_AHEAD_OF_INGEST = 2 * SECOND  # clocks of two machines differ so much, not more


class Reason(IntEnum):
    """Why a tick was set aside."""

    ACCEPTED = 0
    MALFORMED = 1  # it could not be read, or its price or quantity is not above nought
    OTHER_SESSION = 2  # its contract or its time is of another day
    FUTURE = 3  # stamped later than it was taken in
    OUT_OF_HOURS = 4
    DUPLICATE = 5  # its contract was accepted already
    LATE = 6  # its window is closed
    CORRECTED = 7  # the record that a person wrote in its place is in the session
    TAKEN_BACK = 8  # a person brought it in and took it out again


SAYS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.MALFORMED: "its price or its quantity is not above nought",
        Reason.OTHER_SESSION: "its contract is of another day",
        Reason.FUTURE: "it is stamped later than it was taken in",
        Reason.OUT_OF_HOURS: "it is stamped outside the hours of the session",
        Reason.DUPLICATE: "its contract was accepted before",
        Reason.LATE: "its window was closed when it came",
        Reason.CORRECTED: "another record was written in its place",
        Reason.TAKEN_BACK: "it was brought in and taken out again",
    }
)


@dataclass(frozen=True, slots=True)
class Hours:
    """The instants between which a session's trades lie, in microseconds since 1970, UTC."""

    opens: int
    closes: int  # with a grace: the last trades are stamped just after the closing

    @classmethod
    def of(cls, session: date) -> "Hours":
        """Return the hours of a session by the rules of its day, the pre-open included."""
        rules = rules_on(session)
        opens = nepal_time(session, rules.hours.pre_open.hour, rules.hours.pre_open.minute)
        closes = nepal_time(session, rules.closes.hour, rules.closes.minute) + _GRACE
        return cls(microseconds(opens), microseconds(closes))


def microseconds(instant: datetime) -> int:
    """Return microseconds since 1970 of an aware instant."""
    return round(instant.timestamp() * SECOND)


@dataclass(frozen=True, slots=True)
class Sorted:
    """What came of one batch."""

    ticks: Ticks  # in order, all before `watermark` and none before the last one
    reasons: Ints  # a `Reason` for each tick of the batch, in the order of arrival
    watermark: int  # microseconds since 1970, UTC: no tick before it will be taken any more


@dataclass(slots=True)
class Intake:
    """What waits for the watermark, and what has been seen, of one session."""

    session: date
    lateness_us: int
    hours: Hours = field(init=False)
    contracts: Contracts = field(init=False)
    watermark: int = _NEVER
    newest: int = _NEVER  # the latest time of an accepted tick
    held: int = 0  # ticks that wait for the watermark
    _held: list[tuple[int, int, Ticks]] = field(default_factory=list)  # a heap: first time, number, ticks in order
    _parts: int = 0

    def __post_init__(self) -> None:
        self.hours = Hours.of(self.session)
        self.contracts = Contracts(self.session)

    def take(self, ticks: Ticks, ingest: Ints | None = None) -> Sorted:
        """Take a batch in; `ingest` is when each was taken into the log, in microseconds since 1970, or None where that is not known."""
        reasons = self._judged(ticks, ingest)
        if reasons.any():
            ticks = ticks.take(reasons == Reason.ACCEPTED)
        if len(ticks):
            self.newest = max(self.newest, int(ticks.time.max()))
            self.watermark = max(self.watermark, self.newest - self.lateness_us)
        return Sorted(self._released(ticks), reasons, self.watermark)

    def close(self) -> Sorted:
        """End the session: its watermark goes to the closing, and everything that was held comes out."""
        self.watermark = max(self.watermark, self.hours.closes)
        return Sorted(self._released(no_ticks()), np.empty(0, np.int64), self.watermark)

    def _judged(self, ticks: Ticks, ingest: Ints | None) -> Ints:
        time = ticks.time
        good = (ticks.rate > 0) & (ticks.quantity > 0)
        own = self.contracts.of_session(ticks.contract)
        in_hours = (time >= self.hours.opens) & (time <= self.hours.closes)
        not_ahead = time <= (self.hours.closes if ingest is None else ingest + _AHEAD_OF_INGEST)
        sound = good & own & in_hours & not_ahead
        if sound.all():
            return self._placed(ticks)
        faults = (
            (Reason.MALFORMED, good),
            (Reason.OTHER_SESSION, own),
            (Reason.FUTURE, not_ahead),
            (Reason.OUT_OF_HOURS, in_hours),
        )
        reasons = np.select([~passed for _, passed in faults], [int(reason) for reason, _ in faults], int(Reason.ACCEPTED))
        reasons[sound] = self._placed(ticks.take(sound))
        return reasons

    def _placed(self, ticks: Ticks) -> Ints:
        """Return what is late or there already, each by what came before it: the size of a batch plays no part."""
        reasons = np.zeros(len(ticks), np.int64)
        new = self.contracts.add(ticks.contract)
        late = new & self._late(ticks.time, new)
        if not new.all():
            reasons[~new] = Reason.DUPLICATE
        if late.any():
            self.contracts.remove(ticks.contract[late])
            reasons[late | ~self.contracts.has(ticks.contract)] = Reason.LATE  # a second copy of a late one too
        return reasons

    def _late(self, time: Ints, new: Mask) -> Mask:
        if not len(time) or self._in_time(time):
            return np.zeros(len(time), np.bool_)
        newest = np.empty(len(time) + 1, np.int64)
        newest[0] = self.newest
        newest[1:] = np.where(new, time, _NEVER)
        np.maximum.accumulate(newest, out=newest)
        return time < np.maximum(newest[:-1], _EARLIEST) - self.lateness_us

    def _in_time(self, time: Ints) -> bool:
        """Say whether none can be late, as is usual: all within the lateness of the newest of them, or in order and none before."""
        before = max(self.newest, _EARLIEST) - self.lateness_us
        first = int(time.min())
        return first >= max(before, int(time.max()) - self.lateness_us) or (first >= before and bool((time[1:] >= time[:-1]).all()))

    def _released(self, ticks: Ticks) -> Ticks:
        """Put a batch beside what waits; return what the watermark has passed."""
        self.held += len(ticks)
        self._hold(ticks.in_order())
        ready, waiting = [], []
        while self._held and self._held[0][0] < self.watermark:
            part = heapq.heappop(self._held)[2]
            passed = int(np.searchsorted(part.time, self.watermark))
            ready.append(part.take(slice(passed)))
            waiting.append(part.take(slice(passed, None)))
        if len(waiting) > _MOST_SPLIT:
            waiting = [joined(waiting).in_order()]
        for part in waiting:
            self._hold(part)
        released = joined(ready).in_order()
        self.held -= len(released)
        return released

    def _hold(self, ticks: Ticks) -> None:
        if len(ticks):
            self._parts += 1
            heapq.heappush(self._held, (int(ticks.time[0]), self._parts, ticks))
