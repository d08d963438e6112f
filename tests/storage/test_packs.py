"""Where versions lie, as the catalog says it: in files of their own, in packs, in the cold."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from storage import damage, lake, lifecycle, packs
from storage.lake import Version
from storage.packing import Place
from storage.status import StepKind, StepState
from tests.storage.databases import read

NOW = datetime(2025, 6, 1, tzinfo=UTC)
JUNE = date(2024, 6, 1)
PACK = {"path": "silver/2024-06/a-pack", "dataset": "silver", "month": JUNE, "sha256": "f" * 64, "bytes": 90, "rows": 30, "members": 2}
PACK |= {"replaced_files": 2, "replaced_bytes": 120, "step_id": 1, "created_at": NOW}


def version(day: int, dataset: str = "silver") -> Version:
    return Version(f"{dataset}/2024-06/{day:02}", dataset, JUNE.replace(day=day), f"{day:064}", 60, 15, None)


@pytest.fixture
def packed(database):
    """Three days of silver, the first two of them in a pack, and one of gold."""
    with database.transaction() as connection:
        for made in (version(1), version(2), version(3), version(1, "gold")):
            lake.publish(connection, made, run_id=1, at=NOW, simulated=False)
        damage.record(connection, version(1), run_id=1, reason="torn", at=NOW)
        packs.book(connection, PACK, [(version(1).path, 0), (version(2).path, 15)])
    return database


def test_a_version_in_a_pack_is_found_there_and_another_in_its_own_file(packed):
    assert read(packed, packs.place_of, version(2).path) == Place(PACK["path"], PACK["sha256"], 90, 15, 15, None)
    assert read(packed, packs.place_of, version(3).path) is None
    assert set(read(packed, packs.places, "silver")) == {version(1).path, version(2).path}


def test_the_files_there_are_are_packs_and_what_is_in_none(packed):
    found = [(file.path, file.bytes, file.run_id) for file in read(packed, packs.stored)]

    assert found == [("gold/2024-06/01", 60, 1), ("silver/2024-06/03", 60, 1), (PACK["path"], 90, None)]
    assert [file.path for file in read(packed, packs.stored, after="gold/2024-06/01", limit=1)] == ["silver/2024-06/03"]
    assert read(packed, packs.count_stored) == 3


def test_what_is_packed_is_damaged_no_more(packed):
    assert read(packed, damage.paths) == frozenset()


def test_a_damaged_pack_is_known_while_something_in_it_is_current(packed):
    with packed.transaction() as connection:
        found = packs.one(connection, PACK["path"])
        damage.record(connection, found, run_id=None, reason="torn", at=NOW)
    before = [row["path"] for row in read(packed, damage.known)]
    with packed.transaction() as connection:
        for day in (1, 2):
            lake.withdraw(connection, "silver", JUNE.replace(day=day), at=NOW)

    assert before == [PACK["path"]]
    assert read(packed, damage.known) == []


def test_a_pack_in_which_nothing_lies_any_more_is_forgotten(packed):
    with packed.transaction() as connection:
        packs.book(
            connection, PACK | {"path": "silver/2024-06/b-pack", "members": 3}, [(version(day).path, 15 * day - 15) for day in (1, 2, 3)]
        )
    again = [row["path"] for row in read(packed, packs.listed)]
    with packed.transaction() as connection:
        packs.unpack(connection, [version(day).path for day in (1, 2, 3)])

    assert again == ["silver/2024-06/b-pack"]
    assert read(packed, packs.listed) == []
    assert read(packed, packs.count_stored) == 4


def test_the_sums_tell_files_packs_and_the_cold_apart(packed):
    with packed.transaction() as connection:
        packs.cool(connection, PACK["path"], location="/cold/pack", step_id=2)
    cold = read(packed, packs.sums)
    with packed.transaction() as connection:
        packs.warm(connection, PACK["path"], at=NOW)

    assert cold == {"versions": 4, "files": 2, "bytes": 120, "packs": 1, "pack_bytes": 90, "cold_packs": 1, "cold_bytes": 90}
    assert read(packed, packs.sums) == cold | {"cold_packs": 0, "cold_bytes": 0}
    assert read(packed, packs.listed)[0]["restored_at"] == NOW


def test_a_version_whose_pack_is_unknown_is_astray(packed):
    with packed.transaction() as connection:
        connection.execute(text("DELETE FROM lake_pack"))

    assert sorted(read(packed, packs.astray)) == [version(1).path, version(2).path]


def test_a_step_ends_once(database):
    with database.transaction() as connection:
        step = lifecycle.ask(connection, StepKind.APPLY, {"compact_after": 1}, by="a person", at=NOW)
        lifecycle.end(connection, step, StepState.DONE, figures={"packs": 1}, message="done", at=NOW)
        lifecycle.end(connection, step, StepState.FAILED, figures={}, message="late", at=NOW)
    row = read(database, lifecycle.one, step)

    assert (row["state"], row["message"], row["figures"]) == (StepState.DONE, "done", {"packs": 1})
    assert read(database, lifecycle.waiting) == []
