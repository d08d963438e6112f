"""Kafka and Redis as they are on a bad day: several partitions, lists, servers that die, and entries that are gone."""

import json
from uuid import uuid4

import pytest
import redis

from engine.clock import FakeClock
from engine.errors import SourceMisconfigured, SourceUnavailable, TicksGone
from engine.stream.sources.kafka import KafkaTicks
from engine.stream.sources.redis import RedisTicks
from tests.stream.sources.worlds import (
    SESSION,
    RedisServer,
    drained,
    free_port,
    message,
    mock_cluster,
    rows,
    send_to_kafka,
    send_to_redis,
    trade,
)


@pytest.fixture
def name() -> str:
    """A topic or stream that nobody else uses."""
    return f"ticks-{uuid4().hex[:8]}"


@pytest.fixture
def own_server(tmp_path, redis_server):
    """A Redis server that may be killed."""
    server = RedisServer(tmp_path)
    yield server
    server.kill()


def contracts(received):
    return [row[0] for each in received for row in rows(each.records)]


def numbered(*numbers):
    return [trade(number)["contractId"] for number in numbers]


def test_redis_killed_and_started_again_loses_and_doubles_nothing(own_server, name):
    send_to_redis(own_server.url, name, [message(number) for number in range(10)])
    reader = RedisTicks(own_server.url, name, FakeClock()).open(SESSION, None)
    before = drained(reader, 4, size=4)
    own_server.kill()
    with pytest.raises(SourceUnavailable, match="Redis does not answer"):
        reader.poll(4, 0.2)
    own_server.start()
    send_to_redis(own_server.url, name, [message(number) for number in range(10, 13)])

    assert contracts(before) == numbered(*range(4))
    assert contracts(drained(reader, 9)) == numbered(*range(4, 13))
    later = RedisTicks(own_server.url, name, FakeClock()).open(SESSION, before[-1].position)
    assert contracts(drained(later, 9)) == numbered(*range(4, 13))


@pytest.mark.parametrize("lost", ["XTRIM", "XDEL"])
def test_entries_of_redis_that_are_gone_before_they_were_read_are_named(redis_server, name, lost):
    send_to_redis(redis_server.url, name, [message(number) for number in range(10)])
    source = RedisTicks(redis_server.url, name, FakeClock())
    position = drained(source.open(SESSION, None), 3, size=3)[-1].position
    with redis.Redis.from_url(redis_server.url) as server:
        if lost == "XTRIM":
            server.xtrim(name, maxlen=4, approximate=False)
        else:
            server.xdel(name, server.xrange(name)[5][0])

    with pytest.raises(TicksGone, match=f"what stood behind {position.partition(':')[0]}"):
        source.open(SESSION, position).poll(1, 0.01)


def test_a_reader_of_redis_that_trimming_overtakes_is_told(redis_server, name):
    send_to_redis(redis_server.url, name, [message(number) for number in range(4)])
    reader = RedisTicks(redis_server.url, name, FakeClock()).open(SESSION, None)
    taken = drained(reader, 4)
    with redis.Redis.from_url(redis_server.url) as server:
        for number in range(4, 12):
            server.xadd(name, {"tick": message(number)}, maxlen=3, approximate=False)

    assert contracts(taken) == numbered(0, 1, 2, 3)
    with pytest.raises(TicksGone, match="was trimmed or deleted"):
        reader.poll(10, 0.01)


def test_a_reader_of_redis_may_begin_with_what_trimming_has_left(redis_server, name):
    send_to_redis(redis_server.url, name, [message(number) for number in range(10)])
    with redis.Redis.from_url(redis_server.url) as server:
        server.xtrim(name, maxlen=4, approximate=False)

    assert contracts(drained(RedisTicks(redis_server.url, name, FakeClock()).open(SESSION, None), 4)) == numbered(6, 7, 8, 9)


def test_entries_of_redis_that_were_read_may_go(redis_server, name):
    send_to_redis(redis_server.url, name, [message(number) for number in range(10)])
    source = RedisTicks(redis_server.url, name, FakeClock())
    position = drained(source.open(SESSION, None), 6, size=6)[-1].position
    with redis.Redis.from_url(redis_server.url) as server:
        server.xtrim(name, maxlen=4, approximate=False)

    assert contracts(drained(source.open(SESSION, position), 4)) == numbered(6, 7, 8, 9)


def test_a_key_of_redis_that_is_no_stream_is_named(redis_server, name):
    with redis.Redis.from_url(redis_server.url) as server:
        server.set(name, "x")

    with pytest.raises(SourceMisconfigured, match=f"The stream '{name}' of Redis cannot be read.*NEPSE_REDIS_STREAM"):
        RedisTicks(redis_server.url, name, FakeClock()).open(SESSION, None).poll(1, 0.01)


def test_an_address_that_is_none_is_named():
    with pytest.raises(SourceMisconfigured, match="NEPSE_REDIS_URL is no address"):
        RedisTicks("nowhere", "ticks", FakeClock()).open(SESSION, None)


def test_an_entry_of_redis_with_several_fields_is_kept_as_one_that_cannot_be_read(redis_server, name):
    with redis.Redis.from_url(redis_server.url) as server:
        server.xadd(name, {"a": "1", "b": "2"})
    received = drained(RedisTicks(redis_server.url, name, FakeClock()).open(SESSION, None), 1)

    assert [it.raw for each in received for it in each.records.unread] == [b"a=1 b=2"]


def test_a_message_may_hold_a_list(cluster, name):
    listed = json.dumps([trade(0), {"contractId": 7}, trade(1)]).encode()
    send_to_kafka(cluster, name, [listed, b"[]", b"", message(2)])
    received = drained(KafkaTicks(cluster, name, FakeClock()).open(SESSION, None), 5)
    records = [row for each in received for row in rows(each.records)]

    assert [row[0] for row in records] == [numbered(0)[0], b'{"contractId": 7}', numbered(1)[0], b"", numbered(2)[0]]


def test_every_partition_of_kafka_is_read_and_goes_on_by_itself(cluster, name):
    for partition in range(4):
        send_to_kafka(cluster, name, [message(10 * partition + n) for n in range(5)], partition=partition)
    source = KafkaTicks(cluster, name, FakeClock())
    first = drained(source.open(SESSION, None), 7, size=1)
    rest = drained(source.open(SESSION, first[-1].position), 13)

    assert sorted(contracts(first) + contracts(rest)) == numbered(*(10 * partition + n for partition in range(4) for n in range(5)))


def test_an_offset_that_kafka_does_not_hold_is_named_not_skipped(cluster, name):
    send_to_kafka(cluster, name, [message(0)])
    reader = KafkaTicks(cluster, name, FakeClock()).open(SESSION, '{"0":77}')

    with pytest.raises(TicksGone, match=f"Kafka does not hold what stands behind .* of '{name}' any more"):
        drained(reader, 1)


def test_kafka_that_dies_is_unavailable_and_nothing_else():
    process, address = mock_cluster()
    send_to_kafka(address, "ticks", [message(0), message(1)])
    reader = KafkaTicks(address, "ticks", FakeClock()).open(SESSION, None)
    received = drained(reader, 2)
    process.kill()
    process.communicate()

    with pytest.raises(SourceUnavailable, match="does not answer"):
        drained(reader, 1)
    assert contracts(received) == numbered(0, 1)


@pytest.mark.parametrize(
    ("source", "package"), [(KafkaTicks("x:1", "t", FakeClock()), "confluent_kafka"), (RedisTicks("x", "t", FakeClock()), "redis")]
)
def test_a_package_that_is_not_installed_is_named(monkeypatch, source, package):
    monkeypatch.setitem(__import__("sys").modules, package, None)

    with pytest.raises(SourceMisconfigured, match=r"pip install -r requirements-streams\.txt"):
        source.open(SESSION, None)


def test_a_wrong_password_is_named(tmp_path, redis_server):
    with pytest.raises(SourceMisconfigured, match="Redis does not let us in"):
        RedisTicks(f"redis://user:wrong@127.0.0.1:{redis_server.port}/0", "ticks", FakeClock()).open(SESSION, None)
    assert free_port() != redis_server.port
