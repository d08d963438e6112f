"""A tick log whose blocks a broker keeps: what the broker loses is named, and while it does not answer nothing is half done."""

import pytest
import redis

from engine.clock import FakeClock
from engine.errors import LogUnavailable, SegmentDamaged, SettingsError, TickLogError
from engine.settings import LogName, Settings
from engine.stream.logs import open_tick_log
from engine.stream.logs.blocks import KafkaBlocks, RedisBlocks
from engine.stream.logs.embedded import EmbeddedLog
from storage.database import open_database
from storage.migrate import migrate
from tests.stream.logs.made import SESSION, records, rows
from tests.stream.sources.worlds import RedisServer, free_port, mock_cluster

KEY = f"nepse:log:ticks:{SESSION}"


@pytest.fixture
def home(tmp_path):
    """A database of its own."""
    opened = open_database(f"sqlite:///{tmp_path / 'console.db'}")
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def server(tmp_path, redis_server):
    """A Redis server that may be killed."""
    own = RedisServer(tmp_path)
    yield own
    own.kill()


@pytest.fixture
def log(home, lake, server):
    """A log whose blocks are in that server."""
    return EmbeddedLog(home, lake, FakeClock(), blocks=RedisBlocks(server.url))


def append(log, home, part):
    with home.transaction() as connection:
        log.append(connection, SESSION, part)


def test_what_redis_has_taken_is_there_after_a_kill_9(log, home, server):
    append(log, home, records(0, 4))
    server.kill()
    with pytest.raises(LogUnavailable, match="does not answer") as raised:
        append(log, home, records(4, 4))
    with pytest.raises(LogUnavailable):
        log.read(SESSION, 0, 10)
    server.start()
    append(log, home, records(4, 2))

    assert raised.value.retryable
    assert rows(log.read(SESSION, 0, 10).records) == rows(records(0, 6))


def test_a_block_whose_transaction_failed_is_never_read(log, home, server):
    append(log, home, records(0, 2))
    with pytest.raises(LookupError), home.transaction() as connection:  # noqa: PT012, the failure is inside the transaction
        log.append(connection, SESSION, records(2, 2, names="XY"))
        raise LookupError
    append(log, home, records(2, 3))

    with redis.Redis.from_url(server.url) as kept:
        assert kept.xlen(KEY) == 3
    assert rows(log.read(SESSION, 0, 10).records) == rows(records(0, 5))


def test_a_block_that_redis_has_lost_is_named(log, home, server):
    append(log, home, records(0, 2))
    append(log, home, records(2, 3))
    with redis.Redis.from_url(server.url) as kept:
        kept.xdel(KEY, kept.xrange(KEY)[1][0])

    with pytest.raises(SegmentDamaged, match="2024-07-17 of 'ticks', offsets 2 to 4: the segment is gone"):
        log.read(SESSION, 0, 10)


def test_a_compacted_session_needs_redis_no_more(log, home, server):
    append(log, home, records(0, 5, bad=[1]))
    with home.transaction() as connection:
        log.close(connection, SESSION)
    log.compact(SESSION)

    with redis.Redis.from_url(server.url) as kept:
        assert not kept.exists(KEY)
    assert rows(log.read(SESSION, 0, 10).records) == rows(records(0, 5, bad=[1]))


def test_a_log_that_was_written_with_a_broker_says_so_without_it(log, home, lake):
    append(log, home, records(0, 2))

    with pytest.raises(TickLogError, match="kept by a broker; set NEPSE_TICK_LOG"):
        EmbeddedLog(home, lake, FakeClock()).read(SESSION, 0, 1)


def test_kafka_that_dies_takes_nothing_and_says_so(home, lake):
    process, address = mock_cluster()
    try:
        append(EmbeddedLog(home, lake, FakeClock(), blocks=KafkaBlocks(address)), home, records(0, 2))
    finally:
        process.kill()
        process.communicate()
    log = EmbeddedLog(home, lake, FakeClock(), blocks=KafkaBlocks(address, patience=1))

    with pytest.raises(LogUnavailable, match="the Kafka that keeps the tick log"):
        append(log, home, records(2, 2))
    assert log.state(SESSION).records == 2


def test_a_large_append_is_cut_into_blocks_that_brokers_take(home, lake, cluster):
    log = EmbeddedLog(home, lake, FakeClock(), blocks=KafkaBlocks(cluster))
    whole = records(0, 40_000, bad=[17_000, 39_999])
    append(log, home, whole)

    assert rows(log.read(SESSION, 16_000, 2_000).records) == rows(whole.part(16_000, 18_000))
    assert log.read(SESSION, 39_990, 100).records.unread[0].raw == whole.unread[1].raw


@pytest.mark.parametrize("name", list(LogName))
def test_the_settings_choose_the_log(home, lake, name):
    address = f"127.0.0.1:{free_port()}"
    settings = Settings(tick_log=name, kafka_servers=address, redis_url=f"redis://{address}/0")

    assert open_tick_log(settings, home, lake, FakeClock()).name == name


@pytest.mark.parametrize(("kind", "package"), [(KafkaBlocks, "confluent_kafka"), (RedisBlocks, "redis")])
def test_a_package_that_is_not_installed_is_named(monkeypatch, kind, package):
    monkeypatch.setitem(__import__("sys").modules, package, None)

    with pytest.raises(SettingsError, match=r"pip install -r requirements-streams\.txt"):
        kind("127.0.0.1:1")
