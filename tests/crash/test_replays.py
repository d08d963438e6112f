"""kill -9 of the runner in the middle of a replay: each session is made anew once, with its correction, as if nothing had happened."""

import csv
import io
import random
import signal
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.market.daily_file import lines_of
from engine.services import Replay, Services
from storage import dead_letters, lake, runs
from storage.dead_letters import Letter
from storage.status import LetterKind
from tests.crash.runners import PIPELINE, Home, open_home

SINCE, UNTIL = date(2025, 6, 1), date(2025, 6, 26)
LINE, KILLS = 9, 4


def _corrected(content: bytes) -> bytes:
    """Return line 9 with one trade more than it has."""
    found = lines_of(content, "file", [1, LINE])
    header, cells = (next(csv.reader([found[number].decode("utf-8-sig")])) for number in (1, LINE))
    place = header.index("Trans.")
    cells[place] = str(int(float(cells[place].replace(",", ""))) + 1)
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue().encode()


def _with_letters(folder: Path) -> tuple[Home, list[int]]:
    """Make a home that has taken some weeks, with a corrected letter of each session."""
    home = open_home(folder)
    services = Services(home.runtime, actor="test")
    services.backfill(PIPELINE, SINCE, UNTIL)
    runner = home.runner()
    home.until(home.over, seconds=60)
    runner.terminate()
    runner.wait()
    made = []
    for row in home.rows("SELECT id FROM run WHERE verdict = 'session' ORDER BY partition"):
        with home.runtime.database.transaction() as connection:
            run = runs.one(connection, row["id"])
            content = home.runtime.lake.read_bytes(lake.current(connection, "bronze", run["partition"]))
            raw = lines_of(content, "file", [LINE])[LINE]
            letter = Letter(LetterKind.ROW, LINE, None, "trial", None, "for a test", raw, None, run["session_date"], "quality")
            file = (run["source_sha256"], run["source_file"])
            dead_letters.record(connection, run, *file, [letter], at=home.runtime.clock.now(), blocked=False)
        made.append(int(home.one("SELECT id FROM dead_letter WHERE partition = :day AND line = 9", day=str(run["partition"]))))
        services.edit_letter(made[-1], _corrected(content))
    return home, made


def _replay(home: Home, letters: list[int]) -> Replay:
    return Services(home.runtime, actor="test").replay_letters(letters, request_key="k")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Mapping[str, Any]:
    """What the replay makes when nobody kills anything."""
    home, letters = _with_letters(tmp_path_factory.mktemp("undisturbed") / "home")
    _replay(home, letters)
    home.runner()
    home.until(home.over, seconds=60)
    home.close()
    return home.contents(SINCE, UNTIL)


def test_a_replay_whose_runner_is_killed_makes_each_session_once(tmp_path, undisturbed):
    home, letters = _with_letters(tmp_path / "home")
    before = home.contents(SINCE, UNTIL)
    asked, chance = _replay(home, letters), random.Random(5)  # noqa: S311, the same kills in every run of the test
    for _ in range(KILLS):
        runner = home.runner()
        home.until(lambda pid=runner.pid: home.held_by(pid) or home.over())
        time.sleep(chance.uniform(0, 0.3))
        runner.send_signal(signal.SIGKILL)
        runner.wait()
        assert _replay(home, letters).backfill_id == asked.backfill_id  # a person who sees nothing happen asks again
    home.runner()
    home.until(home.over, seconds=60)
    found = home.contents(SINCE, UNTIL)
    home.close()

    assert {name: found[name] == undisturbed[name] for name in found} == dict.fromkeys(found, True)
    assert found["sessions"] != before["sessions"]
    assert home.one("SELECT count(*) FROM run WHERE run_type = 'replay' AND status = 'succeeded'") == len(letters)
    assert home.one("SELECT count(*) FROM run WHERE run_type = 'replay'") == len(letters)
    assert home.rows("SELECT run_id, stage FROM stage_run WHERE status = 'succeeded' GROUP BY run_id, stage HAVING count(*) > 1") == []
    assert home.one("SELECT count(*) FROM run_event WHERE name = 'run_rescued'") > 0
    assert home.rows("SELECT line FROM dead_letter GROUP BY partition, source_sha256, line HAVING count(*) > 1") == []
    assert home.rows("SELECT dataset, partition FROM lake_file WHERE is_current GROUP BY dataset, partition HAVING count(*) > 1") == []
