"""Ticks from a Redis stream. Where reading has come to is kept with what follows from the records: a restart goes on exactly behind it."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from engine.clock import Clock
from engine.errors import SourceMisconfigured, SourceUnavailable, TicksGone
from engine.stream.intake import microseconds
from engine.stream.sources.messages import decoded
from engine.stream.sources.source import Received
from engine.stream.ticks import Symbols

_PATIENCE = 10.0  # seconds that the server may take to answer; no wait for entries is longer
_BEGINNING = "0-0"
_Entry = tuple[bytes, Mapping[bytes, bytes]]


class RedisTicks:
    """A `TickSource` over one stream, whose entries have one field each: a message as described in `messages.py`."""

    name: ClassVar[str] = "redis"
    simulated: ClassVar[bool] = False
    continuous: ClassVar[bool] = True

    def __init__(self, url: str, stream: str, clock: Clock) -> None:
        self._url, self._stream, self._clock = url, stream, clock

    def open(self, session: date, position: str | None) -> "RedisReader":  # noqa: ARG002, a stream holds all sessions
        """Return a reader behind `position`, or of the whole stream."""
        try:
            import redis  # noqa: PLC0415, an optional dependency
        except ImportError as error:
            raise SourceMisconfigured("NEPSE_TICKS=redis needs a package more: pip install -r requirements-streams.txt") from error
        return RedisReader(redis, self._url, self._stream, self._clock, position)


class RedisReader:
    """Gives what stands in the stream behind a position."""

    def __init__(self, library: Any, url: str, stream: str, clock: Clock, position: str | None) -> None:
        self._library, self._stream, self._clock = library, stream, clock
        self._symbols = Symbols()
        self._last, _, added = (position or _BEGINNING).partition(":")
        self._added = int(added) if added else None  # entries that were ever added, up to that one
        try:
            self._server = library.Redis.from_url(url, socket_timeout=2 * _PATIENCE, socket_connect_timeout=_PATIENCE)
        except ValueError as error:
            raise SourceMisconfigured(f"NEPSE_REDIS_URL is no address of a Redis: {error}") from error
        self._asked(self._server.ping)

    def poll(self, max_ticks: int, timeout: float) -> Received:
        """Return what has come; `SourceUnavailable` while the server does not answer."""
        entries = self._asked(lambda: self._there(max_ticks))
        if not entries and timeout > 0:
            block = max(1, int(min(timeout, _PATIENCE) * 1000))
            entries = self._asked(lambda: _entries(self._server.xread({self._stream: self._last}, count=max_ticks, block=block)))
        if entries:
            self._last = entries[-1][0].decode()
            self._added = None if self._added is None else self._added + len(entries)
        records = decoded([_message(fields) for _, fields in entries], self._symbols, microseconds(self._clock.now()))
        return Received(records, self._last if self._added is None else f"{self._last}:{self._added}")

    def close(self) -> None:
        """Leave the server."""
        self._server.close()

    def _there(self, most: int) -> list[_Entry]:
        """Return the entries that are there, having made sure, in the same instant, that none before them is gone."""
        with self._server.pipeline(transaction=True) as pipe:
            pipe.exists(self._stream)
            pipe.xinfo_stream(self._stream)
            pipe.xread({self._stream: self._last}, count=most)
            exists, stream, streams = pipe.execute(raise_on_error=False)
        if not exists:
            self._added = 0 if self._last == _BEGINNING else self._added
            return []
        for answer in (stream, streams):
            if isinstance(answer, Exception):
                raise answer
        self._refuse_a_gap(stream)
        return _entries(streams)

    def _refuse_a_gap(self, stream: Mapping[str, Any]) -> None:
        """Refuse to go on where entries behind the position were trimmed or deleted."""
        added = stream.get("entries-added")  # since Redis 7; without it a gap cannot be told
        if added is None:
            return
        trimmed = added - stream["length"]
        if self._added is None:
            self._added = trimmed if self._last == _BEGINNING else None
        first = stream["first-entry"][0].decode() if stream["first-entry"] else stream["last-generated-id"].decode()
        gone = stream["max-deleted-entry-id"].decode()
        behind = self._added is not None and trimmed > self._added and _order(first) > _order(self._last)
        if behind or (self._last != _BEGINNING and _order(gone) > _order(self._last)):
            raise TicksGone(f"Redis does not hold what stood behind {self._last} in {self._stream!r} any more: it was trimmed or deleted.")

    def _asked(self, ask: Any) -> Any:
        errors = self._library.exceptions
        try:
            return ask()
        except (errors.AuthenticationError, errors.NoPermissionError) as error:
            raise SourceMisconfigured(f"Redis does not let us in: {error}. See NEPSE_REDIS_URL.") from error
        except (errors.ConnectionError, errors.TimeoutError) as error:  # also while the server reads its file
            raise SourceUnavailable(f"Redis does not answer: {str(error).rstrip('.')}.") from error
        except errors.ResponseError as error:
            raise SourceMisconfigured(f"The stream {self._stream!r} of Redis cannot be read: {error}. See NEPSE_REDIS_STREAM.") from error


def _entries(streams: Any) -> list[_Entry]:
    """Return the entries of the one stream, in either form in which the client gives them."""
    if not streams:
        return []
    found = next(iter(streams.values()))[0] if isinstance(streams, Mapping) else streams[0][1]
    return list(found)


def _message(fields: Mapping[bytes, bytes]) -> bytes:
    """Return the one field's value; of an entry with several all there is, which no reader takes for a message."""
    return next(iter(fields.values())) if len(fields) == 1 else b" ".join(b"=".join(field) for field in fields.items())


def _order(entry: str) -> tuple[int, int]:
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds), int(number or 0)
