"""Ticks from a Kafka topic. Offsets are kept with what follows from the records, not in Kafka: a restart goes on exactly behind them."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from engine.clock import Clock
from engine.errors import SourceMisconfigured, SourceUnavailable, TicksGone
from engine.stream.intake import microseconds
from engine.stream.sources.messages import decoded
from engine.stream.sources.source import Received
from engine.stream.ticks import Symbols

PATIENCE = 10.0  # seconds that a broker may take to answer


class KafkaTicks:
    """A `TickSource` over all partitions of one topic, whose messages are described in `messages.py`."""

    name: ClassVar[str] = "kafka"
    simulated: ClassVar[bool] = False
    continuous: ClassVar[bool] = True

    def __init__(self, servers: str, topic: str, clock: Clock, *, options: Mapping[str, str] | None = None) -> None:
        self._servers, self._topic, self._clock = servers, topic, clock
        self._options = dict(options or {})  # of librdkafka: user, password and the like

    def open(self, session: date, position: str | None) -> "KafkaReader":  # noqa: ARG002, a topic holds all sessions
        """Return a reader behind `position`; partitions that it does not name, and all without one, are read from their beginning."""
        try:
            import confluent_kafka  # noqa: PLC0415, an optional dependency
        except ImportError as error:
            raise SourceMisconfigured("NEPSE_TICKS=kafka needs a package more: pip install -r requirements-streams.txt") from error
        return KafkaReader(confluent_kafka, self._settings(), self._topic, self._clock, position)

    def _settings(self) -> dict[str, Any]:
        return {
            "bootstrap.servers": self._servers,
            "group.id": "nepse-console",  # has to be there; nothing is ever committed to it
            "enable.auto.commit": False,
            "auto.offset.reset": "error",  # rather a word than a gap
            **self._options,
        }


class KafkaReader:
    """Gives what stands in the topic's partitions behind a position."""

    def __init__(self, library: Any, settings: Mapping[str, Any], topic: str, clock: Clock, position: str | None) -> None:
        self._library, self._topic, self._clock = library, topic, clock
        self._servers = settings["bootstrap.servers"]
        self._symbols = Symbols()
        self._next: dict[str, int] = {} if position is None else json.loads(position)
        self._down: str | None = None
        self._gone: str | None = None
        self._consumer = library.Consumer({**settings, "error_cb": self._noted, "logger": _Silent()})
        try:
            self._assign()
        except BaseException:
            self._consumer.close()
            raise

    def poll(self, max_ticks: int, timeout: float) -> Received:
        """Return what has come, waiting for the first message alone; `SourceUnavailable` while no broker answers."""
        first = self._consumer.poll(timeout)
        messages = [] if first is None else [first, *self._consumer.consume(max_ticks - 1, 0.0)]
        values = [self._value(message) for message in messages if message.error() is None]
        for message in messages:
            if message.error() is not None:
                self._failed(message.error())
        if not values:  # what has come is given first: the position is behind it already
            self._raise()
        return Received(decoded(values, self._symbols, microseconds(self._clock.now())), self._position())

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _assign(self) -> None:
        try:
            found = self._consumer.list_topics(self._topic, PATIENCE).topics[self._topic]
        except self._library.KafkaException as error:
            raise SourceUnavailable(f"Kafka at {self._servers} does not answer: {error.args[0].str()}.") from error
        if found.error is not None or not found.partitions:
            why = found.error.str() if found.error is not None else "it has no partitions"
            raise SourceMisconfigured(
                f"The topic {self._topic!r} of Kafka at {self._servers} cannot be read: {why}. See NEPSE_KAFKA_TOPIC."
            )
        beginning = self._library.OFFSET_BEGINNING
        self._consumer.assign(
            [self._library.TopicPartition(self._topic, number, self._next.get(str(number), beginning)) for number in found.partitions]
        )

    def _failed(self, error: Any) -> None:
        codes = self._library.KafkaError
        if error.code() in {codes._AUTO_OFFSET_RESET, codes.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001, that is their name
            self._gone = f"Kafka does not hold what stands behind {self._position()} of {self._topic!r} any more ({error.str()})."
        else:
            self._down = error.str()

    def _raise(self) -> None:
        if self._gone is not None:
            raise TicksGone(self._gone)
        down, self._down = self._down, None
        if down is not None:
            raise SourceUnavailable(f"Kafka at {self._servers} does not answer: {down}.")

    def _value(self, message: Any) -> bytes:
        self._next[str(message.partition())] = message.offset() + 1
        return message.value() or b""

    def _position(self) -> str:
        return json.dumps(self._next, separators=(",", ":"), sort_keys=True)

    def _noted(self, error: Any) -> None:
        if error.code() in {self._library.KafkaError._ALL_BROKERS_DOWN, self._library.KafkaError._AUTHENTICATION}:  # noqa: SLF001
            self._down = error.str()


class _Silent:
    """Takes the lines that the client would write to the console; what matters is raised."""

    def log(self, *_words: Sequence[Any]) -> None:
        """Say nothing."""
