"""A backup becomes a home again, somewhere else, that goes on as if nothing had happened; or nothing at all is left."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from shutil import copytree, rmtree

import pytest

from engine.backup import manifest
from engine.backup.restore import restore
from engine.errors import BackupError, UsageError
from tests.backup.damage import WAYS, flip
from tests.forked import script
from tests.pipelines.house import DAILY, SUNDAY, House
from tests.shell import REPOSITORY, environment, forked, inside, one_sentence, run, said

LAST = SUNDAY + timedelta(days=6)


@pytest.fixture
def apart(saved, week, tmp_path):
    """The backup on another machine: a copy, and the home that it was made of is gone."""
    folder = copytree(saved.folder, tmp_path / "another machine" / saved.folder.name)
    before = week.lake_content(), week.prices()
    week.runtime.database.close()
    rmtree(week.settings.home)
    return folder, before


def opened(root, week) -> House:
    return House(root, week.source)


def test_a_restored_home_holds_what_was_there(apart, week, tmp_path):
    backup, before = apart
    restored = restore(backup, tmp_path / "new" / "home")
    house = opened(tmp_path / "new", week)

    assert (house.lake_content(), house.prices()) == before
    assert restored.left_out == restored.inspection.faults == ()
    assert restored.manifest.sessions == 5
    house.runtime.database.close()


def test_a_restored_home_goes_on(apart, week, tmp_path):
    backup, before = apart
    restore(backup, tmp_path / "new" / "home")
    house = opened(tmp_path / "new", week)
    house.backfill(SUNDAY, LAST)
    catalog = house.catalog()
    again = house.run(SUNDAY)
    same = house.lake_content(), house.prices()
    house.session(SUNDAY + timedelta(days=7), 5)
    next_day = house.run(SUNDAY + timedelta(days=7))

    assert same == before
    assert (again["status"], again["outcome"]) == ("succeeded", "unchanged")
    assert len(house.catalog()) > len(catalog)
    assert (next_day["status"], next_day["outcome"]) == ("succeeded", "loaded")
    house.runtime.database.close()


def test_a_restored_home_shares_no_file_with_the_backup(saved, tmp_path):
    restore(saved.folder, tmp_path / "home")

    shared = {file.stat().st_ino for file in (tmp_path / "home").rglob("*")} & {file.stat().st_ino for file in saved.folder.rglob("*")}
    assert shared == set()


@pytest.mark.parametrize("there", ["a file in it", "a file of that name"])
def test_nothing_is_restored_over_anything(saved, tmp_path, there):
    home = tmp_path / "home"
    if there == "a file in it":
        home.mkdir()
        (home / "precious").write_text("yes")
    else:
        home.write_text("yes")

    with pytest.raises(UsageError, match="never restored over something"):
        restore(saved.folder, home)
    assert (home / "precious" if home.is_dir() else home).read_text() == "yes"


def test_an_empty_folder_is_as_good_as_none(saved, tmp_path):
    (tmp_path / "home").mkdir()

    assert restore(saved.folder, tmp_path / "home").inspection.faults == ()


def test_a_newer_schema_is_refused(saved, tmp_path):
    made = manifest.read(saved.folder)
    values = {name: getattr(made, name) for name in made.__slots__}
    manifest.write(saved.folder, type(made)(**values | {"schema": "9999"}))

    with pytest.raises(BackupError, match=r"schema 9999, and this version of the product knows up to .* newer one"):
        restore(saved.folder, tmp_path / "home")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", ["lake", "console.db", "identity"])
def test_a_damaged_backup_is_refused_and_leaves_nothing(way, what, apart, tmp_path):
    backup, _ = apart
    file = {"lake": next((backup / "lake" / "silver").rglob("*.parquet")), "console.db": backup / "console.db"}
    WAYS[way](file.get(what, backup / "lake" / "identity"))

    with pytest.raises(BackupError, match="is damaged"):
        restore(backup, tmp_path / "new" / "home")
    assert list((tmp_path / "new").iterdir()) == []


def test_what_is_whole_of_a_damaged_backup_can_be_salvaged(apart, week, tmp_path):
    backup, _ = apart
    hurt = next((backup / "lake" / "gold").rglob("*.parquet"))
    flip(hurt)
    restored = restore(backup, tmp_path / "new" / "home", salvage=True)
    house = opened(tmp_path / "new", week)
    rebuilt = house.services.request_job("rebuild_gold")

    assert [fault.path for fault in restored.left_out] == [str(hurt.relative_to(backup))]
    assert house.accepted() == [SUNDAY + timedelta(days=n) for n in range(5)]
    assert rebuilt.startswith("Rebuild gold is queued")
    house.runtime.database.close()


def test_a_database_that_is_damaged_cannot_be_salvaged(apart, tmp_path):
    backup, _ = apart
    flip(backup / "console.db")

    with pytest.raises(BackupError, match=r"console\.db"):
        restore(backup, tmp_path / "home", salvage=True)


def test_a_mounted_disk_is_refused_with_what_to_do(saved, tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr("pathlib.Path.is_mount", lambda _path: True)

    with pytest.raises(UsageError, match="restore into a folder inside it"):
        restore(saved.folder, tmp_path / "disk")


KILLED = """
import os, pathlib, signal, sys
from engine.backup.restore import restore

backup, home, what, left = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
def dying(call):
    def wrapped(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    return wrapped
owner = pathlib.Path if what == "rename" else os
setattr(owner, what, dying(getattr(owner, what)))
restore(pathlib.Path(backup), pathlib.Path(home))
"""


@pytest.mark.parametrize(("what", "left"), [("mkdir", 5), ("sync", 1), ("fsync", 1), ("fsync", 9), ("rename", 1)], ids=str)
def test_a_restore_that_is_killed_leaves_no_home_and_the_next_one_succeeds(saved, tmp_path, what, left):
    home = tmp_path / "new" / "home"
    killed = script(KILLED, str(saved.folder), str(home), what, str(left), environment=os.environ).wait(60)
    left_behind = home.exists()
    restore(saved.folder, home)

    assert killed == -signal.SIGKILL
    assert not left_behind
    assert [path.name for path in home.parent.iterdir()] == ["home"]


def test_the_command_line_goes_the_whole_way(week, tmp_path, monkeypatch):
    made = said(run(week, "backup", "--json"))
    verified = json.loads(inside(monkeypatch)(week, "verify", "--json").stdout)
    restored = said(run(week, "restore", os.path.basename(made["backup"]), "--to", str(tmp_path / "new"), "--json"))  # noqa: PTH119
    other = environment(week) | {"NEPSE_HOME": str(tmp_path / "new")}
    sessions = subprocess.run(
        [sys.executable, "-m", "engine", "backfill", DAILY, "--since", str(SUNDAY), "--until", str(LAST), "--wait", "--json"],
        cwd=REPOSITORY,
        env=other,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert (verified["wrong"], verified["files"]) == (0, made["files"])
    assert restored["start_with"].startswith(f"NEPSE_HOME={tmp_path / 'new'} ")
    assert '"loaded": 0' in sessions
    assert '"already_done": 7' in sessions


def test_a_damaged_file_of_the_home_ends_the_command_with_1_and_its_name(week, monkeypatch):
    hurt = next((week.settings.lake / "silver").rglob("*.parquet"))
    flip(hurt)
    done = inside(monkeypatch)(week, "verify", "--home", "--json")

    assert done.exit_code == 1
    assert str(hurt.relative_to(week.settings.lake)) in done.stdout
    assert "sha256 differs" in done.stderr


def test_a_backup_that_is_not_there_is_one_sentence(week):
    assert "there is no backup" in one_sentence(forked(week, "verify", "nowhere"))
