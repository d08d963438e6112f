"""Two tabs, or two processes, that ask for the same at the same instant get the same one thing."""

from datetime import date

import pytest

from engine.clock import FakeClock
from engine.errors import Conflict
from engine.pipelines import PIPELINES
from engine.runtime import compose
from engine.services import Services
from engine.settings import Settings
from storage import runs, thresholds
from tests.pipelines.house import SUNDAY
from tests.services.gate import TRIAL, Gate, letters
from tests.storage.conftest import migrated, url  # noqa: F401, fixtures
from tests.storage.databases import at_once

PROCESSES = 4


@pytest.fixture
def home(url, tmp_path, house, gate):  # noqa: F811, the fixture
    """A home with two letters of a date, on each kind of database."""
    house.settings = Settings(home=tmp_path / "own", source=house.settings.source, source_dir=house.source, database_url=url)
    house.restart()
    gate.failing = {5: b"bad", 6: b"bad too"}
    house.services.run(TRIAL, SUNDAY)
    house.work()
    house.runtime.database.pool.dispose()  # what is opened here must not be shared with other processes
    yield house
    house.runtime.database.close()


def _ask(number: int, settings: Settings, now, what: str, letter: int):
    PIPELINES[TRIAL] = Gate().pipeline()
    runtime = compose(settings, FakeClock(now))
    services = Services(runtime, actor=f"person {number}")
    try:
        return _COMMANDS[what](services, letter)
    except Conflict as error:
        return str(error)
    finally:
        runtime.database.close()


_COMMANDS = {
    "edit_and_replay": lambda services, letter: services.edit_and_replay(letter, "good").run_id,
    "replay": lambda services, letter: services.replay_letters([letter]).submitted.run_id,
    "replay with a key": lambda services, letter: services.replay_letters([letter], request_key="k").submitted.run_id,
    "rerun_changed": lambda services, _: services.rerun_changed(TRIAL, [SUNDAY], request_key="k").backfill_id,
    "discard": lambda services, letter: services.discard_letters([letter], reason="no"),
    "threshold": lambda services, _: services.set_threshold("gate.block_above", 7, reason="thin days"),
    "threshold with a key": lambda services, _: services.set_threshold("gate.block_above", 7, reason="thin days", request_key="k"),
}


def ask(home, what: str) -> list:
    letter = letters(home)[SUNDAY, 5]["id"]
    home.runtime.database.pool.dispose()
    return at_once(PROCESSES, _ask, home.settings, home.clock.now(), what, letter)


@pytest.mark.parametrize("what", ["edit_and_replay", "replay", "replay with a key", "rerun_changed"])
def test_what_is_asked_at_once_is_queued_once(home, what):
    given = ask(home, what)

    assert len(set(given)) == 1
    assert len(home.read(runs.recent, partition=SUNDAY)) == 2


@pytest.mark.parametrize(("what", "refusal"), [("discard", "nothing to discard"), ("threshold", "is already 7")])
def test_what_can_be_done_once_is_done_by_one_and_the_others_are_told(home, what, refusal):
    given = ask(home, what)

    assert sum(refusal in str(answer) for answer in given) == PROCESSES - 1
    assert len(home.read(thresholds.history)) == (what == "threshold")


def test_a_threshold_that_is_set_at_once_with_one_key_is_one_change(home):
    assert len(set(ask(home, "threshold with a key"))) == 1
    assert len(home.read(thresholds.history)) == 1


def test_the_next_run_applies_the_one_correction(home, gate):
    ask(home, "edit_and_replay")
    home.work()

    assert gate.seen[-1] == {5: b"good"}
    assert [(row["line"], row["state"]) for row in letters(home).values() if row["partition"] == date(2024, 6, 2)] == [
        (6, "open"),
        (5, "edited"),
    ]
