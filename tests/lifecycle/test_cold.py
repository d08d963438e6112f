"""Old packs lie in the cold, and what is read of them is fetched; what cannot be had now is said."""

from datetime import timedelta
from pathlib import Path
from shutil import rmtree

import fsspec
import pytest

from engine.backup.inspection import inspect_backup, inspect_home
from engine.backup.restore import restore
from engine.backup.snapshot import take
from engine.doctor import examine
from engine.errors import LakeError, UsageError
from engine.lifecycle.planning import plan
from engine.lifecycle.policy import asked_for
from engine.lifecycle.tidying import tidy
from engine.query import query
from engine.runtime import compose
from storage import damage, lake, packs
from storage.lake import LakeFileLost
from storage.status import StepState
from tests.backup.damage import flip
from tests.lifecycle.conftest import JUNE, SESSIONS, everything, on_disk, read_again

PRICES = "SELECT session, symbol, close, turnover FROM silver_prices ORDER BY ALL"


@pytest.fixture
def cooled(house, cold, done):
    """A house that was cooled: its two months lie in the cold; what it held before."""
    before = everything(house)
    step = done(house.services.apply_lifecycle(cold_after=2)).step
    assert step["state"] == StepState.DONE
    return before


def fetched(house) -> list[str]:
    return [path for path in on_disk(house) if "-pack-" in path]


def test_only_packs_of_that_age_are_moved_and_the_lake_has_them_no_more(house, cold, done):
    house.clock.at = house.clock.at.replace(year=2024, month=8, day=20)
    step = done(house.services.apply_lifecycle(cold_after=2)).step

    there = [file for file in cold.rglob("*") if file.is_file()]
    moved = [row for row in house.read(packs.listed) if row["cold"]]
    assert {row["month"] for row in moved} == {JUNE}
    assert step["figures"]["moved_to_cold"] == len(moved) == len(there)
    assert not any(row["path"] in on_disk(house) for row in moved)


def test_what_is_read_of_the_cold_is_fetched_and_removed_again_by_the_next_application(house, cooled, done):
    silver = house.read(lake.current, "silver", SESSIONS[0])
    first = fetched(house)
    table = house.runtime.lake.read_table(silver.path)
    then = fetched(house)
    again = done(house.services.apply_lifecycle(cold_after=2)).step

    assert (first, table.num_rows, len(then)) == ([], 120, 1)
    assert (again["figures"]["moved_to_cold"], fetched(house)) == (0, [])
    assert everything(house) == cooled


def test_a_query_fetches_what_it_reads_and_nothing_else(house, cooled):
    assert query(house.runtime, PRICES).num_rows == 1200
    assert {path.split("/")[0] for path in fetched(house)} == {"silver"}


def test_what_was_restored_stays_for_a_month(house, cooled, done):
    step = done(house.services.restore_from_cold(dataset="silver", month=SESSIONS[0])).step
    restored = fetched(house)
    soon = plan(house.runtime, asked_for(house.runtime, cold_after=2)).figures()["packs_to_cold"]
    house.clock.advance(timedelta(days=31))
    later = plan(house.runtime, asked_for(house.runtime, cold_after=2)).figures()["packs_to_cold"]

    assert (step["figures"]["packs"], len(restored)) == (1, 1)
    assert tidy(house.runtime).files == 0
    assert (soon, later) == (0, 1)


def test_undo_brings_back_what_was_moved_byte_for_byte(house, cold, done):
    before = on_disk(house)
    step = done(house.services.apply_lifecycle(cold_after=1)).step
    done(house.services.undo_lifecycle(step["id"]))

    assert on_disk(house) == before


def test_what_an_earlier_step_packed_is_only_warmed(house, cold, done):
    done(house.services.apply_lifecycle())
    before = on_disk(house)
    step = done(house.services.apply_lifecycle(cold_after=1)).step
    undone = done(house.services.undo_lifecycle(step["id"])).step

    assert undone["figures"]["warmed"] == step["figures"]["moved_to_cold"] > 0
    assert on_disk(house) == before


def test_a_cold_that_cannot_be_had_is_said_with_what_to_do(house, cooled, cold):
    rmtree(cold)
    silver = house.read(lake.current, "silver", SESSIONS[0])
    with pytest.raises(LakeFileLost, match=r"is in the cold .* cannot be had now.*lifecycle restore"):
        house.runtime.lake.read_table(silver.path)
    with pytest.raises(LakeError, match="cannot be had now"):
        query(house.runtime, PRICES)

    assert len(inspect_home(house.runtime.database, house.settings.lake, look_cold=True).faults) == 11
    assert read_again(house).findings == 11
    assert {row["path"] for row in house.read(damage.known)} == {row["path"] for row in house.read(packs.listed)}


def test_the_doctor_looks_into_the_cold(house, cooled, cold):
    def said():
        return next(finding for finding in examine(house.settings) if finding.name == "cold")

    well = said()
    rmtree(cold)

    assert well.health == "ok"
    assert well.observed.startswith("11 packs, ")
    assert said().health == "failed"


def test_a_copy_in_the_lake_stays_while_the_cold_is_not_whole(house, cooled, cold):
    silver = house.read(lake.current, "silver", SESSIONS[0])
    house.runtime.lake.read_table(silver.path)
    rmtree(cold)

    assert tidy(house.runtime).files == 0
    assert house.runtime.lake.read_table(silver.path).num_rows == 120


def test_what_rotted_in_the_cold_is_found_and_not_read(house, cooled, cold):
    flip(next(file for file in cold.rglob("*") if file.is_file() and "silver/2024-06" in str(file)))
    silver = house.read(lake.current, "silver", SESSIONS[0])
    with pytest.raises(LakeFileLost, match="is not what was published"):
        house.runtime.lake.read_table(silver.path)

    assert read_again(house).findings == 1
    assert fetched(house) == []


def test_nothing_goes_into_a_cold_that_is_not_set(house):
    with pytest.raises(UsageError, match="set NEPSE_COLD"):
        house.services.apply_lifecycle(cold_after=2)


def test_a_pack_that_cannot_be_written_there_stays(house, cold, done):
    cold.write_text("a file")
    step = done(house.services.apply_lifecycle(cold_after=2)).step

    assert step["state"] == StepState.FAILED
    assert "stays where it is" in step["message"]
    assert house.read(packs.sums)["cold_packs"] == 0
    assert inspect_home(house.runtime.database, house.settings.lake).faults == ()


def test_a_backup_holds_what_lies_in_a_cold_folder(house, cooled, cold, tmp_path):
    taken = take(house.runtime, house.settings.backups)
    found = inspect_backup(taken.folder)
    rmtree(cold)
    restored = restore(taken.folder, tmp_path / "restored")
    house.settings = house.settings.model_copy(update={"home": restored.home})
    house.restart()

    assert (taken.manifest.lost, found.faults) == ((), ())
    assert everything(house) == cooled


def test_a_backup_names_what_lies_in_a_bucket(house, done, tmp_path):
    house.settings = house.settings.model_copy(update={"cold": "memory://bucket/nepse"})
    house.restart()
    before = everything(house)
    step = done(house.services.apply_lifecycle(cold_after=2)).step
    taken = take(house.runtime, house.settings.backups)
    restored = restore(taken.folder, tmp_path / "restored")
    opened = compose(house.settings.model_copy(update={"home": restored.home}), house.clock)

    assert step["state"] == StepState.DONE
    assert (len(taken.manifest.cold), taken.manifest.lost) == (11, ())
    assert inspect_backup(taken.folder).faults == ()
    assert inspect_home(opened.database, opened.lake.folder, look_cold=True).faults == ()
    assert everything(house) == before
    fsspec.filesystem("memory").rm("/bucket", recursive=True)
    assert read_again(house).findings == 0  # what was read is at hand
    tidy(house.runtime)
    assert everything(house) == before


def test_a_url_without_its_package_says_what_to_install(house, done, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    house.settings = house.settings.model_copy(update={"cold": "s3://bucket/nepse"})
    house.restart()
    step = done(house.services.apply_lifecycle(cold_after=2)).step

    assert step["state"] == StepState.FAILED
    assert "pip install -r requirements-cold.txt" in step["message"]
    assert house.read(packs.sums)["cold_packs"] == 0


def test_a_folder_is_taken_as_where_it_was_said(house):
    settings = house.settings.model_copy(update={"cold": "./cold"})

    assert settings.cold_root == str(Path.cwd() / "cold")
