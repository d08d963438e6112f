"""From any source into the log, across failures at any point: every record once, in its order."""

from collections.abc import Iterator

import pytest

from engine.stream.logs.embedded import EmbeddedLog
from storage.database import Database, open_database
from storage.lake import Lake
from storage.migrate import migrate
from tests.stream.sources.worlds import rows


@pytest.fixture
def home(tmp_path) -> Iterator[Database]:
    """A database of its own."""
    opened = open_database(f"sqlite:///{tmp_path / 'console.db'}")
    migrate(opened)
    yield opened
    opened.close()


def take(world, log, home, *, polls: int, fails: bool) -> bool:
    """Open a reader where the log says, and append what a few polls give; at the end a transaction may fail. Says whether all came."""
    reader = world.source.open(world.session, log.state(world.session).source_position)
    for number in range(polls):
        received = reader.poll(3, 0.2)
        with home.transaction() as connection:
            log.append(connection, world.session, received.records, source=world.source.name, position=received.position)
            if fails and number == polls - 1:
                raise InterruptedError
    reader.close()
    return log.state(world.session).records >= min(len(world.expected), 60)


def test_every_record_is_there_once_and_in_its_order_whatever_fails(world, home, tmp_path):
    log = EmbeddedLog(home, Lake(tmp_path / "lake"), world.clock)
    done, crashes = False, 0
    while not done and crashes < 100:
        crashes += 1
        with pytest.raises(InterruptedError):
            take(world, log, home, polls=3, fails=True)
        done = take(world, EmbeddedLog(home, Lake(tmp_path / "lake"), world.clock), home, polls=2, fails=False)
    found = rows(log.read(world.session, 0, 1_000_000).records)

    assert crashes > 1
    assert found == world.expected[: len(found)]
    assert len(found) >= min(len(world.expected), 60)
