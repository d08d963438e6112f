"""A backfill command that is killed with its runner goes on when it is given again: the lake is the one that an undisturbed one makes."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from engine.rebuild import rebuild_gold
from engine.settings import SourceName
from tests.crash import daily_files
from tests.crash.runners import PIPELINE, Home, open_home
from tests.pipelines.house import House

SINCE, UNTIL = date(2023, 1, 1), date(2023, 2, 4)
ENDED = "SELECT count(*) FROM run WHERE status IN ('succeeded', 'skipped')"
ASKED = ("backfill", PIPELINE, "--since", str(SINCE), "--until", str(UNTIL), "--wait", "--json")

BEFORE = date(2023, 1, 14)  # a Saturday, without a session: what it leaves behind is carried by a run of its own
PAST = ("backfill", PIPELINE, "--since", str(SINCE), "--until", str(BEFORE), "--wait", "--json")
SERVED = ("silver", "gold", "feature_state", "prices", "sessions")


def homes(folder: Path) -> tuple[Home, Home]:
    """Return an empty home over files of the whole span, and one into which nobody disturbed their backfill."""
    daily_files.write(folder / "source", SINCE, UNTIL)
    home = open_home(folder / "home", source=SourceName.FILES, source_dir=folder / "source")
    undisturbed = House(folder / "undisturbed", source=folder / "source")
    undisturbed.backfill(SINCE, UNTIL)
    undisturbed.runtime.database.close()
    return home, Home(undisturbed.settings)


def test_a_backfill_command_that_is_killed_goes_on_when_it_is_given_again(tmp_path):
    home, peaceful = homes(tmp_path)
    first = home.command(*ASKED)
    home.until(lambda: home.one("SELECT count(*) FROM run WHERE status IN ('succeeded', 'skipped')") > 4, seconds=120)
    first.kill()
    first.wait()
    left = home.one("SELECT count(*) FROM run WHERE status IN ('queued', 'running')")
    code = home.command(*ASKED).wait(120)
    found, wanted = home.contents(SINCE, UNTIL), peaceful.contents(SINCE, UNTIL)
    runs = home.one("SELECT count(*) FROM run WHERE status IN ('succeeded', 'skipped')")
    home.close()
    peaceful.close()

    assert (code, left > 0) == (0, True)
    assert found == wanted
    assert runs == (UNTIL - SINCE).days + 1


@pytest.mark.parametrize("killed_after", [2, 9, 13])
def test_a_backfill_of_the_past_that_is_killed_leaves_no_session_with_the_gold_of_before(tmp_path, killed_after):
    home, peaceful = homes(tmp_path)
    newest = ("backfill", PIPELINE, "--since", str(BEFORE + timedelta(days=1)), "--until", str(UNTIL), "--wait", "--json")
    begun = home.command(*newest).wait(240)
    done = home.one(ENDED)
    first = home.command(*PAST)
    home.until(lambda: home.one(ENDED) >= done + killed_after, seconds=240)
    first.kill()
    first.wait()
    checked = rebuild_gold(home.runtime, publish=False)
    wrong, waiting = checked["differing_sessions"], checked["waiting_sessions"]
    code = home.command(*PAST).wait(240)
    left = home.one("SELECT count(*) FROM trading_session WHERE state_digest IS NULL")
    mended = rebuild_gold(home.runtime, publish=False)["differing_sessions"]
    # How the first file of all is judged, and what is found in it, depends on what was there; what is served does not.
    found, wanted = ({name: one.contents(SINCE, UNTIL)[name] for name in SERVED} for one in (home, peaceful))
    home.close()
    peaceful.close()

    assert (begun, code) == (0, 0)
    assert wrong <= waiting
    assert (left, mended) == (0, 0)
    assert found == wanted
