"""How long the tick log is kept: sessions that are over become one file each, and old ones whose log nobody needs any more are dropped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from engine.clock import nepal_date
from engine.errors import LakeError, TickLogError
from engine.pipelines.thresholds import load
from engine.runtime import Runtime
from engine.stream.log import KEEP
from engine.stream.logs import log_of
from storage import lake, sessions, stream_letters, thresholds
from storage.lake import DiskFull

UNOFFICIAL = "no official rows are served in its place"
WAITING = "letters wait that may be taken in"


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was done with the sessions of the log."""

    keep_days: int  # 0: for ever
    compacted: Sequence[date] = ()
    put_off: Mapping[date, str] = field(default_factory=dict)  # could not be compacted now, and why
    dropped: Sequence[date] = ()
    freed: int = 0  # bytes of their files
    kept: Mapping[date, str] = field(default_factory=dict)  # older than that, and why they stay

    def sentence(self) -> str:
        """Say it."""
        said = [f"{_many(self.compacted)} brought into a file"] if self.compacted else []
        said += [f"{_many(self.put_off)} could not be, {_first(self.put_off)}"] if self.put_off else []
        if not self.keep_days:
            return "; ".join([*said, "the log is kept for ever (tick_log.keep_days is 0)"])
        said.append(f"{_many(self.dropped)} older than {self.keep_days:,} days dropped ({self.freed / 1e6:,.1f} MB)")
        said += [f"{_many(self.kept)} as old stay, {_first(self.kept)}"] if self.kept else []
        return "; ".join(said)

    def figures(self) -> dict[str, Any]:
        """Return it as plain values."""
        counts = {"compacted": len(self.compacted), "put_off": len(self.put_off), "bytes": self.freed, "keep_days": self.keep_days}
        return counts | {"dropped": [str(day) for day in self.dropped], "kept": {str(day): why for day, why in self.kept.items()}}


def tidy(runtime: Runtime) -> Tidied:
    """Compact what is over, and drop what is older than `tick_log.keep_days`.

    The log is what a session is computed from again: one that the stream itself still serves, or of which letters may yet be taken in,
    stays however old it is. Is idempotent.
    """
    log, compacted, put_off = log_of(runtime), list[date](), dict[date, str]()
    for day, state in log.sessions().items():
        if state.closed_at is not None and state.path is None and state.dropped_at is None and state.records:
            try:
                log.compact(day)
                compacted.append(day)
            except (DiskFull, LakeError, TickLogError) as error:
                put_off[day] = str(error)
    with runtime.database.reading() as connection:
        days = int(load(connection, thresholds.version(connection))[KEEP.key])
        before = nepal_date(runtime.clock.now()) - timedelta(days=days)
        old = [day for day, state in log.sessions().items() if days and day < before and state.path is not None]
        kept = {day: why for day in old if (why := _needed(connection, day))}
        sizes = {day: sum(row["bytes"] for row in lake.versions(connection, log.stream, day)) for day in old}
    dropped = log.retain(before, but=kept.keys()) if len(old) > len(kept) else []
    return Tidied(days, compacted, put_off, dropped, sum(sizes.get(day, 0) for day in dropped), kept)


def _needed(connection: Connection, day: date) -> str | None:
    """Return why the log of a session is still needed, or None."""
    if sessions.one(connection, day) is None:
        return UNOFFICIAL
    return WAITING if stream_letters.any_waiting(connection, day) else None


def _many(days: Sequence[date] | Mapping[date, str]) -> str:
    return "1 session" if len(days) == 1 else f"{len(days):,} sessions"


def _first(why: Mapping[date, str]) -> str:
    day, reason = next(iter(why.items()))
    return f"{day} first: {reason}"
