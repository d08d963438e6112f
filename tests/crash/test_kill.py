"""kill -9 at any instant loses nothing and doubles nothing: the lake is the one that an undisturbed backfill makes."""

import random
import signal
import time
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from engine.services import Services
from engine.settings import SourceName
from tests.crash.runners import PIPELINE, Home, open_home

SINCE, UNTIL = date(2024, 3, 4), date(2024, 5, 31)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, real_data) -> Mapping[str, Any]:
    """What a backfill of the range makes when nobody kills anything."""
    home = open_home(tmp_path_factory.mktemp("undisturbed"), source=SourceName.FILES, source_dir=real_data)
    Services(home.runtime, actor="test").backfill(PIPELINE, SINCE, UNTIL)
    home.runner()
    home.until(home.over, seconds=60)
    home.close()
    return home.contents(SINCE, UNTIL)


def _kill_at_random(home: Home, kills: int, seed: int) -> int:
    """Kill the runner at instants that are uniform in time while it works, `kills` times or until all is done; return how often."""
    chance = random.Random(seed)  # noqa: S311, the same kills in every run of the test
    for number in range(kills):
        runner = home.runner()
        home.until(lambda pid=runner.pid: home.held_by(pid) or home.over())
        time.sleep(chance.uniform(0, 0.6))
        runner.send_signal(signal.SIGKILL)
        runner.wait()
        if home.over():
            return number + 1
    return kills


def _check(home: Home, undisturbed: Mapping[str, Any]) -> None:
    dates = (UNTIL - SINCE).days + 1
    found = home.contents(SINCE, UNTIL)
    for name, content in undisturbed.items():
        assert found[name] == content, name
    assert home.one("SELECT count(*) FROM run") == dates
    assert home.rows("SELECT status FROM run WHERE status NOT IN ('succeeded', 'skipped')") == []
    assert home.rows("SELECT run_id, stage FROM stage_run WHERE status = 'succeeded' GROUP BY run_id, stage HAVING count(*) > 1") == []
    assert home.rows("SELECT run_id, status FROM stage_run WHERE status = 'running'") == []
    assert home.rows("SELECT dataset, partition FROM lake_file WHERE is_current GROUP BY dataset, partition HAVING count(*) > 1") == []
    assert home.one("PRAGMA integrity_check") == "ok"
    assert home.one("SELECT sum(runs) FROM run_daily") == dates
    assert not [file for file in home.settings.lake.rglob("*.tmp") if _is_current(home, file)]


def _is_current(home: Home, file) -> bool:
    path = str(file.relative_to(home.settings.lake))
    return bool(home.one("SELECT count(*) FROM lake_file WHERE path = :path", path=path))


def _backfill_under_fire(home: Home, kills: int, seed: int) -> None:
    Services(home.runtime, actor="test").backfill(PIPELINE, SINCE, UNTIL)
    killed = _kill_at_random(home, kills, seed)
    home.runner()
    home.until(home.over, seconds=60)
    rescues = home.one("SELECT count(*) FROM run_event WHERE name = 'run_rescued'")
    print(f"{killed} kills, {rescues} runs rescued")  # noqa: T201, the figure of the test
    assert rescues > 0


@pytest.fixture
def files(tmp_path, real_data):
    made = open_home(tmp_path / "home", source=SourceName.FILES, source_dir=real_data)
    yield made
    made.close()


def test_a_backfill_that_is_killed_again_and_again_makes_the_same_lake(files, undisturbed):
    _backfill_under_fire(files, kills=6, seed=11)

    _check(files, undisturbed)


def test_a_backfill_command_that_is_killed_goes_on_when_it_is_given_again(files, undisturbed):
    asked = ("backfill", PIPELINE, "--since", str(SINCE), "--until", str(UNTIL), "--wait", "--json")
    first = files.command(*asked)
    files.until(lambda: files.one("SELECT count(*) FROM run WHERE status IN ('succeeded', 'skipped')") > 4)
    first.kill()
    first.wait()
    left = files.one("SELECT count(*) FROM run WHERE status IN ('queued', 'running')")
    second = files.command(*asked)

    assert second.wait(60) == 0
    assert left > 0
    _check(files, undisturbed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_kills_make_the_same_lake(files, undisturbed, seed):
    _backfill_under_fire(files, kills=10, seed=seed)

    _check(files, undisturbed)
