"""Brokers that keep the blocks of a tick log's open sessions. Which blocks count, and in which order, the console's database says.

A block is written before the transaction that makes it count; one whose transaction failed is never read.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol

from engine.errors import LogUnavailable, SettingsError
from storage.tick_log import Topic

_PATIENCE = 10.0  # seconds that a broker may take to answer
_INSTALL = "needs a package more: pip install -r requirements-streams.txt"


class Blocks(Protocol):
    """Where blocks of bytes are kept. Every method raises `LogUnavailable` while the broker does not answer."""

    @property
    def name(self) -> str:
        """The name it is chosen by in the settings."""
        ...

    def put(self, topic: Topic, data: bytes) -> str:
        """Keep a block, and return its place once the broker has it."""
        ...

    def get(self, topic: Topic, places: Sequence[str]) -> Mapping[str, bytes]:
        """Return the blocks at `places`, which are given in the order in which they were put; those that are gone are left out."""
        ...

    def drop(self, topic: Topic) -> None:
        """Forget a session's blocks; what cannot be forgotten now may stay."""
        ...


class RedisBlocks:
    """One stream a session, one entry a block."""

    name: ClassVar[str] = "redis"

    def __init__(self, url: str) -> None:
        try:
            import redis  # noqa: PLC0415, an optional dependency
        except ImportError as error:
            raise SettingsError(f"NEPSE_TICK_LOG=redis {_INSTALL}") from error
        self._library = redis
        self._server: Any = redis.Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)

    def put(self, topic: Topic, data: bytes) -> str:
        """Add an entry; its id is the place."""
        with self._asked():
            place: bytes = self._server.xadd(_key(topic), {"block": data})
        return place.decode()

    def get(self, topic: Topic, places: Sequence[str]) -> Mapping[str, bytes]:
        """Read each entry by its id, in one go."""
        with self._asked(), self._server.pipeline(transaction=False) as pipe:
            for place in places:
                pipe.xrange(_key(topic), place, place)
            found = pipe.execute()
        return {place: entries[0][1][b"block"] for place, entries in zip(places, found, strict=True) if entries}

    def drop(self, topic: Topic) -> None:
        """Delete the session's stream."""
        with self._asked():
            self._server.delete(_key(topic))

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except self._library.exceptions.RedisError as error:
            raise LogUnavailable(f"the Redis that keeps the tick log does not answer as it should: {error}") from error


class KafkaBlocks:
    """One topic a session, in its partition 0 one message a block. How long Kafka keeps them is its own setting: for ever, best."""

    name: ClassVar[str] = "kafka"

    def __init__(self, servers: str, *, options: Mapping[str, str] | None = None, patience: float = _PATIENCE) -> None:
        try:
            import confluent_kafka  # noqa: PLC0415, an optional dependency
        except ImportError as error:
            raise SettingsError(f"NEPSE_TICK_LOG=kafka {_INSTALL}") from error
        self._library: Any = confluent_kafka
        settings = {"bootstrap.servers": servers, **(options or {})}
        limits = {"message.timeout.ms": int(patience * 1000), "linger.ms": 0, "message.max.bytes": 4_000_000}
        self._producer = self._library.Producer({**settings, **limits, "acks": "all", "enable.idempotence": True})
        reading = {"group.id": "nepse-console", "enable.auto.commit": False, "auto.offset.reset": "error", "enable.partition.eof": True}
        self._consumer = self._library.Consumer({**settings, **reading})
        self._known: set[str] = set()
        self._patience = patience

    def put(self, topic: Topic, data: bytes) -> str:
        """Send a message and wait until every replica has it; its offset is the place."""
        answers: list[tuple[Any, Any]] = []
        self._know(_name(topic))
        self._producer.produce(_name(topic), data, partition=0, on_delivery=lambda error, message: answers.append((error, message)))
        self._producer.flush(2 * self._patience)
        if not answers or answers[0][0] is not None:
            why = answers[0][0].str() if answers else "no answer in time"
            raise LogUnavailable(f"the Kafka that keeps the tick log has not taken a block: {why}")
        return str(answers[0][1].offset())

    def get(self, topic: Topic, places: Sequence[str]) -> Mapping[str, bytes]:
        """Read from the first place to the last."""
        wanted, found, last = set(places), dict[str, bytes](), int(places[-1])
        self._consumer.assign([self._library.TopicPartition(_name(topic), 0, int(places[0]))])
        while True:
            first = self._consumer.poll(self._patience)
            if first is None:
                raise LogUnavailable("the Kafka that keeps the tick log does not answer")
            messages = [first, *self._consumer.consume(1_000, 0.0)]
            for message in messages:
                if message.error() is not None or message.offset() > last:
                    return found  # the end, or blocks that are gone
                if (place := str(message.offset())) in wanted:
                    found[place] = message.value()
            if messages[-1].offset() >= last:
                return found

    def drop(self, topic: Topic) -> None:
        """Leave it to Kafka's own retention."""

    def _know(self, name: str) -> None:
        """Have the topic come into being where the broker makes topics by itself."""
        if name not in self._known:
            try:
                self._producer.list_topics(name, self._patience)
            except self._library.KafkaException as error:
                raise LogUnavailable(f"the Kafka that keeps the tick log does not answer: {error.args[0].str()}") from error
            self._known.add(name)


def _key(topic: Topic) -> str:
    return f"nepse:log:{topic.stream}:{topic.session}"


def _name(topic: Topic) -> str:
    return f"nepse-log-{topic.stream}-{topic.session}"
