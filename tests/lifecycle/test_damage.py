"""A damaged pack is found, made anew out of what it was made of, or taken back; backups hold packs and what was before them."""

import pytest

from engine.backup.inspection import inspect_backup
from engine.backup.restore import restore
from engine.backup.snapshot import take
from engine.jobs.worker import Worker
from storage import damage, lake, packs
from tests.backup.damage import WAYS, flip
from tests.lifecycle.conftest import JUNE, SESSIONS, everything, on_disk, read_again


def damaged(house) -> set[str]:
    return {row["path"] for row in house.read(damage.known)}


def pack_of(house, dataset) -> str:
    return next(row["path"] for row in house.read(packs.listed) if (row["dataset"], row["month"]) == (dataset, JUNE))


@pytest.fixture
def packed(house, done):
    done(house.services.apply_lifecycle())
    return house


@pytest.mark.parametrize("way", WAYS)
def test_a_damaged_pack_is_found(packed, way):
    hurt = pack_of(packed, "silver")
    WAYS[way](packed.settings.lake / hurt)
    found = read_again(packed)

    assert damaged(packed) == {hurt}
    assert (found.findings, found.files) == (1, len(on_disk(packed)) + (way == "delete"))


@pytest.mark.parametrize("dataset", ["bronze", "parsed", "silver", "findings"])
def test_the_dates_of_a_damaged_pack_are_run_again(packed, dataset):
    before = packed.lake_content(), packed.prices()
    hurt = pack_of(packed, dataset)
    flip(packed.settings.lake / hurt)
    read_again(packed)
    said = packed.services.mend(hurt)
    packed.work()

    assert "dates are queued again" in said
    assert damaged(packed) == set()
    assert (packed.lake_content(), packed.prices()) == before


@pytest.mark.parametrize("dataset", ["gold", "feature_state"])
def test_features_of_a_damaged_pack_are_rebuilt(packed, dataset):
    before = packed.lake_content()
    hurt = pack_of(packed, dataset)
    flip(packed.settings.lake / hurt)
    read_again(packed)
    packed.services.mend(hurt)
    Worker(packed.runtime).serve()

    assert damaged(packed) == set()
    assert packed.lake_content() == before


def test_a_lost_pack_is_taken_back_from_a_backup(packed):
    taken, before = take(packed.runtime, packed.settings.backups), everything(packed)
    hurt = pack_of(packed, "bronze")
    (packed.settings.lake / hurt).unlink()
    read_again(packed)
    said = packed.services.take_back(hurt)

    assert said == f"{hurt} is whole again, out of backup {taken.folder.name}."
    assert damaged(packed) == set()
    assert everything(packed) == before


def test_a_lost_pack_is_taken_back_as_files_from_a_backup_of_before(house, done):
    taken, before = take(house.runtime, house.settings.backups), everything(house)
    done(house.services.apply_lifecycle())
    hurt = pack_of(house, "silver")
    (house.settings.lake / hurt).unlink()
    read_again(house)
    said = house.services.take_back(hurt)

    assert said.endswith(f"are back, out of backup {taken.folder.name}.")
    assert damaged(house) == set()
    assert everything(house) == before
    assert house.read(packs.place_of, house.read(lake.current, "silver", SESSIONS[0]).path) is None


def test_a_backup_of_packs_is_restored_and_read(packed, tmp_path):
    before = everything(packed)
    taken = take(packed.runtime, packed.settings.backups)
    restored = restore(taken.folder, tmp_path / "restored")
    packed.settings = packed.settings.model_copy(update={"home": restored.home})
    packed.restart()

    assert len(taken.manifest.files) == len(before) - sum(row["members"] for row in packed.read(packs.listed)) + 11 + 2
    assert inspect_backup(taken.folder).faults == ()
    assert restored.inspection.faults == ()
    assert everything(packed) == before


def test_a_month_may_be_packed_while_a_backup_is_made(house, done, monkeypatch):
    from engine.backup import snapshot  # noqa: PLC0415
    from engine.lifecycle import tidying  # noqa: PLC0415

    own = snapshot.Carrier
    monkeypatch.setattr(tidying, "PATIENCE", 0.0)

    def meanwhile(*arguments):
        done(house.services.apply_lifecycle())
        return own(*arguments)

    monkeypatch.setattr(snapshot, "Carrier", meanwhile)
    taken = take(house.runtime, house.settings.backups)

    assert taken.manifest.lost == ()
    assert inspect_backup(taken.folder).faults == ()
    assert house.read(packs.sums)["packs"] == 11
