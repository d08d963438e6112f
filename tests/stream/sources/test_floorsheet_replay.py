"""Real floorsheets replayed as they were traded, and folders that are not as they should be."""

from datetime import date, timedelta

import numpy as np
import pytest

from engine.clock import FakeClock
from engine.errors import NoFile, SourceMisconfigured, SourceUnavailable
from engine.market.floorsheet import read_floorsheet
from engine.settings import Settings, SourceName, TicksName
from engine.stream.sources import open_tick_source
from engine.stream.sources.floorsheet import FloorsheetReplay
from tests.stream.sources.worlds import SESSION, drained, floorsheet_world, sleeper


def replay(folder, *, speed=None):
    clock = FakeClock()
    return FloorsheetReplay(folder, clock, sleeper(clock), speed=speed)


def test_a_real_session_comes_by_time_and_contract_each_trade_at_its_instant(real_data):
    received = drained(replay(real_data).open(SESSION, None), 149_401, size=10_000)
    contract, time, ingest = (
        np.concatenate(columns)
        for columns in zip(*((r.records.ticks.contract, r.records.ticks.time, r.records.ingest) for r in received), strict=True)
    )
    sheet = read_floorsheet((real_data / f"floorsheet/{SESSION}.csv.gz").read_bytes(), "file")

    assert np.array_equal(contract, sheet.ticks.contract[np.lexsort((sheet.ticks.contract, sheet.ticks.time))])
    assert np.array_equal(ingest, time)
    assert received[-1].ended


def test_the_folder_says_which_sessions_it_has(real_data):
    assert replay(real_data).sessions() == [date(2024, *day) for day in ((4, 9), (4, 30), (5, 2), (7, 14), (7, 17), (9, 22))]


def test_an_hour_at_sixty_times_takes_a_minute(tmp_path):
    world = floorsheet_world(tmp_path)
    clock = FakeClock()
    reader = FloorsheetReplay(tmp_path, clock, sleeper(clock), speed=60.0).open(SESSION, None)
    begun = clock.now()
    drained(reader, len(world.expected), size=1)

    assert (clock.now() - begun).total_seconds() == pytest.approx(29 / 60, abs=0.01)


def test_a_session_without_a_file_is_named(tmp_path):
    floorsheet_world(tmp_path)

    with pytest.raises(NoFile, match="There is no floorsheet of 2024-07-18"):
        replay(tmp_path).open(SESSION + timedelta(days=1), None)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceMisconfigured, match="NEPSE_SOURCE_DIR"):
        replay(tmp_path).open(SESSION, None)
    assert replay(tmp_path).sessions() == []


def test_two_files_of_one_session_are_refused(tmp_path):
    floorsheet_world(tmp_path)
    (tmp_path / "floorsheet" / "2024_07_17.csv").write_text("x")

    with pytest.raises(SourceMisconfigured, match="Two files claim 2024-07-17"):
        replay(tmp_path).open(SESSION, None)


def test_a_folder_that_cannot_be_read_may_be_asked_again(tmp_path, monkeypatch):
    floorsheet_world(tmp_path)
    monkeypatch.setattr("pathlib.Path.open", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))

    with pytest.raises(SourceUnavailable, match="Input/output error"):
        replay(tmp_path).open(SESSION, None)


def test_a_file_that_was_changed_is_not_taken_for_the_one_that_was_begun(tmp_path):
    world = floorsheet_world(tmp_path)
    position = world.source.open(SESSION, None).poll(3, 0.0).position
    file = next((tmp_path / "floorsheet").iterdir())
    file.write_bytes(file.read_bytes() + b"\0")

    with pytest.raises(SourceMisconfigured, match="the file, the seed or the faults were changed"):
        world.source.open(SESSION, position)


@pytest.mark.parametrize("name", list(TicksName))
def test_the_settings_choose_the_source(name, tmp_path):
    real = name is not TicksName.SIMULATED
    settings = Settings(
        ticks=name,
        source=SourceName.FILES if real else SourceName.SIMULATED,
        source_dir=tmp_path,
        kafka_servers="127.0.0.1:1",
        kafka_user="user",
        kafka_password="secret",  # noqa: S106, none
        redis_url="redis://:secret@127.0.0.1:1/0",
    )
    source = open_tick_source(settings, FakeClock())

    assert (source.name, source.simulated) == (name, not real)
    assert "secret" not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ticks": "kafka", "source": "files", "source_dir": "x"}, "NEPSE_TICKS=kafka needs NEPSE_KAFKA_SERVERS"),
        ({"ticks": "redis", "source": "files", "source_dir": "x"}, "NEPSE_TICKS=redis needs NEPSE_REDIS_URL"),
        ({"tick_log": "kafka"}, "NEPSE_TICK_LOG=kafka needs NEPSE_KAFKA_SERVERS"),
        ({"tick_log": "redis"}, "NEPSE_TICK_LOG=redis needs NEPSE_REDIS_URL"),
        ({"ticks": "kafka", "kafka_servers": "x:1"}, "would mix simulated and real data"),
        ({"ticks": "simulated", "source": "files", "source_dir": "x"}, "would mix simulated and real data"),
    ],
)
def test_settings_that_cannot_work_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Settings(**given)


@pytest.mark.parametrize(("source", "ticks"), [("simulated", "simulated"), ("files", "floorsheet")])
def test_without_a_word_ticks_come_from_where_daily_files_come_from(source, ticks):
    assert Settings(source=source, source_dir="x").ticks == ticks
