"""Every byte that lies somewhere is counted once, wherever the lifecycle has put it."""

from engine.billing.prices import in_force
from engine.billing.reading import by_layer, total
from engine.clock import nepal_time
from storage import lake_sizes
from tests.lifecycle.conftest import on_disk


def layers(house):
    return {entry.label: entry.cost for entry in house.read(by_layer, house.read(in_force))}


def size_of(files) -> int:
    return sum(len(content) for content in files.values())


def written(house) -> int:
    begin = nepal_time(house.clock.now().date().replace(day=1), 0)
    return sum(sum(days.values()) for days in house.read(lake_sizes.written_since, begin).values())


def test_packs_take_the_place_of_the_files_that_they_hold(house, done):
    before = sum(cost.usage.bytes_written for cost in layers(house).values())
    house.clock.at = house.clock.at.replace(year=2024, month=8, day=20)
    done(house.services.apply_lifecycle())
    found = layers(house)
    held = sum(cost.usage.bytes_written for cost in found.values())

    assert "silver, packed months" in found
    assert held == size_of(on_disk(house)) == written(house) < before
    assert sum(cost.number for cost in found.values()) == len(on_disk(house))


def test_what_lies_in_the_cold_is_a_row_of_its_own(house, cold, done):
    house.clock.at = house.clock.at.replace(year=2024, month=8, day=20)
    done(house.services.apply_lifecycle(cold_after=2))
    found = layers(house)
    away = sum(file.stat().st_size for file in cold.rglob("*") if file.is_file())

    assert sum(cost.usage.bytes_written for label, cost in found.items() if label.endswith("in the cold")) == away > 0
    assert sum(cost.usage.bytes_written for cost in found.values()) == size_of(on_disk(house)) + away
    assert total(house.read(by_layer, house.read(in_force))).total > 0
