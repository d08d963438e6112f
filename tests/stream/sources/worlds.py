"""One place of each kind that ticks come from, filled with ticks that a test knows, and the servers that two of them need."""

import gzip
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import redis

from engine.clock import FakeClock, nepal_time
from engine.sources.simulated import NO_FAULTS, SimulatedExchange
from engine.stream.records import Records
from engine.stream.sources.damage import TickFaults
from engine.stream.sources.floorsheet import FloorsheetReplay
from engine.stream.sources.kafka import KafkaTicks
from engine.stream.sources.messages import decoded
from engine.stream.sources.redis import RedisTicks
from engine.stream.sources.simulated import SimulatedTicks
from engine.stream.sources.source import Received, TickReader, TickSource
from engine.stream.ticks import Symbols

SESSION = date(2024, 7, 17)
HEADER = (
    "contractId,stockSymbol,buyerMemberId,sellerMemberId,contractQuantity,contractRate,contractAmount,businessDate,tradeBookId,stockId,"
    "buyerBrokerName,sellerBrokerName,tradeTime,securityName"
)
BROKEN = b'{"contractId": "oops'

# A mock cluster of librdkafka lives and dies with its process, which ends when nobody holds its input open any more.
CLUSTER = """
import sys
from confluent_kafka import Producer
cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock"})
print(next(iter(cluster.list_topics(timeout=30).brokers.values())), flush=True)
sys.stdin.read()
"""


def trade(number: int, **changed: Any) -> dict[str, Any]:
    """Trade `number` in the field names of the exchange, one a second from 11:00 on."""
    quantity, rate = 10 + number, 100 + number / 10
    return {
        "contractId": 2024071701000001 + number,
        "stockSymbol": ("NABIL", "GBILD84/85", "SKBBL")[number % 3],
        "contractQuantity": quantity,
        "contractRate": rate,
        "contractAmount": round(quantity * rate, 2),
        "tradeTime": f"2024-07-17T11:{number // 60:02d}:{number % 60:02d}.5",
        **changed,
    }


def message(number: int, **changed: Any) -> bytes:
    """The trade as a message."""
    return json.dumps(trade(number, **changed)).encode()


def line(number: int, **changed: Any) -> str:
    """The trade as a line of a floorsheet."""
    found = trade(number, **changed)
    return ",".join(str(found.get(name, "")) for name in HEADER.split(","))


MESSAGES = [*map(message, range(10)), BROKEN, *map(message, range(10, 30))]


@dataclass
class World:
    """Where a source reads, and what a reader has to give."""

    source: TickSource
    expected: Sequence[tuple[Any, ...]]  # each record: contract, time, symbol, quantity, rate; or bytes and reason
    unavailable: Callable[[], TickSource] | None = None  # one that does not answer
    session: date = SESSION
    clock: FakeClock = field(default_factory=FakeClock)


def rows(records: Records) -> list[tuple[Any, ...]]:
    """What records say, one row each, without codes and the time at which they were taken in."""
    ticks, broken = records.ticks, {it.row: (it.raw, it.reason) for it in records.unread}
    columns = zip(*(column.tolist() for column in (ticks.contract, ticks.time, ticks.symbol, ticks.quantity, ticks.rate)), strict=True)
    return [
        broken[row] if row in broken else (contract, when, records.symbols.names[code], quantity, rate)
        for row, (contract, when, code, quantity, rate) in enumerate(columns)
    ]


def drained(reader: TickReader, count: int, *, size: int = 7) -> list[Received]:
    """Poll until `count` records have come or no more will; a broker may need a moment."""
    found: list[Received] = []
    for _ in range(2_000):
        found.append(reader.poll(size, 0.2))
        if found[-1].ended or sum(len(each.records) for each in found) >= count:
            break
    return found


def floorsheet_world(folder: Path) -> World:
    """A floorsheet whose lines stand in another order than they were traded; what cannot be read comes first."""
    (folder / "floorsheet").mkdir(parents=True)
    bad = line(99, contractRate="n/a")
    content = "\n".join([HEADER, *(line(number) for number in range(29, 9, -1)), bad, *map(line, range(10)), ""])
    (folder / "floorsheet" / f"{SESSION}.csv.gz").write_bytes(gzip.compress(content.encode()))
    clock = FakeClock()
    good = rows(decoded([message(number) for number in range(30)], Symbols(), 0))
    reason = "line 22: contractRate is 'n/a': a price is needed, at most two decimals and seven digits before them"
    return World(FloorsheetReplay(folder, clock, sleeper(clock), speed=None), [(bad.encode(), reason), *good], clock=clock)


def simulated_world() -> World:
    """A past session of the simulated exchange, with many faults."""
    day = date(2026, 11, 20)
    clock = FakeClock(nepal_time(day + timedelta(days=3), 12))
    exchange = SimulatedExchange(seed=9, clock=clock, faults=NO_FAULTS, symbols=40)
    source = SimulatedTicks(exchange, clock, sleeper(clock), speed=None, faults=TickFaults(malformed=200, duplicate=200))
    return World(source, rows(source.sent(day).records), session=day, clock=clock)


def kafka_world(servers: str, topic: str) -> World:
    """A topic of the mock cluster, with everything in one of its partitions."""
    send_to_kafka(servers, topic, MESSAGES)
    return World(
        KafkaTicks(servers, topic, FakeClock()),
        rows(decoded(MESSAGES, Symbols(), 0)),
        lambda: KafkaTicks(f"127.0.0.1:{free_port()}", topic, FakeClock(), options={"socket.connection.setup.timeout.ms": "1000"}),
    )


def redis_world(url: str, stream: str) -> World:
    """A stream of a server."""
    send_to_redis(url, stream, MESSAGES)
    return World(
        RedisTicks(url, stream, FakeClock()),
        rows(decoded(MESSAGES, Symbols(), 0)),
        lambda: RedisTicks(f"redis://127.0.0.1:{free_port()}/0", stream, FakeClock()),
    )


def sleeper(clock: FakeClock) -> Callable[[float], None]:
    """A sleep that moves the clock and takes no time."""
    return lambda seconds: clock.advance(timedelta(seconds=seconds))


def send_to_kafka(servers: str, topic: str, messages: Sequence[bytes], *, partition: int = 0) -> None:
    """Write messages to a topic, which comes into being by being asked for."""
    from confluent_kafka import Producer  # noqa: PLC0415, what only these tests load

    producer = Producer({"bootstrap.servers": servers})
    producer.list_topics(topic, timeout=30)
    for each in messages:
        producer.produce(topic, each, partition=partition)
    producer.flush(30)


def send_to_redis(url: str, stream: str, messages: Sequence[bytes]) -> None:
    """Add messages to a stream."""
    with redis.Redis.from_url(url) as server:
        for each in messages:
            server.xadd(stream, {"tick": each})


def mock_cluster() -> tuple[subprocess.Popen[str], str]:
    """Start librdkafka's mock cluster in a process of its own; return it and the address of its broker."""
    process = subprocess.Popen([sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


class RedisServer:
    """A real server that keeps what it has taken in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--appendonly", "yes", "--save", ""]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        server = redis.Redis.from_url(self.url)
        end = time.monotonic() + 30
        while True:
            try:
                server.ping()
            except redis.ConnectionError:
                assert time.monotonic() < end, "redis-server does not start"
                time.sleep(0.02)
            else:
                break
        server.close()

    def kill(self) -> None:
        """Kill it -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
