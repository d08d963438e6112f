"""A lake file is whole or not there: no flipped bit, torn file or full disk goes unseen, and no version is lost."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import lake as catalog
from storage.lake import DiskFull, Lake, LakeFileLost, bytes_content, table_content
from tests.conftest import REPOSITORY

DAY = date(2025, 6, 1)
NOW = datetime(2025, 6, 1, 12, 15, tzinfo=UTC)


def _table(rows: int = 50, first: int = 0) -> pa.Table:
    numbers = range(first, first + rows)
    return pa.table({"symbol": [f"S{number}" for number in numbers], "close": pa.array([number / 4 for number in numbers], pa.float64())})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"this user may not mount a small disk: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_the_same_rows_give_the_same_bytes_however_they_are_chunked():
    whole = _table()
    pieces = pa.concat_tables([whole.slice(0, 7), whole.slice(7)])

    assert table_content(whole).sha256 == table_content(pieces).sha256


def test_other_rows_give_other_bytes():
    assert table_content(_table(first=1)).sha256 != table_content(_table()).sha256


def test_a_table_comes_back_as_it_was_written(lake):
    version = lake.write("silver", DAY, table_content(_table()))

    assert lake.read_table(version.path).equals(_table())
    assert version.rows == 50


def test_bytes_come_back_as_they_were_written(lake):
    version = lake.write("bronze", DAY, bytes_content(b"Symbol,Open\n", suffix=".csv"))

    assert lake.read_bytes(version) == b"Symbol,Open\n"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flip_of_any_bit_is_found(lake, data):
    content = table_content(_table())
    version = lake.write("silver", DAY, content)
    bit = data.draw(st.integers(0, len(content.data) * 8 - 1))
    flipped = bytearray(content.data)
    flipped[bit // 8] ^= 1 << bit % 8
    (lake.folder / version.path).write_bytes(flipped)

    with pytest.raises(LakeFileLost, match="Rerun its date"):
        lake.read_table(version.path)
    with pytest.raises(LakeFileLost, match="sha256 differs"):
        lake.read_bytes(version)
    assert not lake.holds(version)


@pytest.mark.parametrize("left", [0, 1, 500])
def test_a_truncated_file_is_found(lake, left):
    version = lake.write("silver", DAY, table_content(_table()))
    os.truncate(lake.folder / version.path, left)

    with pytest.raises(LakeFileLost):
        lake.read_table(version.path)
    assert not lake.holds(version)


def test_a_missing_file_is_found(lake):
    version = lake.write("silver", DAY, table_content(_table()))
    (lake.folder / version.path).unlink()

    with pytest.raises(LakeFileLost, match=f"{version.path} cannot be read"):
        lake.read_table(version.path)
    assert not lake.holds(version)


def test_two_files_that_were_swapped_are_found(lake):
    one = lake.write("silver", DAY, table_content(_table()))
    other = lake.write("silver", DAY + timedelta(days=1), table_content(_table(first=1)))
    (lake.folder / one.path).write_bytes((lake.folder / other.path).read_bytes())

    with pytest.raises(LakeFileLost):
        lake.read_table(one.path)


def test_a_full_disk_is_said_and_leaves_nothing(small_disk):
    lake = Lake(small_disk)
    with pytest.raises(DiskFull, match=r"no room for 200,000 bytes in .*nothing was published"):
        lake.write("bronze", DAY, bytes_content(os.urandom(200_000), suffix=".csv"))

    assert [file for file in small_disk.rglob("*") if file.is_file()] == []


def test_after_room_was_made_the_same_write_succeeds(small_disk):
    lake, content = Lake(small_disk), bytes_content(os.urandom(40_000), suffix=".csv")
    (small_disk / "other").write_bytes(bytes(50_000))
    with pytest.raises(DiskFull):
        lake.write("bronze", DAY, content)
    (small_disk / "other").unlink()

    assert lake.holds(lake.write("bronze", DAY, content))


def test_an_error_that_is_not_a_full_disk_is_told_as_it_is_and_leaves_nothing(lake, monkeypatch):
    def broken(_handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        lake.write("bronze", DAY, bytes_content(b"x", suffix=".csv"))

    assert [file for file in lake.folder.rglob("*") if file.is_file()] == []


def _publish(database, lake: Lake, table: pa.Table, *, run_id: int, at: datetime = NOW):
    version = lake.write("silver", DAY, table_content(table))
    with database.transaction() as connection:
        catalog.publish(connection, version, run_id=run_id, at=at, simulated=True)
    return version


def test_the_version_published_last_is_the_current_one_and_the_one_before_stays(database, lake):
    first = _publish(database, lake, _table(), run_id=1)
    second = _publish(database, lake, _table(first=1), run_id=2, at=NOW + timedelta(hours=1))

    with database.reading() as connection:
        assert catalog.current(connection, "silver", DAY) == second
        history = catalog.versions(connection, "silver", DAY)
    assert [(row["path"], row["is_current"]) for row in history] == [(second.path, True), (first.path, False)]
    assert lake.holds(first)


def test_what_is_withdrawn_has_no_current_version_and_keeps_its_history(database, lake):
    version = _publish(database, lake, _table(), run_id=1)
    with database.transaction() as connection:
        catalog.withdraw(connection, "silver", DAY, at=NOW)

    with database.reading() as connection:
        assert catalog.current(connection, "silver", DAY) is None
        assert catalog.snapshot(connection, "silver") == []
        assert catalog.by_path(connection, version.path) == version


def test_a_transaction_that_fails_publishes_nothing(database, lake):
    first = _publish(database, lake, _table(), run_id=1)
    version = lake.write("silver", DAY, table_content(_table(first=1)))
    with pytest.raises(OSError, match="away"), database.transaction() as connection:
        _publish_and_fail(connection, version)

    with database.reading() as connection:
        assert catalog.current(connection, "silver", DAY) == first


def _publish_and_fail(connection, version) -> None:
    catalog.publish(connection, version, run_id=2, at=NOW, simulated=True)
    raise OSError("away")


def test_a_reader_beside_a_writer_always_sees_one_whole_version(database, lake):
    _publish(database, lake, _table(), run_id=0)
    over = threading.Event()
    seen: list[tuple[int, int]] = []

    def read() -> None:
        while not over.is_set():
            with database.reading() as connection:
                (version,) = catalog.snapshot(connection, "silver")
            table = lake.read_table(version.path)
            seen.append((table.num_rows, int(table["close"][0].as_py() * 4)))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 60):
        _publish(database, lake, _table(rows=50 + number, first=number), run_id=number)
    over.set()
    reader.join()

    assert len(seen) > 10
    assert all(rows == 50 + first for rows, first in seen)


KILLED_AT_ITS_FLUSH = """
import os, signal, sys
from datetime import date
from pathlib import Path
from storage.lake import Lake, bytes_content

os.fsync = lambda _handle: os.kill(os.getpid(), signal.SIGKILL)
Lake(Path(sys.argv[1])).write("silver", date(2025, 6, 1), bytes_content(b"half", suffix=".csv"))
"""


def test_what_a_killed_writer_left_aside_is_swept_away_and_nothing_else(lake):
    version = lake.write("silver", DAY, table_content(_table()))
    subprocess.run([sys.executable, "-c", KILLED_AT_ITS_FLUSH, str(lake.folder)], cwd=REPOSITORY, check=False)
    left = [file.name for file in lake.folder.rglob("*.tmp")]

    assert len(left) == 1
    assert lake.sweep() == 1
    assert list(lake.folder.rglob("*.tmp")) == []
    assert lake.holds(version)


def test_a_sweep_takes_nothing_from_a_living_writer(lake, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _handle: swept.append(lake.sweep()))
    swept: list[int] = []
    version = lake.write("silver", DAY, bytes_content(b"whole", suffix=".csv"))

    assert swept == [0, 0]
    assert lake.read_bytes(version) == b"whole"
