"""A home whose disk is full, read-only, locked, damaged or on another day: said clearly, nothing lost, and well again by itself."""

import os
import random
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pysqlite3
import pytest
from sqlalchemy.exc import OperationalError

import storage.database
from engine.doctor import examine
from engine.pipeline.ledger import wake_after_clock
from storage import lake
from storage.lake import LakeFileLost
from storage.status import RunStatus
from tests.faults.conftest import mounted
from tests.pipelines.house import DAILY, SUNDAY, House, days_from, with_a_week

REPOSITORY = Path(__file__).resolve().parents[2]
DAY = SUNDAY + timedelta(days=7)
SESSIONS = days_from(SUNDAY, 5)


def whole(house: House) -> bool:
    """Say whether everything that the catalog calls current is in the lake as it was published."""
    return len(house.lake_content()) > 0 and house.accepted()[:5] == SESSIONS


def fill(folder: Path) -> Path:
    """Take all the room that there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return ballast


def test_a_run_on_a_full_lake_disk_waits_and_goes_on_by_itself_when_there_is_room(tmp_path):
    with mounted(tmp_path / "home" / "lake", "-t", "tmpfs", "-o", "size=3m", "tmpfs"):
        house = with_a_week(tmp_path)
        ballast = fill(house.settings.lake)
        house.session(DAY, 5)
        run_id = house.services.run(DAILY, DAY).run_id
        house.work()
        full, before = house.found(run_id), house.accepted()
        ballast.unlink()
        house.clock.advance(timedelta(minutes=1))
        house.work()

        assert (full["status"], full["reason"][:12]) == (RunStatus.QUEUED, "no room for ")
        assert before == SESSIONS
        assert house.found(run_id)["status"] == RunStatus.SUCCEEDED
        assert whole(house)
        assert [file.name for file in house.settings.lake.rglob(".*.tmp")] == []
        house.runtime.database.close()


def test_a_full_database_disk_refuses_the_write_and_loses_no_row(tmp_path):
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=8m", "tmpfs") as disk:
        house = with_a_week(disk)
        ballast = fill(disk)
        refused = 0
        for _ in range(2000):  # until the room that the log has already is used up
            try:
                house.services.label(SUNDAY, "S001", "price_band", "fault")
            except OperationalError as error:
                refused += "full" in str(error.orig)
                break
        ballast.unlink()
        house.services.label(SUNDAY, "S001", "price_band", "fault")
        with house.runtime.database.reading() as connection:
            intact = connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()

        assert (refused, intact) == (1, "ok")
        assert whole(house)
        house.runtime.database.close()


def test_a_home_that_becomes_read_only_is_read_and_writes_are_refused_until_it_is_writable_again(week, tmp_path):
    home = week.settings.home
    week.runtime.database.close()
    with mounted(home, "--bind", str(home)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(home)], check=True)
        read = storage.database.open_read_only(f"sqlite:///{home / 'console.db'}")
        with read.reading() as connection:
            seen = connection.exec_driver_sql("SELECT count(*) FROM trading_session").scalar_one()
        read.close()
        with pytest.raises(Exception, match=r"NEPSE_HOME=.* cannot be written: its disk is mounted read-only"):
            week.restart()
        subprocess.run(["mount", "-o", "remount,rw,bind", str(home)], check=True)
        week.restart()
        week.session(DAY, 5)

        assert seen == 5
        assert week.run(DAY)["status"] == RunStatus.SUCCEEDED
        week.runtime.database.close()


@pytest.mark.parametrize(
    "command", [["-m", "engine", "backfills"], ["-m", "engine", "runner"], ["-m", "streamlit", "run", "app.py", "--server.port", "0"]]
)
def test_whoever_opens_a_read_only_home_is_told_so_in_one_sentence_and_with_what_to_do(week, command):
    home = week.settings.home
    week.runtime.database.close()
    with mounted(home, "--bind", str(home)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(home)], check=True)
        ended = subprocess.run(
            [sys.executable, *command],
            cwd=REPOSITORY,
            env=os.environ | {"NEPSE_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        (opening,) = [finding for finding in examine(week.settings) if finding.name == "opening"]

    (said,) = ended.stderr.strip().splitlines()
    assert ended.returncode == 1
    assert opening.observed in said
    assert opening.observed.endswith("or choose another NEPSE_HOME.")


def hold(file: Path, released: threading.Event, taken: threading.Event) -> None:
    """Hold the write lock of a database until told to release it."""
    connection = pysqlite3.connect(str(file), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    taken.set()
    released.wait(120)
    connection.execute("ROLLBACK")
    connection.close()


def locked(house: House, monkeypatch, *, patience: float) -> tuple[threading.Thread, threading.Event]:
    monkeypatch.setattr(storage.database, "BUSY_SECONDS", patience)
    house.runtime.database.close()
    house.restart()
    released, taken = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold, args=(house.settings.home / "console.db", released, taken))
    holder.start()
    taken.wait(10)
    return holder, released


def test_while_the_database_is_locked_pages_are_read_commands_are_refused_and_no_run_is_lost(week, monkeypatch):
    week.session(DAY, 5)
    queued = week.services.run(DAILY, DAY)
    holder, released = locked(week, monkeypatch, patience=0.2)
    read = week.accepted()
    with pytest.raises(OperationalError, match="locked"):
        week.services.run(DAILY, DAY + timedelta(days=1))
    with pytest.raises(OperationalError, match="locked"):
        week.work()
    released.set()
    holder.join()

    assert read == SESSIONS
    assert week.work() == 1
    assert week.found(queued.run_id)["status"] == RunStatus.SUCCEEDED


@pytest.mark.long
def test_a_lock_of_a_minute_is_outlasted_by_a_writer_that_asks_again(week, monkeypatch):
    week.session(DAY, 5)
    week.services.run(DAILY, DAY)
    holder, released = locked(week, monkeypatch, patience=15)
    threading.Timer(60, released.set).start()
    refused = 0
    while not released.is_set():
        try:
            week.work()
        except OperationalError:
            refused += 1
    holder.join()
    week.work()

    assert refused >= 3
    assert week.accepted() == [*SESSIONS, DAY]


def damage(house: House, how: str, chance: random.Random) -> None:
    """Spoil the current silver file of Sunday."""
    current, other = (house.read(lake.current, "silver", day) for day in SESSIONS[:2])
    file = house.settings.lake / current.path
    content = bytearray(file.read_bytes())
    if how == "flipped":
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        file.write_bytes(content)
    elif how == "truncated":
        file.write_bytes(content[: chance.randrange(len(content))])
    elif how == "swapped":
        file.write_bytes((house.settings.lake / other.path).read_bytes())
    else:
        file.unlink()


@pytest.mark.parametrize(("how", "times"), [("flipped", 200), ("truncated", 50), ("swapped", 1), ("missing", 1)])
def test_a_damaged_parquet_file_is_found_before_use_each_time(week, how, times):
    current = week.read(lake.current, "silver", SUNDAY)
    sound, chance, found = (week.settings.lake / current.path).read_bytes(), random.Random(7), 0  # noqa: S311, the same damage every time
    for _ in range(times):
        damage(week, how, chance)
        try:
            week.runtime.lake.read_table(current.path)
        except LakeFileLost:
            found += 1
        (week.settings.lake / current.path).write_bytes(sound)

    assert found == times
    assert week.table("silver", SESSIONS[1]).num_rows == 120


@pytest.mark.parametrize("how", ["flipped", "truncated", "swapped", "missing"])
def test_a_damaged_file_is_made_anew_from_bronze_by_a_rerun_of_its_date_with_the_same_content(week, how):
    before = week.lake_content()
    damage(week, how, random.Random(7))  # noqa: S311, as above
    again = week.rerun(week.date(SUNDAY).run_id)

    assert again["status"] == RunStatus.SUCCEEDED
    assert week.lake_content() == before


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)])
def test_a_clock_that_jumps_by_a_day_loses_no_run_doubles_none_and_no_time_is_negative(week, jump):
    for number, day in enumerate(days_from(DAY, 3)):
        week.session(day, 5 + number)
        week.services.run(DAILY, day)
    week.work(most=1)
    week.clock.advance(jump)
    wake_after_clock(week.runtime)
    week.work()

    assert week.accepted() == [*SESSIONS, *days_from(DAY, 3)]
    found = [week.found(week.date(day).run_id) for day in days_from(DAY, 3)]
    assert all(row["status"] == RunStatus.SUCCEEDED and row["duration_us"] >= 0 and row["rescues"] == 0 for row in found)
