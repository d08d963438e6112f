"""A reader of records that are all known beforehand, each with the instant at which it is sent: replays and simulations."""

from datetime import timedelta

import numpy as np

from engine.clock import Clock
from engine.errors import SourceMisconfigured
from engine.stream.intake import microseconds
from engine.stream.records import Records
from engine.stream.sources.source import Received, Sleep
from engine.stream.ticks import SECOND, Ints

_ALWAYS = np.iinfo(np.int64).max


class Pace:
    """Which instant of a session it is, while the session is replayed `speed` times as fast as it went; None: as fast as it can be read."""

    def __init__(self, clock: Clock, sleep: Sleep, speed: float | None) -> None:
        self._clock, self._sleep, self._speed = clock, sleep, speed
        self._began = self._at = 0

    def begin(self, at: int | None = None) -> None:
        """Let it be the instant `at` of the session now; without one, the session is today's: it is what the clock says."""
        self._began = microseconds(self._clock.now())
        self._at = self._began if at is None else at

    def now(self) -> int:
        """Return the instant of the session, in microseconds since 1970, UTC."""
        if self._speed is None:
            return int(_ALWAYS)
        return self._at + int((microseconds(self._clock.now()) - self._began) * self._speed)

    def wait_for(self, instant: int, timeout: float) -> None:
        """Wait until it is that instant of the session, at most `timeout` seconds."""
        if self._speed is not None:
            left = (instant - self.now()) / self._speed / SECOND
            self._sleep(max(min(left + timedelta.resolution.total_seconds(), timeout), 0.0))


class ScheduledReader:
    """Gives records when their instant has come; `ingest` of the records is that instant, so that a replay decides as the first time."""

    def __init__(self, records: Records, pace: Pace, *, of: str, position: str | None, live: bool = False) -> None:
        self._records, self._pace, self._of = records, pace, of
        self._due: Ints = records.ingest
        self._at = self._place(position)
        pace.begin(None if live or self._at >= len(records) else int(self._due[self._at]))

    def poll(self, max_ticks: int, timeout: float) -> Received:
        """Return what has been sent by now, or wait for the next."""
        if self._at < len(self._records) and self._due[self._at] > self._pace.now():
            self._pace.wait_for(int(self._due[self._at]), timeout)
        sent = int(np.searchsorted(self._due, self._pace.now(), side="right"))
        start, end = self._at, max(min(sent, self._at + max_ticks), self._at)
        self._at = end
        return Received(self._records.part(start, end), f"{self._of}:{end}", ended=end == len(self._records))

    def close(self) -> None:
        """Nothing is held open."""

    def _place(self, position: str | None) -> int:
        if position is None:
            return 0
        of, _, place = position.partition(":")
        if of != self._of or not place.isdecimal() or int(place) > len(self._records):
            raise SourceMisconfigured(
                f"This replay has come to {position}, and what there is now is another one ({self._of}): the file, the seed or the faults "
                "were changed meanwhile. Change them back, or begin the session again in another home."
            )
        return int(place)
