"""Scenarios are kept under a name, replaced only when that is asked for, and let go without losing their number."""

import pytest

from engine.errors import Conflict, UnknownName, UsageError
from storage import audit, scenarios
from tests.pipelines.house import House


def kept(house: House) -> list[tuple[str, dict]]:
    return [(row["name"], row["turned"]) for row in house.read(scenarios.listed)]


def test_only_what_is_turned_is_kept_with_who_kept_it(house):
    house.services.save_scenario("  On   spot ", {"spot": 80, "growth": 0}, note="half the price")

    (row,) = house.read(scenarios.listed)
    assert (row["name"], row["turned"], row["note"], row["saved_by"]) == ("On spot", {"spot": 80}, "half the price", "test")
    assert house.read(audit.recent)[0]["command"] == "save_scenario"


def test_another_scenario_of_that_name_is_replaced_only_when_that_is_asked_for(house):
    number = house.services.save_scenario("mine", {"spot": 80})
    with pytest.raises(Conflict, match="another name"):
        house.services.save_scenario("mine", {"spot": 10})

    assert house.services.save_scenario("mine", {"spot": 10}, replace=True) == number
    assert kept(house) == [("mine", {"spot": 10})]


def test_one_that_was_let_go_comes_back_under_its_number(house):
    number = house.services.save_scenario("mine", {"spot": 80})
    house.services.drop_scenario("mine")
    assert kept(house) == []

    assert house.services.save_scenario("mine", {"compact": True}) == number
    assert kept(house) == [("mine", {"compact": True})]


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("", {}, "a name"),
        ("x" * 61, {}, "60"),
        ("mine", {"spot": 101}, "spot"),
        ("mine", {"sport": 1}, "sport"),
        ("mine", {"growth": "much"}, "growth"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_kept(house, name, values, told):
    with pytest.raises(UsageError, match=told):
        house.services.save_scenario(name, values)

    assert kept(house) == []


def test_one_that_does_not_exist_cannot_be_let_go(house):
    house.services.save_scenario("mine", {})

    with pytest.raises(UnknownName, match="mine"):
        house.services.drop_scenario("mime")
