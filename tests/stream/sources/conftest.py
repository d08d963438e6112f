"""A source of each kind, with ticks in it that are known."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from engine.settings import TicksName
from tests.stream.sources.worlds import RedisServer, World, floorsheet_world, kafka_world, mock_cluster, redis_world, simulated_world


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The address of a mock cluster of Kafka."""
    process, address = mock_cluster()
    yield address
    process.communicate()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis server."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not available")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(params=list(TicksName))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """One of each."""
    name = f"ticks-{uuid4().hex[:8]}"
    makers = {
        TicksName.SIMULATED: simulated_world,
        TicksName.FLOORSHEET: lambda: floorsheet_world(tmp_path),
        TicksName.KAFKA: lambda: kafka_world(request.getfixturevalue("cluster"), name),
        TicksName.REDIS: lambda: redis_world(request.getfixturevalue("redis_server").url, name),
    }
    return makers[request.param]()
