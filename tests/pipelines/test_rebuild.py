"""The audit of what the daily runs have carried from day to day."""

from datetime import date, timedelta

import pyarrow as pa
import pytest

from engine.errors import Conflict, LakeError
from engine.features.indicators import rebuild
from engine.rebuild import rebuild_gold
from storage import lake, sessions
from tests.pipelines.house import SUNDAY, House

WEDNESDAY = SUNDAY + timedelta(days=3)


def spoil_gold(week: House) -> None:
    """Publish a gold of Wednesday in which one cell is another."""
    gold = week.table("gold", WEDNESDAY)
    at = gold.schema.get_field_index("sma_5")
    changed = [None if value is None else value + 1e-9 for value in gold["sma_5"].to_pylist()]
    spoiled = gold.set_column(at, "sma_5", pa.array([*changed[:-1], 1.0], pa.float64()))
    version = week.runtime.lake.write("gold", WEDNESDAY, lake.table_content(spoiled))
    row = week.read(sessions.one, WEDNESDAY)
    with week.runtime.database.transaction() as connection:
        lake.publish(connection, version, run_id=1, at=week.clock.now(), simulated=False)
        sessions.point_to_gold(connection, WEDNESDAY, gold_path=version.path, state_digest=row["state_digest"])


def test_the_check_finds_one_wrong_cell_and_changes_nothing(week):
    spoil_gold(week)
    catalog = week.catalog()
    checked = rebuild_gold(week.runtime, publish=False)

    assert (checked["differing_sessions"], checked["first_differing"], checked["written"]) == (1, [WEDNESDAY], 0)
    assert week.catalog() == catalog


def test_a_rebuild_mends_what_differs_and_nothing_else(week):
    right = week.lake_content()
    spoil_gold(week)
    rebuilt = rebuild_gold(week.runtime, publish=True)

    assert rebuilt["written"] == 1
    assert week.lake_content() == right
    assert rebuild_gold(week.runtime, publish=False)["differing_sessions"] == 0


def test_a_rebuild_does_not_call_right_what_was_made_to_wait_meanwhile(week, monkeypatch):
    spoil_gold(week)

    def disturbed(tables):
        for number, made in enumerate(rebuild(tables)):
            if number == 2:  # the session before the one that is to be written
                with week.runtime.database.transaction() as connection:
                    sessions.leave_behind(connection, SUNDAY, date.max)
            yield made

    monkeypatch.setattr("engine.rebuild.rebuild", disturbed)
    with pytest.raises(Conflict, match="ask again"):
        rebuild_gold(week.runtime, publish=True)

    assert week.read(sessions.behind)["sessions"] == 5


def test_a_rebuild_writes_lost_feature_states_again(week):
    right = week.lake_content()
    with week.runtime.database.transaction() as connection:
        lake.withdraw(connection, "feature_state", SUNDAY, at=week.clock.now())
    rebuilt = rebuild_gold(week.runtime, publish=True)

    assert rebuilt["first_differing"] == [SUNDAY]
    assert week.lake_content() == right


def test_a_torn_silver_file_is_named_with_what_to_do(week):
    path = week.read(lake.current, "silver", WEDNESDAY).path
    file = week.runtime.lake.folder / path
    file.write_bytes(file.read_bytes()[:-100])

    with pytest.raises(LakeError, match=r"silver/2024-06/.*Rerun its date"):
        rebuild_gold(week.runtime, publish=False)


def test_rerunning_the_date_of_a_spoiled_file_writes_it_again(week):
    right = week.lake_content()
    file = week.runtime.lake.folder / week.read(lake.current, "silver", WEDNESDAY).path
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    week.restart()
    week.run(WEDNESDAY)

    assert week.lake_content() == right
    assert rebuild_gold(week.runtime, publish=False)["differing_sessions"] == 0


def test_an_empty_home_has_nothing_to_rebuild(house):
    assert rebuild_gold(house.runtime, publish=False)["sessions"] == 0
