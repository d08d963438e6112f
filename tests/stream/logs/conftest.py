"""A tick log of each kind."""

from pathlib import Path

import pytest

from engine.clock import FakeClock
from engine.settings import LogName
from engine.stream.log import TickLog
from engine.stream.logs.blocks import Blocks, KafkaBlocks, RedisBlocks
from engine.stream.logs.embedded import EmbeddedLog
from storage.database import Database
from storage.lake import Lake
from tests.storage.conftest import database, migrated, url
from tests.stream.sources.conftest import cluster, redis_server

__all__ = ["cluster", "database", "migrated", "redis_server", "url"]  # fixtures


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what a broker's blocks have no part in: another database than SQLite, and the tests of the embedded log alone."""

    def counts(item: pytest.Item) -> bool:
        chosen = getattr(item, "callspec", None)
        kind = chosen.params.get("blocks") if chosen else None
        return kind in {None, LogName.EMBEDDED} or (chosen.params["migrated"] == "sqlite" and "test_embedded" not in item.nodeid)

    items[:] = [item for item in items if counts(item)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "lake")


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture(scope="session")
def kafka_blocks(cluster: str) -> KafkaBlocks:
    """A client of Kafka that all tests share as all sessions of a process do: a new one takes a second to read its first block.

    The broker answers at the end of a topic after a moment, instead of half a second in which more might come.
    """
    return KafkaBlocks(cluster, options={"fetch.wait.max.ms": "5"})


@pytest.fixture(params=list(LogName))
def blocks(request: pytest.FixtureRequest) -> Blocks | None:
    """What keeps the blocks; the servers are shared by all tests, as a place says which block is meant."""
    makers = {
        LogName.EMBEDDED: lambda: None,
        LogName.KAFKA: lambda: request.getfixturevalue("kafka_blocks"),
        LogName.REDIS: lambda: RedisBlocks(request.getfixturevalue("redis_server").url),
    }
    return makers[request.param]()


@pytest.fixture
def log(database: Database, lake: Lake, clock: FakeClock, blocks: Blocks | None) -> TickLog:
    """A log that has nothing in it yet."""
    return EmbeddedLog(database, lake, clock, blocks=blocks)
