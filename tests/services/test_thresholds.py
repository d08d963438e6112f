"""A threshold is turned with a reason, once, and turned back."""

import pytest

from engine.errors import Conflict, UnknownName, UsageError
from engine.pipelines.thresholds import load
from storage import audit, thresholds
from tests.pipelines.house import SUNDAY

KEY = "gate.block_above"


def now(house):
    return house.read(load, house.read(thresholds.version))


def test_a_change_is_the_next_version_and_says_who_why_and_what_was_before(house):
    change = house.services.set_threshold(KEY, "7.5", reason=" thin days ")
    row = house.read(thresholds.one, change)

    assert (row["value"], row["previous"], row["changed_by"], row["reason"]) == (7.5, 5.0, "test", "thin days")
    assert (now(house)[KEY], now(house).version) == (7.5, change)
    assert house.read(load, 0)[KEY] == 5.0


@pytest.mark.parametrize("value", [5, "5.0"])
def test_the_same_value_again_is_a_conflict(house, value):
    with pytest.raises(Conflict, match="is already 5"):
        house.services.set_threshold(KEY, value, reason="why not")
    assert house.read(thresholds.version) == 0


def test_a_value_out_of_range_an_unknown_name_and_no_reason_are_refused(house):
    with pytest.raises(UsageError, match=r"0\.5 to 50"):
        house.services.set_threshold(KEY, 51, reason="more")
    with pytest.raises(UnknownName, match=r"nearest names are gate\.block_above"):
        house.services.set_threshold("gate.blok_above", 6, reason="more")
    with pytest.raises(UsageError, match="say why"):
        house.services.set_threshold(KEY, 6, reason=" \n")

    assert house.read(thresholds.version) == 0
    assert house.read(audit.recent) == []


def test_the_same_request_makes_one_change(house):
    first = house.services.set_threshold(KEY, 6, reason="more", request_key="k")

    assert house.services.set_threshold(KEY, 6, reason="more", request_key="k") == first
    with pytest.raises(Conflict, match="used before"):
        house.services.set_threshold(KEY, 7, reason="more", request_key="k")
    assert len(house.read(thresholds.history)) == 1


def test_an_undo_is_a_change_too_and_can_be_undone(house):
    first = house.services.set_threshold(KEY, 6, reason="more")
    second = house.services.undo_threshold(first)
    third = house.services.undo_threshold(second)

    assert [row["value"] for row in house.read(thresholds.history, KEY)] == [6.0, 5.0, 6.0]
    assert house.read(thresholds.one, second)["undo_of"] == first
    assert "undo of change" in house.read(thresholds.one, third)["reason"]


def test_only_the_newest_change_is_undone(house):
    first = house.services.set_threshold(KEY, 6, reason="more")
    second = house.services.set_threshold(KEY, 7, reason="still more")

    with pytest.raises(Conflict, match=f"by change {second}"):
        house.services.undo_threshold(first)
    with pytest.raises(UnknownName, match="no change 99"):
        house.services.undo_threshold(99)
    assert now(house)[KEY] == 7.0


@pytest.mark.parametrize("command", ["set_threshold", "undo_threshold"])
def test_every_command_leaves_a_row_that_says_who_and_what(house, command):
    change = house.services.set_threshold(KEY, 6, reason="more")
    if command == "undo_threshold":
        house.services.undo_threshold(change)
    newest = house.read(audit.recent)[0]

    assert (newest["command"], newest["actor"]) == (command, "test")
    assert newest["result"].endswith("and was 5" if command == "set_threshold" else "is 5 again")


def test_a_run_keeps_the_snapshot_that_it_began_with(stocked):
    run = stocked.run(SUNDAY)
    change = stocked.services.set_threshold(KEY, 6, reason="more")
    again = stocked.rerun(run["id"])

    assert (run["threshold_version"], again["threshold_version"]) == (0, change)
    assert stocked.read(load, run["threshold_version"])[KEY] == 5.0
