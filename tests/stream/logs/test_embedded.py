"""The embedded log keeps what it has taken: across kill -9 at any instant, and never gives back anything else."""

import os
import signal
import sys
from collections.abc import Callable
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from engine.clock import FakeClock
from engine.errors import SegmentDamaged
from engine.stream.logs.embedded import EmbeddedLog
from storage import lake as catalog
from storage.database import Database, open_database
from tests.stream.logs.made import NEXT, SESSION, records, rows

WHOLE = records(0, 40, names="ABCDEFG", bad=[3, 21])


def killed_at(call: int, work: Callable[[], None], database: Database) -> bool:
    """Do `work` in a process that is killed -9 at its `call`th Python call; return whether it came to that."""
    database.close()  # SQLite's connections must not be carried over a fork
    child = os.fork()
    if child == 0:
        left = call

        def count(_frame, event, _argument):
            nonlocal left
            left -= event == "call"
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.fixture
def fill(log, database):
    """Append in parts of four, each with its source's position and a reader's."""

    def go_on(own=log, opened=database):
        while (done := own.state(SESSION).records) < len(WHOLE):
            with opened.transaction() as connection:
                own.append(connection, SESSION, WHOLE.part(done, done + 4), source="test", position=str(done + 4))
                own.commit(connection, SESSION, "engine", done + 4)

    return go_on


@pytest.fixture
def closed(log, fill, database):
    """A session with everything in it, closed."""
    fill()
    with database.transaction() as connection:
        log.close(connection, SESSION)


def test_a_kill_at_any_instant_of_appending_loses_and_doubles_nothing(log, fill, url, lake, database):
    def work():
        own = open_database(url)
        fill(EmbeddedLog(own, lake, FakeClock()), own)

    kills, step = 0, 300
    while killed_at(step, work, database):
        kills, step = kills + 1, step * 5 // 4
        state = log.state(SESSION)
        assert state.records % 4 == 0
        assert state.source_position in {str(state.records), None}
        assert log.position(SESSION, "engine") == state.records
        assert rows(log.read(SESSION, 0, 100).records) == rows(WHOLE)[: state.records]

    assert kills > 3
    assert rows(log.read(SESSION, 0, 100).records) == rows(WHOLE)


@pytest.mark.usefixtures("closed")
def test_a_kill_at_any_instant_of_compacting_loses_nothing(log, url, lake, database):
    def work():
        EmbeddedLog(open_database(url), lake, FakeClock()).compact(SESSION)

    kills, step = 0, 400
    while killed_at(step, work, database):
        kills, step = kills + 1, step * 4 // 3
        assert rows(log.read(SESSION, 0, 100).records) == rows(WHOLE)
    with database.reading() as connection:
        segments = connection.execute(text("SELECT count(*) FROM tick_segment")).scalar_one()
        booked = catalog.current(connection, "ticks", SESSION)

    assert kills > 3
    assert (segments, booked.rows, booked.path) == (0, len(WHOLE), log.state(SESSION).path)
    assert rows(log.read(SESSION, 0, 100).records) == rows(WHOLE)


def test_two_processes_may_append_in_turns(database, lake, clock):
    one, other = EmbeddedLog(database, lake, clock), EmbeddedLog(database, lake, clock)
    parts = [records(0, 4, names="AB"), records(4, 4, names="CB"), records(8, 4, names="DA"), records(12, 4, names="ED")]
    for log, part in zip([one, other, one, other], parts, strict=True):
        with database.transaction() as connection:
            log.append(connection, SESSION, part)

    for log in (one, other, EmbeddedLog(database, lake, clock)):
        assert rows(log.read(SESSION, 0, 100).records) == [row for part in parts for row in rows(part)]
        assert log.symbols(SESSION).names == ["A", "B", "C", "D", "E"]


def test_two_streams_do_not_know_each_other(database, lake, clock):
    one, other = EmbeddedLog(database, lake, clock), EmbeddedLog(database, lake, clock, stream="ticks_replayed")
    with database.transaction() as connection:
        one.append(connection, SESSION, records(0, 4))
        other.append(connection, SESSION, records(4, 2))

    assert (one.state(SESSION).records, other.state(SESSION).records) == (4, 2)


@pytest.mark.parametrize("offset", [8, 11])
def test_a_segment_that_was_changed_is_refused_and_named(log, fill, database, offset):
    fill()
    with database.transaction() as connection:
        data = connection.execute(text("SELECT data FROM tick_segment WHERE base = 8")).scalar_one()
        changed = bytes(data[:-60]) + bytes([data[-60] ^ 1]) + bytes(data[-59:])
        connection.execute(text("UPDATE tick_segment SET data = :data WHERE base = 8"), {"data": changed})

    with pytest.raises(SegmentDamaged, match="2024-07-17 of 'ticks', offsets 8 to 11: the segment is gone or its checksum differs"):
        log.read(SESSION, offset, 1)
    assert rows(log.read(SESSION, 12, 100).records) == rows(WHOLE)[12:]


@pytest.mark.parametrize("base", [0, 8, 36])
def test_a_segment_that_is_gone_is_noticed(log, fill, database, base):
    fill()
    with database.transaction() as connection:
        connection.execute(text("DELETE FROM tick_segment WHERE base = :base"), {"base": base})

    with pytest.raises(SegmentDamaged, match=f"the segment at offset {base} is missing"):
        log.read(SESSION, 0, 100)


@pytest.mark.usefixtures("closed")
def test_a_compacted_session_whose_file_was_changed_is_refused_and_named(log, lake):
    file = lake.folder / log.compact(SESSION).path
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    with pytest.raises(SegmentDamaged, match=r"2024-07-17 of 'ticks', offsets 0 to 39: its file .* is missing or not what was written"):
        log.read(SESSION, 0, 1)


@pytest.mark.usefixtures("closed")
def test_a_compacted_session_is_a_table_for_any_tool(log, lake):
    found = pq.read_table(lake.folder / log.compact(SESSION).path)

    assert found.num_rows == len(WHOLE)
    assert found["symbol"].null_count == found["contract_id"].null_count == 2
    assert found["reason"].drop_null().to_pylist() == ["broken 3", "broken 21"]
    assert found.schema.field("time").type == pa.timestamp("us", tz="UTC")


@pytest.mark.usefixtures("closed")
def test_dropping_a_session_takes_its_file_from_the_disk_and_the_catalog(log, lake, database):
    file = lake.folder / log.compact(SESSION).path
    log.retain(NEXT)
    with database.reading() as connection:
        booked = catalog.snapshot(connection, "ticks")

    assert (file.exists(), booked) == (False, [])


@pytest.mark.usefixtures("closed")
def test_a_compaction_that_another_process_has_finished_first_counts(log, database, lake, clock, monkeypatch):
    other = EmbeddedLog(database, lake, clock)
    write = type(lake).write

    def overtaken(self, *arguments):
        monkeypatch.undo()
        other.compact(SESSION)
        return write(self, *arguments)

    monkeypatch.setattr(type(lake), "write", overtaken)

    assert log.compact(SESSION).path == other.state(SESSION).path
    assert rows(log.read(SESSION, 0, 100).records) == rows(WHOLE)


def test_reading_makes_no_copy_of_a_segment(log, fill):
    fill()
    ticks = log.read(SESSION, 0, 4).records.ticks

    assert (ticks.time.flags.owndata, ticks.time.flags.writeable, ticks.symbol.flags.owndata) == (False, False, False)
    assert date(2024, 7, 17) == SESSION
