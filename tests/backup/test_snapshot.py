"""What a backup holds, what it costs, and what becomes of it when something is wrong."""

import json
import os
import signal
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from engine.backup import manifest, shelf, snapshot
from engine.backup.inspection import inspect_backup
from engine.backup.snapshot import take
from engine.errors import BackupError, NoSpace, UsageError
from storage.aside import aside
from storage.migrate import HEAD
from tests.backup.damage import flip
from tests.forked import script
from tests.pipelines.house import SUNDAY, House
from tests.shell import environment
from tests.storage.databases import empty_database


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_manifest_says_what_is_in_the_backup_and_of_when(week, saved):
    told = json.loads((saved.folder / manifest.NAME).read_bytes())

    assert saved.folder.name == "20260105T060000Z"
    assert (told["taken_at"], told["schema"], told["source"], told["simulated"]) == ("2026-01-05T06:00:00+00:00", HEAD, "files", False)
    assert told["counts"] == {"files": len(told["files"]), "bytes": sum(entry["bytes"] for entry in told["files"])}
    assert (told["sessions"], told["runs"]) == (5, 7)
    assert {entry["path"] for entry in told["files"]} == {
        str(file.relative_to(saved.folder)) for file in saved.folder.rglob("*") if file.is_file() and file.name != manifest.NAME
    }


def test_lake_files_on_the_same_disk_are_linked(week, saved):
    file = next((saved.folder / "lake" / "silver").rglob("*.parquet"))

    assert saved.copied == 0
    assert file.stat().st_ino == (week.settings.home / file.relative_to(saved.folder)).stat().st_ino


def test_where_no_link_is_possible_files_are_copied_once_and_linked_from_the_backup_before(week, monkeypatch):
    lake, link = week.settings.lake, os.link

    def across_disks(source, target):
        if Path(source).is_relative_to(lake):
            raise OSError(18, "Invalid cross-device link")
        link(source, target)

    monkeypatch.setattr(os, "link", across_disks)
    first, second = (take(week.runtime, week.settings.backups) for _ in range(2))

    assert (first.linked, first.copied) == (0, len(first.manifest.files) - 2)
    assert (second.linked, second.copied) == (first.copied, 0)
    assert second.new_bytes < first.new_bytes
    assert inspect_backup(second.folder).faults == ()


def test_a_file_that_the_lake_has_lost_comes_from_the_backup_before(week, saved):
    lost = next((week.settings.lake / "gold").rglob("*.parquet"))
    lost.unlink()
    again = take(week.runtime, week.settings.backups)

    assert again.manifest.lost == ()
    assert inspect_backup(again.folder).faults == ()


def test_a_file_that_is_nowhere_is_told_and_the_rest_is_saved(week, job):
    lost = next((week.settings.lake / "gold").rglob("*.parquet"))
    lost.unlink()
    ended = job("backup")
    found = inspect_backup(Path(ended["figures"]["backup"]))

    assert (ended["outcome"], ended["figures"]["lost"]) == ("failed", [str(lost.relative_to(week.settings.lake))])
    assert [fault.what for fault in found.faults] == ["was lost before the backup was made"]


def test_a_damaged_file_is_never_copied(week, monkeypatch):
    hurt = next((week.settings.lake / "gold").rglob("*.parquet"))
    flip(hurt)
    monkeypatch.setattr(os, "link", lambda *_files: (_ for _ in ()).throw(OSError(1, "Operation not permitted")))

    assert take(week.runtime, week.settings.backups).manifest.lost == (str(hurt.relative_to(week.settings.lake)),)


def test_the_newest_are_kept_and_the_last_verified_one(week):
    made = []
    for _ in range(5):
        made.append(take(week.runtime, week.settings.backups).folder)
        week.clock.advance(timedelta(minutes=15))
    shelf.mark_verified(made[0], week.clock.now())
    shelf.mark_verified(made[1], week.clock.now())
    removed = shelf.prune(week.settings.backups, keep=2)

    assert removed == [made[2].name, made[0].name]
    assert names(week.settings.backups) == [made[1].name, made[3].name, made[4].name]


def test_a_backup_that_is_read_is_not_removed(week):
    made = [take(week.runtime, week.settings.backups).folder for _ in range(2)]
    with shelf.held(made[0]):
        held = shelf.prune(week.settings.backups, keep=1)

    assert held == []
    assert shelf.prune(week.settings.backups, keep=1) == [made[0].name]


def test_two_backups_of_one_second_stand_beside_each_other(week):
    made = [take(week.runtime, week.settings.backups).folder.name for _ in range(11)]

    assert made[-1] == "20260105T060000Z-11"
    assert [backup.name for backup in shelf.backups(week.settings.backups)] == made[::-1]


def test_a_disk_with_too_little_room_is_refused_before_anything_is_written(week, monkeypatch):
    monkeypatch.setattr(snapshot, "free_bytes", lambda _folder: 1_000_000)

    with pytest.raises(NoSpace, match=r"a backup needs .* nothing was written"):
        take(week.runtime, week.settings.backups)
    assert names(week.settings.backups) == []


@pytest.fixture(params=["300k", "560k"], ids=["no room for the database", "no room for the lake"])
def small_disk(request, tmp_path):
    """A disk that is smaller than the backup."""
    folder = tmp_path / "small"
    folder.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={request.param}", "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_up_leaves_no_half_backup(week, small_disk, monkeypatch):
    monkeypatch.setattr(snapshot, "_refuse_a_full_disk", lambda *_: None)

    with pytest.raises(NoSpace, match="is full; no backup was made"):
        take(week.runtime, small_disk / "backups")
    assert names(small_disk / "backups") == []


def test_two_homes_do_not_share_a_folder_of_backups(week, saved, tmp_path):
    other = House(tmp_path / "other")

    with pytest.raises(UsageError, match="holds backups of another home"):
        take(other.runtime, week.settings.backups)
    other.runtime.database.close()


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(week):
    with pytest.raises(BackupError, match="no backup could be made"):
        take(week.runtime, week.settings.home / "console.db" / "backups")


KILLED = """
import os, signal, sys
from engine.backup.snapshot import take
from engine.backup import shelf
from engine.runtime import runtime

what, left = sys.argv[1], int(sys.argv[2])
def dying(call):
    def wrapped(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    return wrapped
setattr(os, what, dying(getattr(os, what)))
opened = runtime()
take(opened, opened.settings.backups)
shelf.prune(opened.settings.backups, keep=1)
"""
POINTS = [
    ("link", 1),
    ("link", 20),
    ("fsync", 1),
    ("fsync", 2),
    ("fsync", 4),
    ("fsync", 9),
    ("rename", 2),
    ("rename", 3),
    ("unlink", 3),
]


@pytest.mark.parametrize(("what", "left"), POINTS, ids=str)
def test_a_backup_that_is_killed_is_never_taken_for_one(week, saved, what, left):
    killed = script(KILLED, what, str(left), environment=environment(week)).wait(60)
    whole = shelf.backups(week.settings.backups)
    faults = [fault for backup in whole for fault in inspect_backup(backup).faults]
    after = take(week.runtime, week.settings.backups)

    assert killed == -signal.SIGKILL
    assert whole
    assert faults == []
    assert [name for name in names(week.settings.backups) if name.startswith(".")] == []
    assert inspect_backup(after.folder).faults == ()


def test_what_another_one_is_making_is_not_swept_away(week):
    with aside(week.settings.backups / "20990101T000000Z") as folder:
        (folder / "file").write_text("in the making")
        take(week.runtime, week.settings.backups)

        assert (folder / "file").exists()


def test_a_server_is_refused_with_what_to_do_and_its_lake_alone_is_saved(tmp_path):
    with empty_database("postgresql", tmp_path) as url:
        house = House(tmp_path / "house")
        house.runtime.database.close()
        house.settings = house.settings.model_copy(update={"database_url": url})
        house.restart()
        house.session(SUNDAY, 0)
        house.run(SUNDAY)
        with pytest.raises(UsageError, match="pg_dump first, then `python -m engine backup --lake-only`"):
            take(house.runtime, house.settings.backups)
        taken = take(house.runtime, house.settings.backups, lake_only=True)
        found = inspect_backup(taken.folder)
        house.runtime.database.close()

    assert found.faults == ()
    assert (taken.manifest.lake_only, taken.manifest.sessions) == (True, 1)
    assert not (taken.folder / "console.db").exists()
