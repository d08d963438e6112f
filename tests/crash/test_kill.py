"""A backfill command that is killed with its runner goes on when it is given again: the lake is the one that an undisturbed one makes."""

from datetime import date

from engine.settings import SourceName
from tests.crash import daily_files
from tests.crash.runners import PIPELINE, Home, open_home
from tests.pipelines.house import House

SINCE, UNTIL = date(2023, 1, 1), date(2023, 2, 4)
ASKED = ("backfill", PIPELINE, "--since", str(SINCE), "--until", str(UNTIL), "--wait", "--json")


def test_a_backfill_command_that_is_killed_goes_on_when_it_is_given_again(tmp_path):
    daily_files.write(tmp_path / "source", SINCE, UNTIL)
    home = open_home(tmp_path / "home", source=SourceName.FILES, source_dir=tmp_path / "source")
    undisturbed = House(tmp_path / "undisturbed", source=tmp_path / "source")
    undisturbed.backfill(SINCE, UNTIL)
    undisturbed.runtime.database.close()
    peaceful = Home(undisturbed.settings)
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
