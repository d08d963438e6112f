"""Whatever happens to a file of a backup or of the lake is found."""

import random
from shutil import copytree

import pytest
from sqlalchemy import text

from engine.backup import manifest, shelf
from engine.backup.inspection import inspect_backup, inspect_home
from engine.errors import BackupError
from tests.backup.damage import WAYS, flip, swap


@pytest.fixture
def copied(saved, tmp_path):
    """A backup whose files nobody shares, on a disk of its own."""
    return copytree(saved.folder, tmp_path / "elsewhere" / saved.folder.name)


def lake_files(folder):
    return sorted((folder / "lake").rglob("*.parquet")) + sorted((folder / "lake").rglob("*.csv.gz"))


def wrong(inspection) -> set[str]:
    return {fault.path for fault in inspection.faults}


def test_a_sound_backup_and_a_sound_home_have_no_fault(week, saved):
    found, home = inspect_backup(saved.folder), inspect_home(week.runtime.database, week.runtime.lake.folder)

    assert found.faults == home.faults == ()
    assert found.files == home.files + 2  # the database and the identity
    assert found.rows == home.rows > 0


@pytest.mark.parametrize("way", WAYS)
def test_every_damaged_file_of_a_backup_is_found_and_no_other(way, copied):
    files = [*lake_files(copied), copied / "lake" / "identity", copied / "console.db"]
    hurt = random.Random(way).sample(files[:-2], 8) + files[-2:]  # noqa: S311, the same files in every run of the test
    for file in hurt:
        WAYS[way](file)

    found = wrong(inspect_backup(copied))
    assert {str(file.relative_to(copied)) for file in hurt} <= found
    assert found <= {str(file.relative_to(copied)) for file in hurt} | {"identity"}


def test_any_flipped_bit_of_a_backup_is_found(copied):
    chance, missed = random.Random(4), []  # noqa: S311
    files = [*lake_files(copied), copied / "lake" / "identity", copied / "console.db", copied / manifest.NAME]
    for _ in range(60):
        file, share, bit = chance.choice(files), chance.random(), chance.randrange(8)
        flip(file, share, bit)
        try:
            if not inspect_backup(copied).faults:
                missed.append((file.name, share, bit))
        except BackupError:
            pass  # the manifest itself
        flip(file, share, bit)

    assert missed == []
    assert inspect_backup(copied).faults == ()


def test_two_swapped_files_are_found(copied):
    one, other = sorted((copied / "lake" / "silver").rglob("*.parquet"))[:2]
    swap(one, other)

    assert wrong(inspect_backup(copied)) == {str(file.relative_to(copied)) for file in (one, other)}


@pytest.mark.parametrize("way", WAYS)
def test_every_damaged_file_of_a_home_is_found(way, week):
    hurt = random.Random(way).sample(lake_files(week.settings.home), 8)  # noqa: S311
    for file in hurt:
        WAYS[way](file)

    found = inspect_home(week.runtime.database, week.runtime.lake.folder)
    assert wrong(found) == {str(file.relative_to(week.settings.lake)) for file in hurt}


def test_a_second_current_version_is_found(week):
    with week.runtime.database.transaction() as connection:
        connection.execute(text("DROP INDEX uq_lake_file_current"))
        connection.execute(text("UPDATE lake_file SET partition = '2024-06-02' WHERE dataset = 'silver'"))

    assert any("more than one current version" in fault.what for fault in inspect_home(week.runtime.database, week.settings.lake).faults)


def test_a_manifest_without_its_database_row_does_not_pass(copied):
    made = manifest.read(copied)
    (copied / manifest.NAME).unlink()
    manifest.write(copied, type(made)(**{name: getattr(made, name) for name in made.__slots__} | {"files": made.files[:-1]}))

    assert [fault.what for fault in inspect_backup(copied).faults] == ["is named by the database and not in the manifest"]


def test_a_folder_without_a_manifest_is_no_backup(tmp_path):
    (tmp_path / "20260101T000000Z").mkdir()

    with pytest.raises(BackupError, match="is no backup"):
        inspect_backup(tmp_path / "20260101T000000Z")
    assert shelf.backups(tmp_path) == []
