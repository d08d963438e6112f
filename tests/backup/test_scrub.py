"""A scrub finds every damaged file of the lake, goes on where it was stopped, and what it finds can be mended."""

import os
import random
from datetime import timedelta
from pathlib import Path

import pytest

from engine.backup import scrub as scrubbing
from engine.backup.scrub import scrub
from engine.errors import BackupError, UsageError
from storage import damage, moves
from tests.backup.damage import WAYS, flip
from tests.pipelines.house import DAILY, SUNDAY


def read_again(week, **options):
    return scrub(week.runtime, **({"resume": None, "tell": lambda _figures: None, "rest": lambda _seconds: None} | options))


def damaged(week) -> set[str]:
    return {row["path"] for row in week.read(damage.known)}


def current(week, dataset) -> list:
    return [week.settings.lake / version.path for version in week.read(week_snapshot, dataset)]


def week_snapshot(connection, dataset):
    from storage import lake  # noqa: PLC0415

    return lake.snapshot(connection, dataset)


def path_of(week, file) -> str:
    return str(file.relative_to(week.settings.lake))


@pytest.mark.parametrize("way", WAYS)
def test_every_damaged_file_is_found(week, way):
    files = [file for dataset in week.datasets() for file in current(week, dataset)]
    hurt = random.Random(way).sample(files, 9)  # noqa: S311, the same files in every run of the test
    for file in hurt:
        WAYS[way](file)
    found = read_again(week)

    assert damaged(week) == {path_of(week, file) for file in hurt}
    assert (found.findings, found.files) == (9, len(week.catalog()))


def test_a_sound_lake_has_no_finding(week):
    found = read_again(week)

    assert (found.findings, damaged(week)) == (0, set())
    assert found.bytes == sum(file.stat().st_size for file in week.settings.lake.rglob("*-*") if file.is_file())


@pytest.fixture
def left(week) -> dict[str, Path]:
    """A file that was never published, one that is not even whole, and one that a person has put there."""
    (whole,) = current(week, "silver")[:1]
    files = {
        "unpublished": whole.with_name(f"{whole.stem[:-8]}0123abcd.parquet"),
        "half": whole.with_name(f".{whole.stem[:-8]}0123abcd.parquet.tmp"),
        "a person's": whole.with_name("notes.txt"),
    }
    for file in files.values():
        file.write_bytes(b"left")
        age(week, file, timedelta(days=2))
    return files


def age(week, file, by: timedelta) -> None:
    then = (week.clock.now() - by).timestamp()
    os.utime(file, (then, then))


def test_what_killed_processes_left_in_the_lake_is_removed_after_a_day(week, left):
    age(week, left["half"], timedelta(hours=23))
    found = read_again(week)

    assert found.removed == 1
    assert [name for name, file in left.items() if not file.exists()] == ["unpublished"]
    assert len(week.lake_content()) > 0  # whose files are all in their places


def test_nothing_is_removed_while_a_run_may_be_about_to_publish_it(week, left):
    week.services.run(DAILY, SUNDAY)
    facts = {"code_version": "test", "source": "files", "simulated": False, "sequential": [DAILY]}
    moves.claim(week.runtime.database, runner_id="at work", at=week.clock.now(), **facts)

    assert read_again(week).removed == 0
    assert all(file.exists() for file in left.values())


def test_it_reads_in_slices_and_rests_in_proportion(week, monkeypatch):
    monkeypatch.setattr(scrubbing, "SLICE", 20_000)
    rests, told = [], []
    found = read_again(week, rest=rests.append, tell=told.append)

    assert len(rests) > 3
    assert sum(rests) == pytest.approx(found.bytes / scrubbing.RATE)
    assert [figures["files"] for figures in told] == sorted(figures["files"] for figures in told)


def test_it_goes_on_where_a_dead_process_stopped(week, monkeypatch):
    monkeypatch.setattr(scrubbing, "SLICE", 20_000)
    told = []
    whole = read_again(week, tell=lambda figures: told.append(dict(figures)))
    slices = []
    again = read_again(week, resume=told[1], rest=slices.append)

    assert len(slices) == len(told) - 2
    assert (again.files, again.bytes) == (whole.files, whole.bytes)


def test_a_file_that_is_whole_again_is_forgotten(week):
    file = current(week, "silver")[0]
    content = file.read_bytes()
    flip(file)
    read_again(week)
    file.write_bytes(content)

    assert read_again(week).mended == 1
    assert damaged(week) == set()


@pytest.mark.parametrize("dataset", ["bronze", "parsed", "silver"])
def test_what_was_made_of_bronze_is_made_anew_by_a_run_of_its_date(week, dataset, job):
    before = week.lake_content(), week.prices()
    file = current(week, dataset)[2]
    flip(file)
    read_again(week)
    submitted = week.services.mend(path_of(week, file))
    week.work()

    assert week.found(submitted.run_id)["status"] == "succeeded"
    assert damaged(week) == set()
    assert (week.lake_content(), week.prices()) == before
    assert job("backup")["outcome"] == "succeeded" or dataset


def test_rows_are_made_anew_without_asking_the_source(week):
    file = current(week, "silver")[2]
    flip(file)
    read_again(week)
    for daily in (week.source / "daily").iterdir():
        daily.unlink()
    week.restart()
    submitted = week.services.mend(path_of(week, file))
    week.work()

    assert week.found(submitted.run_id)["status"] == "succeeded"
    assert damaged(week) == set()


@pytest.mark.parametrize("dataset", ["gold", "feature_state"])
def test_features_are_made_anew_by_a_rebuild_of_gold(week, dataset):
    from engine.jobs.worker import Worker  # noqa: PLC0415

    before = week.lake_content()
    file = current(week, dataset)[0]
    flip(file)
    read_again(week)
    said = week.services.mend(path_of(week, file))
    Worker(week.runtime).serve()

    assert said.startswith("Rebuild gold is queued")
    assert damaged(week) == set()
    assert week.lake_content() == before


def test_a_lost_file_is_taken_back_from_the_newest_backup_that_holds_it_whole(week, saved):
    before = week.lake_content()
    file = current(week, "bronze")[1]
    file.unlink()
    read_again(week)
    said = week.services.take_back(path_of(week, file))

    assert said.endswith(f"is whole again, out of backup {saved.folder.name}.")
    assert damaged(week) == set()
    assert week.lake_content() == before


def test_what_no_backup_holds_is_told(week):
    file = current(week, "bronze")[1]
    file.unlink()
    read_again(week)

    with pytest.raises(BackupError, match="Ask the source again"):
        week.services.take_back(path_of(week, file))


def test_a_sound_file_is_not_mended(week):
    with pytest.raises(UsageError, match="is not known as a damaged file"):
        week.services.mend(path_of(week, current(week, "silver")[0]))


def test_a_replaced_file_is_no_damage_any_more(week):
    file = current(week, "silver")[0]
    flip(file)
    read_again(week)
    week.services.rerun_dates(DAILY, [week.accepted()[0]])
    week.work()

    assert damaged(week) == set()
