"""The runners' file stays short, whoever writes to it, and no line is lost or cut."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.log_file import KEPT, MOST_BYTES, keep_short, log_file, old, opened, rotate
from engine.pipeline.supervisor import Supervisor
from engine.settings import Settings
from tests.e2e.server import eventually

LINES = 1_500
MOST = 10_000  # bytes
WRITER = f"""
import os, sys
from pathlib import Path
from engine.log_file import keep_short
for number in range({LINES}):
    os.write(1 + number % 2, f"{{sys.argv[2]}} {{number}} {{'x' * 20}}\\n".encode())
    if number % 20 == 0:
        keep_short(Path(sys.argv[1]), most_bytes={MOST}, kept=50)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return log_file(tmp_path)


def writer(path: Path, name: str, **where) -> subprocess.Popen[bytes]:
    with opened(path) as log:
        return subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], **({"stdout": log, "stderr": log} | where))


def old_files(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.*"))


def test_two_processes_write_to_it_while_both_keep_it_short_and_no_line_is_lost_or_cut(path):
    writers = [writer(path, name) for name in ("one", "two")]
    assert [process.wait(60) for process in writers] == [0, 0]

    files = [path, *old_files(path)]
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{name} {number} {'x' * 20}" for name in ("one", "two") for number in range(LINES))
    assert len(files) > 5
    assert max(file.stat().st_size for file in files) < 2 * MOST


def test_the_oldest_files_go_and_the_newest_of_the_old_ones_has_the_number_one(path):
    for number in range(KEPT + 3):
        with opened(path) as log:
            log.write(b"%d" % number)
        assert rotate(path, most_bytes=0)

    assert [old(path, number).read_text() for number in range(1, KEPT + 1)] == ["6", "5", "4", "3"]
    assert old_files(path) == [old(path, number) for number in range(1, KEPT + 1)]


def test_a_short_file_is_left_as_it_is(path):
    with opened(path) as log:
        log.write(b"a line\n")

    assert not rotate(path)
    assert old_files(path) == []


def test_a_process_that_prints_elsewhere_renames_nothing(path, tmp_path):
    with opened(path) as log:
        log.truncate(MOST + 1)
    with (tmp_path / "elsewhere").open("wb") as elsewhere:
        assert writer(path, "one", stdout=elsewhere, stderr=elsewhere).wait(60) == 0

    assert len((tmp_path / "elsewhere").read_text().splitlines()) == LINES
    assert old_files(path) == []


def test_it_need_not_be_there(path):
    keep_short(path)

    assert not path.exists()


def test_a_runner_that_is_started_begins_a_new_file_where_the_old_one_is_too_long(path, tmp_path):
    with opened(path) as log:
        log.truncate(MOST_BYTES + 1)
    watching = Supervisor(Settings(home=tmp_path))
    watching.command = [sys.executable, "-c", "print('a line', flush=True); raise SystemExit"]

    watching.start()
    eventually(lambda: path.exists() and path.read_text() == "a line\n", what="the new file has the line")
    watching.stop()

    assert old(path, 1).stat().st_size == MOST_BYTES + 1
