"""Runner processes die, hang, are told to stop and lose their parents; their runs come to their end all the same."""

import os
import signal
import subprocess
import time
from datetime import UTC, date, datetime
from statistics import median

import pytest

from engine.pipeline import supervisor
from engine.pipeline.rescue import MOST_RESCUES
from engine.pipeline.supervisor import Supervisor
from storage import moves
from storage.status import RunType
from tests.crash.runners import Home
from tests.forked import Forked

DAY = date(2025, 6, 1)
KILLED, TERMINATED = -signal.SIGKILL, 128 + signal.SIGTERM


def _queue(home: Home) -> int:
    with home.runtime.database.transaction() as connection:
        asked = {"run_type": RunType.MANUAL, "requested_by": "a person", "priority": 0}
        return moves.add(connection, at=datetime(2025, 6, 1, tzinfo=UTC), pipeline="trial", partition=DAY, **asked)


def _entered(home: Home, runner: Forked) -> bool:
    return (home.settings.home / f"entered-{runner.pid}").exists()


def _open(home: Home) -> None:
    (home.settings.home / "open").touch()


def _status(home: Home, run_id: int) -> str:
    return str(home.one("SELECT status FROM run WHERE id = :id", id=run_id))


def _stages(home: Home, run_id: int) -> list[tuple[str, str]]:
    rows = home.rows("SELECT stage, status FROM stage_run WHERE run_id = :id ORDER BY position, id", id=run_id)
    return [(row["stage"], row["status"]) for row in rows]


def _events(home: Home, run_id: int) -> list[str]:
    return [row["name"] for row in home.rows("SELECT name FROM run_event WHERE run_id = :id ORDER BY id", id=run_id)]


@pytest.fixture
def run_id(home) -> int:
    return _queue(home)


def test_the_run_of_a_killed_runner_goes_on_elsewhere_within_moments(home, run_id):
    runner, took = home.trial_runner(), []
    for rescued in range(2):
        home.until(lambda runner=runner: _entered(home, runner))
        other = home.trial_runner()
        home.until(lambda pid=other.pid: home.registered(pid))
        began = time.monotonic()
        runner.send_signal(signal.SIGKILL)
        home.until(lambda times=rescued: _events(home, run_id).count("run_rescued") > times)
        took.append(time.monotonic() - began)
        runner = other
    _open(home)
    home.until(home.over)

    print(f"rescued {median(took):.2f} s after kill -9 in the median, {max(took):.2f} s at most")  # noqa: T201, the figure of the test
    assert max(took) < 10
    assert _status(home, run_id) == "succeeded"
    assert _stages(home, run_id) == [("first", "succeeded"), *[("second", "crashed")] * 2, ("second", "succeeded"), ("third", "succeeded")]


def test_a_runner_that_starts_alone_finds_what_a_killed_one_left(home, run_id):
    first = home.trial_runner()
    home.until(lambda: _entered(home, first))
    first.kill()
    first.wait()
    _open(home)
    home.trial_runner()
    home.until(home.over)

    assert _status(home, run_id) == "succeeded"
    assert _stages(home, run_id).count(("first", "succeeded")) == 1


def test_a_runner_that_hung_commits_nothing_when_it_wakes_up(home, run_id, monkeypatch):
    monkeypatch.setenv("TRIAL_SILENCE", "0.8")
    hung = home.trial_runner()
    home.until(lambda: _entered(home, hung))
    hung.send_signal(signal.SIGSTOP)
    home.trial_runner()
    home.until(lambda: "run_rescued" in _events(home, run_id))
    _open(home)
    home.until(home.over)
    stages, events = _stages(home, run_id), _events(home, run_id)
    hung.send_signal(signal.SIGCONT)
    home.until(lambda: home.registered(hung.pid))  # it beats again, so it is past its stage's end soon
    hung.terminate()

    assert hung.wait(20) == TERMINATED
    assert (_stages(home, run_id), _events(home, run_id)) == (stages, events)
    assert stages == [("first", "succeeded"), ("second", "crashed"), ("second", "succeeded"), ("third", "succeeded")]


def test_a_run_that_kills_every_runner_ends_as_crashed(home, run_id):
    with home.runtime.database.transaction() as connection:
        moves.note(connection, run_id, rescues=MOST_RESCUES)  # it has killed that many already
    (home.settings.home / "poison").touch()
    for _ in range(2):  # the first stage is finished, which earns it one more
        assert home.trial_runner().wait(20) == KILLED
    healthy = home.trial_runner()
    home.until(home.over)

    assert _status(home, run_id) == "crashed"
    assert healthy.poll() is None
    assert _stages(home, run_id) == [("first", "succeeded"), *[("second", "crashed")] * 2]


def test_a_runner_that_is_told_to_stop_gives_its_run_back_behind_its_stage(home, run_id):
    runner = home.trial_runner()
    home.until(lambda: _entered(home, runner))
    runner.terminate()
    _open(home)

    assert runner.wait(20) == TERMINATED
    assert _status(home, run_id) == "queued"
    assert _events(home, run_id)[-1] == "run_handed_back"
    assert _stages(home, run_id) == [("first", "succeeded"), ("second", "succeeded")]
    assert home.rows("SELECT id FROM runner WHERE stopped_at IS NULL") == []
    assert list((home.settings.home / "runners").iterdir()) == []


def test_a_runner_that_is_told_to_stop_while_it_reads_a_file_fails_no_run(home, run_id):
    (home.settings.home / "read").touch()
    runner = home.trial_runner()
    home.until((home.settings.home / "read-once").exists)
    runner.terminate()
    _open(home)

    assert runner.wait(60) == TERMINATED
    assert _status(home, run_id) == "queued"


def test_an_idle_runner_that_is_told_to_stop_ends_at_once(home):
    runner = home.trial_runner()
    home.until(lambda: home.registered(runner.pid))
    runner.terminate()

    assert runner.wait(5) == TERMINATED
    assert home.rows("SELECT id FROM runner WHERE stopped_at IS NULL") == []


def test_a_person_s_cancel_reaches_a_stage_that_runs_in_another_process(home, run_id):
    runner = home.trial_runner()
    home.until(lambda: _entered(home, runner))
    with home.runtime.database.transaction() as connection:
        moves.request_cancel(connection, run_id)
    home.until(home.over)

    assert _status(home, run_id) == "cancelled"
    assert runner.poll() is None


def test_a_runner_ends_when_its_parent_is_gone(home):
    parent = subprocess.Popen(["sleep", "60"])
    home.processes.append(parent)
    runner = home.trial_runner("--parent-pid", str(parent.pid))
    home.until(lambda: home.registered(runner.pid))
    parent.kill()
    parent.wait()

    assert runner.wait(10) == 0
    assert home.rows("SELECT id FROM runner WHERE stopped_at IS NULL") == []


def test_a_database_that_is_locked_for_long_neither_ends_a_runner_nor_loses_its_run(home, run_id, monkeypatch):
    monkeypatch.setenv("TRIAL_BUSY", "0.2")
    runner = home.trial_runner()
    home.until(lambda: _entered(home, runner))
    with home.runtime.database.transaction():
        _open(home)
        home.until(lambda: "job_put_off" in home.log() and "_turn" in home.log())
    home.until(home.over)

    assert _status(home, run_id) == "succeeded"
    assert runner.poll() is None
    assert "run_handed_back" in _events(home, run_id)
    assert "Traceback" not in home.log()


@pytest.fixture
def watched(home, monkeypatch):
    monkeypatch.setattr(supervisor, "FIRST_WAIT", 0.01)
    watching = Supervisor(home.settings)
    watching.start()
    yield watching
    watching.stop()


def test_a_supervisor_starts_a_runner_again_however_it_ended_and_leaves_none_when_it_is_stopped(home, watched):
    first = home.until(lambda: watched.pid)
    home.until(lambda: home.registered(first))
    os.kill(first, signal.SIGKILL)
    second = home.until(lambda: watched.pid if watched.pid != first else None)
    home.until(lambda: home.registered(second))
    os.kill(second, signal.SIGTERM)  # somebody else told it to stop
    third = home.until(lambda: watched.pid if watched.pid not in (None, second) else None)
    watched.stop()

    assert watched.pid is None
    for pid in (first, second, third):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_supervisor_that_is_stopped_at_once_leaves_no_process(home):
    watching = Supervisor(home.settings)
    watching.start()
    watching.stop()

    assert watching.pid is None
