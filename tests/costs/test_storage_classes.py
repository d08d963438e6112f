"""Classes of storage: minimums, overheads, transitions, reads, early deletes, and where two classes cost the same."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.costs.line import total
from engine.costs.presets import AWS_2026, preset
from engine.costs.price_book import GB
from engine.costs.storage_classes import (
    break_even_bytes,
    leaving,
    moving,
    payback_months,
    reading,
    storage_class,
    storage_classes,
    storing,
    writing,
)
from engine.errors import UnknownName, UsageError

BOOK = preset(AWS_2026)
CLASSES = {cls.name: cls for cls in storage_classes(BOOK)}
KB = Decimal(1024)
DAY_FILE = Decimal(22_528)  # bytes of a real daily file as Parquet
names = st.sampled_from(sorted(CLASSES))
sizes = st.integers(1, 2**34).map(Decimal)
counts = st.integers(1, 10**6).map(Decimal)
months = st.integers(1, 120).map(Decimal)


def held(name, objects, size, kept, *, reads=Decimal(0), moved=Decimal(0)) -> Decimal:
    cls = CLASSES[name]
    return total([*storing(cls, "o", objects, size, kept), *reading(cls, "o", objects, size, reads), *moving(cls, "o", moved)])


@given(names, counts, sizes, months)
def test_larger_objects_never_cost_less(name, objects, size, kept):
    assert held(name, objects, size, kept) <= held(name, objects, size * 2, kept)


@given(names, counts, sizes, st.decimals(1, 3, places=2))
def test_a_higher_price_never_costs_less(name, objects, size, factor):
    dearer = storage_class(BOOK.scaled(f"storage.{name}", factor), name)

    assert held(name, objects, size, Decimal(1)) <= total(storing(dearer, "o", objects, size, Decimal(1)))


@given(names, st.integers(1, 1000).map(Decimal), st.integers(1, 2**24).map(Decimal), st.integers(1, 50).map(Decimal))
def test_the_cost_is_linear_in_the_number_of_objects(name, objects, size, reads):
    one = held(name, objects, size, Decimal(6), reads=reads, moved=objects)
    ten = held(name, objects * 10, size, Decimal(6), reads=reads, moved=objects * 10)

    assert abs(ten - 10 * one) <= Decimal("1e-7")  # each line of ten is rounded once, each of one ten times


@given(names, st.integers(2, 5000).map(Decimal), st.integers(1, 2**20).map(Decimal), st.integers(0, 20).map(Decimal))
def test_fewer_objects_of_the_same_bytes_never_cost_more(name, objects, size, reads):
    loose = held(name, objects, size, Decimal(12), reads=reads, moved=objects)
    compacted = held(name, Decimal(1), objects * size, Decimal(12), reads=reads, moved=Decimal(1))

    assert compacted <= loose + Decimal("1e-8")


@given(st.integers(2**20, 2**34).map(Decimal))
def test_what_is_never_read_and_kept_long_enough_lies_cheapest_at_the_lowest_price(size):
    forever = Decimal(12_000)
    costs = {name: held(name, Decimal(1), size, forever, moved=Decimal(1)) for name in CLASSES}

    assert min(costs, key=lambda name: costs[name]) == "deep_archive"


def test_a_small_object_is_billed_as_128_kb_in_infrequent_access_and_as_itself_in_standard():
    assert CLASSES["standard"].billable_bytes(DAY_FILE) == DAY_FILE
    assert CLASSES["standard_ia"].billable_bytes(DAY_FILE) == 128 * KB
    assert CLASSES["glacier_instant"].billable_bytes(200 * KB) == 200 * KB


def test_an_archive_adds_32_kb_at_its_price_and_8_kb_at_standards():
    kept = storing(CLASSES["deep_archive"], "o", Decimal(1000), 100 * KB, Decimal(1))

    assert [line.price_key for line in kept] == ["storage.deep_archive", "storage.standard"]
    assert [line.quantity for line in kept] == [1000 * 132 * KB / GB, 1000 * 8 * KB / GB]


def test_early_delete_is_the_rest_of_the_minimum_days():
    (line,) = leaving(CLASSES["glacier_instant"], "o", Decimal(1), GB, Decimal(60))

    assert line.amount == Decimal("0.004")  # 30 of 90 days are a month of one GB
    assert leaving(CLASSES["glacier_instant"], "o", Decimal(1), GB, Decimal(90)) == ()
    assert leaving(CLASSES["standard"], "o", Decimal(1), GB, Decimal(0)) == ()


def test_reading_an_archive_costs_its_restore_and_its_bytes_by_speed():
    fast, slow = (
        total(reading(CLASSES["glacier_flexible"], "o", Decimal(1000), GB, Decimal(1), speed=speed)) for speed in ("expedited", "bulk")
    )

    assert fast == 1000 * Decimal("0.03") + 10 + Decimal("0.0004")
    assert slow == Decimal("0.0004")


def test_a_speed_that_an_archive_does_not_have_is_refused():
    with pytest.raises(UnknownName, match="expedited"):
        reading(CLASSES["deep_archive"], "o", Decimal(1), GB, Decimal(1), speed="expedited")


def test_puts_and_transitions_are_counted_by_the_object():
    assert total(writing(CLASSES["standard"], "o", Decimal(1000))) == Decimal("0.005")
    assert total(moving(CLASSES["deep_archive"], "o", Decimal(1000))) == Decimal("0.05")
    assert moving(CLASSES["standard"], "o", Decimal(1000)) == ()


def test_the_break_even_size_is_where_both_classes_cost_the_same():
    assert break_even_bytes(CLASSES["standard_ia"]) == 71_235  # 128 KB x 0.0125 / 0.023, rounded up
    archive = CLASSES["deep_archive"]
    size = break_even_bytes(archive)

    assert archive.month_of_one(size) <= archive.standard.each * size / GB
    assert archive.month_of_one(size - 2) > archive.standard.each * (size - 2) / GB


def test_moving_a_day_file_never_pays_and_a_large_one_pays_within_a_month():
    assert payback_months(CLASSES["standard_ia"], DAY_FILE) is None
    assert payback_months(CLASSES["standard_ia"], GB) < 1


def test_an_unknown_class_is_refused_with_near_names():
    with pytest.raises(UnknownName, match="glacier_instant"):
        storage_class(BOOK, "glacier")


@pytest.mark.parametrize("wrong", ["-1", "NaN"])
def test_negative_sizes_are_refused(wrong):
    with pytest.raises(UsageError, match="0 or more"):
        storing(CLASSES["standard"], "o", Decimal(1), Decimal(wrong), Decimal(1))
