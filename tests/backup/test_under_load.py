"""Backups while a runner backfills in another process: each is consistent, and each becomes a home that goes on."""

from datetime import date
from pathlib import Path

from engine.backup.inspection import inspect_backup
from engine.backup.restore import restore
from engine.backup.snapshot import take
from engine.services import Services
from tests.crash.runners import PIPELINE, Home, open_home

SINCE, UNTIL = date(2025, 5, 1), date(2025, 6, 19)
BACKUPS = 10


def _go_on(folder: Path) -> dict[str, int]:
    """Work a restored home to the end of its backfill, and ask for the range again; return what that left."""
    home: Home = open_home(folder)
    home.runner()
    home.until(home.over, seconds=120)
    Services(home.runtime, actor="test").backfill(PIPELINE, SINCE, UNTIL)
    home.until(home.over, seconds=120)
    found = home.contents(SINCE, UNTIL)
    home.close()
    return found


def test_each_of_ten_backups_of_a_home_at_work_is_consistent_and_one_is_worked_to_the_same_end(home, tmp_path):
    Services(home.runtime, actor="test").backfill(PIPELINE, SINCE, UNTIL)
    home.runner()
    made, done = [], 0
    for _ in range(BACKUPS):  # each while the runner is further than at the one before
        home.until(lambda before=done: home.one("SELECT count(*) FROM stage_run WHERE status = 'succeeded'") > before)
        done = home.one("SELECT count(*) FROM stage_run WHERE status = 'succeeded'")
        made.append(take(home.runtime, tmp_path / "backups"))
    at_work = not home.over()
    home.until(home.over, seconds=120)
    faults = [fault for taken in made for fault in inspect_backup(taken.folder).faults]
    restored = [restore(taken.folder, tmp_path / f"home {number}") for number, taken in enumerate(made)]
    whole = home.contents(SINCE, UNTIL)

    print(f"{len(made)} backups beside a backfill, slowest {max(taken.seconds for taken in made):.2f} s")  # noqa: T201, the figure of the test
    assert at_work
    assert faults == []
    assert len({len(taken.manifest.files) for taken in made}) > 1
    assert [one.inspection.faults for one in restored] == [()] * BACKUPS
    assert _go_on(restored[3].home) == whole
