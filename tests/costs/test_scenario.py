"""Scenarios as they are written: what they mean, what they refuse, and bills whose sums are exact."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NEPAL
from engine.costs.focus import COLUMNS, MANDATORY, Charged, focus_csv, focus_rows, months_after
from engine.costs.line import QUANTUM, Category
from engine.costs.presets import AWS_2026, TEXTBOOK, preset
from engine.costs.price_book import FX
from engine.costs.scenario import billed, scenario_of_text
from engine.costs.sensitivity import Turn, around, tornado
from engine.errors import UnknownName, UsageError

TODAY = date(2026, 7, 1)
EVERYTHING: dict[str, Any] = {
    "name": "all of it",
    "storage": [
        {"class": "standard_ia", "objects": 500, "object_bytes": 22528, "months": 12, "reads_a_month": 2, "transitions": 500},
        {"class": "deep_archive", "objects": 24, "object_bytes": 473088, "months": 6, "reads": 1, "puts": 24, "deleted_after_days": 60},
    ],
    "compute": {"runs": 250, "run_hours": 0.5, "vcpus": 2, "memory_gb": 4, "spot_share": 0.5, "interruptions_per_hour": 0.1},
    "queries": {"engine": "athena", "bytes_scanned": 11_000_000, "queries": 100, "objects": 24, "months": 12},
    "transfer": {"route": "out", "bytes": 2_000_000_000_000},
    "notifications": {"messages": 60},
}
HALF_A_YEAR = Charged(
    datetime(2026, 7, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), "home-1", AWS_2026, "run/17", "run", {"stage": "silver"}
)


def bill(written: dict[str, Any], book: str = AWS_2026, **more):
    return billed(scenario_of_text(json.dumps(written | more)), preset(book), today=TODAY)


def storage(**changed) -> dict[str, Any]:
    return {"storage": {"objects": 1000, "object_bytes": 2**30, "months": 1} | changed}


def test_the_total_is_the_sum_of_its_lines_and_of_its_categories():
    found = bill(EVERYTHING)

    assert found.total == sum(line.amount for line in found.lines) == sum(found.by_category.values())
    assert set(found.by_category) == set(Category)


def test_every_line_shows_its_formula_and_where_its_price_is_from():
    for line in bill(EVERYTHING).lines:
        assert line.formula.endswith(f"{line.currency}")
        assert line.price_key in preset(AWS_2026)
        assert line.price_source


@given(st.integers(1, 10**6), st.integers(0, 2**30), st.integers(1, 60), st.sampled_from(["USD", "NPR"]))
def test_a_bill_equals_the_sum_of_its_focus_rows(objects, size, months, currency):
    found = bill(storage(objects=objects, object_bytes=size, months=months) | {"compute": EVERYTHING["compute"]}, currency=currency)

    billed = sum(Decimal(row["BilledCost"]) for row in focus_rows(found.lines, HALF_A_YEAR))
    assert abs(billed - found.total) <= QUANTUM


def test_focus_rows_have_every_mandatory_column_and_no_null_where_none_is_allowed():
    rows = focus_rows(bill(EVERYTHING).lines, HALF_A_YEAR)
    nullable = {"ChargeClass"}

    assert len(MANDATORY) == 21
    for row in rows:
        assert tuple(row) == COLUMNS
        assert [name for name in MANDATORY if not row[name] and name not in nullable] == []
        assert Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"]) == pytest.approx(
            Decimal(row["ListCost"]), abs=Decimal("1e-8")
        )
        assert Decimal(row["ContractedUnitPrice"]) * Decimal(row["PricingQuantity"]) == pytest.approx(
            Decimal(row["ContractedCost"]), abs=Decimal("1e-8")
        )


def test_a_spot_discount_stands_between_list_and_billed_cost():
    rows = [row for row in focus_rows(bill(EVERYTHING).lines, HALF_A_YEAR) if row["PricingCategory"] == "Dynamic"]

    assert rows
    for row in rows:
        assert Decimal(row["BilledCost"]) == pytest.approx(Decimal(row["ListCost"]) * Decimal("0.4"), abs=Decimal("1e-8"))


def test_focus_rows_are_written_as_csv_with_periods_in_utc():
    text = focus_csv(focus_rows(bill(EVERYTHING).lines, HALF_A_YEAR))
    header, first, *_ = text.splitlines()

    assert header.split(",") == list(COLUMNS)
    assert "2026-07-01T00:00:00Z" in first
    assert "2027-01-01T00:00:00Z" in first


def test_a_billing_period_is_the_whole_month_around_the_charge():
    within = Charged(datetime(2026, 12, 5, 3, tzinfo=UTC), datetime(2026, 12, 5, 4, tzinfo=UTC), "home-1", AWS_2026)
    (row,) = focus_rows(bill(storage()).lines, within)

    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")


def periods(start: datetime, end: datetime) -> tuple[str, str]:
    (row,) = focus_rows(bill(storage()).lines, Charged(start, end, "home-1", AWS_2026))
    return row["BillingPeriodStart"], row["BillingPeriodEnd"]


@pytest.mark.parametrize("day", [date(2026, 11, 1), date(2026, 11, 30)])
def test_a_day_in_nepal_is_billed_in_the_month_in_nepal_also_at_its_ends(day):
    begin = datetime(day.year, day.month, day.day, tzinfo=NEPAL)

    assert periods(begin, begin + timedelta(days=1)) == ("2026-10-31T18:15:00Z", "2026-11-30T18:15:00Z")


def test_months_to_come_are_whole_and_billed_in_exactly_those():
    begin, end = months_after(datetime(2026, 11, 27, 10, tzinfo=UTC), 12)

    assert (begin, end) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 12, 1, tzinfo=UTC))
    assert periods(begin, end) == ("2026-12-01T00:00:00Z", "2027-12-01T00:00:00Z")


def test_a_charge_period_that_ends_before_it_begins_is_refused():
    with pytest.raises(UsageError, match="ends after it begins"):
        Charged(HALF_A_YEAR.end, HALF_A_YEAR.start, "home-1", AWS_2026)


def test_rupees_are_dollars_at_the_rate_of_the_book():
    dollars, rupees = bill(EVERYTHING), bill(EVERYTHING, currency="NPR")

    assert rupees.total == pytest.approx(dollars.total * preset(AWS_2026).price(FX).amount, abs=Decimal("1e-4"))
    assert any("fx.npr_per_usd" in warning for warning in rupees.warnings)


def test_prices_that_are_old_are_named_with_their_date():
    assert any("query.athena (of 2020-10-15)" in warning for warning in bill(EVERYTHING).warnings)
    assert bill(storage()).warnings == ()
    later = billed(scenario_of_text(json.dumps(storage())), preset(AWS_2026), today=date(2027, 1, 1))
    assert any("storage.standard" in warning for warning in later.warnings)


def test_small_files_in_a_class_with_a_minimum_are_warned_of():
    small = bill(storage(**{"class": "standard_ia"}, object_bytes=22528, transitions=1000))

    assert any("5.8 times as much: compact first" in warning for warning in small.warnings)
    assert any("does not move objects below" in warning for warning in small.warnings)


def test_compacting_first_is_cheaper_and_says_what_it_costs_itself():
    loose = bill(storage(**{"class": "standard_ia"}, object_bytes=22528, transitions=1000, months=12))
    compacted = bill(storage(**{"class": "standard_ia"}, object_bytes=22528, transitions=1000, months=12, compact_to_bytes=2**27))

    assert compacted.total < loose.total / 5
    assert any("compaction" in line.what for line in compacted.lines)


@pytest.mark.parametrize("months", [{"months": 12}, {}], ids=["of a year", "no months said"])
def test_what_is_deleted_early_is_billed_for_its_days_and_the_rest_of_the_minimum(months):
    written = {"objects": 1000, "object_bytes": 2**30, "class": "glacier_instant", "reads_a_month": 1, "deleted_after_days": 60} | months
    found = bill({"storage": written})

    # 1000 GB at 0.004 a month: 2 months kept, 1 of the 90 days billed without; 2 full reads at 0.03 a GB and 0.01 a 1,000 requests
    assert (found.by_category[Category.STORAGE], found.by_category[Category.EARLY_DELETE]) == (8, 4)
    assert (found.by_category[Category.RETRIEVAL], found.by_category[Category.REQUESTS]) == (60, Decimal("0.02"))


def test_free_bytes_of_an_engine_are_given_once_a_month_and_not_once_a_query():
    half = {"engine": "bigquery", "bytes_scanned": 2**39, "queries": 1}
    found = bill({"queries": [half, half, half]})

    assert found.total == pytest.approx(Decimal("3.125"), abs=Decimal("1e-8"))


def test_free_bytes_are_divided_whatever_the_order_of_the_parts_and_each_line_says_so():
    parts = [{"engine": "bigquery", "bytes_scanned": 2**40, "queries": queries, "what": f"{queries} a month"} for queries in (1, 3)]
    found, turned = bill({"queries": parts}), bill({"queries": parts[::-1]})

    assert [line.amount for line in found.lines] == [Decimal("4.6875"), Decimal("14.0625")]  # three quarters of each are billed
    assert {line.what: line.amount for line in turned.lines} == {line.what: line.amount for line in found.lines}
    assert "274,877,906,944 B free, its share of 1,099,511,627,776 B a month among 2 parts" in found.lines[0].formula


def test_numbers_of_json_stay_exact():
    found = bill({"compute": {"vcpu_hours": 0.1}})

    assert found.lines[0].quantity == Decimal("0.1")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({}, "nothing to price"),
        (storage(objects=-1), "storage.0.objects"),
        (storage(object_byte=1), "object_bytes"),
        ({"compute": {"vcpus": 2}}, "vcpu_hours, or runs with run_hours"),
        ({"compute": {"vcpu_hours": 1, "spot_share": 1.2}}, "spot_share"),
        ({"compute": {"vcpu_hours": 1, "spot_share": 1, "interruptions_per_hour": 0.1}}, "run_hours"),
        ({"compute": {"run_hours": 1, "memory_gb_hours": 1}}, "memory_gb"),
        ({"compute": {"vcpu_hours": 1, "interruptions_per_hour": 0.1, "interrupted_a_month": 0.1}}, "one of the two"),
        ({"queries": {"engine": "athena", "bytes_scanned": "many"}}, "bytes_scanned"),
        ({"currency": "EUR"} | storage(), "currency: input should be 'USD' or 'NPR'"),
        (storage(objects=1.5), "objects: value error, should be a whole number"),
        (storage(deleted_after_days=60), "60 lies behind the 1 months"),
        ({"transfer": [{"route": "out", "bytes": 1}, {"route": "out", "bytes": 2}]}, "twice"),
    ],
)
def test_a_scenario_that_makes_no_sense_says_where(written, told):
    with pytest.raises(UsageError, match=told):
        bill(written)


@pytest.mark.parametrize(
    ("written", "near"),
    [
        (storage(**{"class": "glacer_instant"}), "glacier_instant"),
        ({"queries": {"engine": "bigqery", "bytes_scanned": 1}}, "bigquery"),
        ({"transfer": {"route": "cross_region_", "bytes": 1}}, "cross_region"),
        ({"notifications": {"channel": "mial", "messages": 1}}, "mail"),
        (storage(**{"class": "deep_archive"}, reads=1, read_speed="fast"), "standard"),
        (storage(**{"class": "standard_ia"}, reads=1, read_speed="bulk"), "read at once and has no read_speed 'bulk'"),
        (storage(**{"class": "glacier_instant"}, read_speed="expedited"), "or write 'standard'"),
    ],
)
def test_what_the_book_does_not_price_is_refused_with_near_names(written, near):
    with pytest.raises(UnknownName, match=near):
        bill(written)


def test_text_that_is_no_json_is_refused():
    with pytest.raises(UsageError, match="JSON"):
        scenario_of_text("{")


def test_a_book_without_a_rate_of_exchange_prices_no_rupees():
    book = preset(TEXTBOOK)
    without = type(book)("bare", 1, tuple(row for row in book.rows if row.key != FX))

    with pytest.raises(UsageError, match=r"fx\.npr_per_usd"):
        billed(scenario_of_text(json.dumps(storage() | {"currency": "NPR"})), without, today=TODAY)


def test_a_tornado_puts_what_moves_the_bill_most_on_top():
    usual = {"objects": Decimal(1000), "months": Decimal(1), "reads": Decimal(0)}

    def cost(changed) -> Decimal:
        now = usual | changed
        return bill(storage(objects=int(now["objects"]), months=int(now["months"]), reads=int(now["reads"]))).total

    swings = tornado(
        [
            around("objects", usual["objects"]),
            Turn("reads", Decimal(0), Decimal(0), Decimal(10)),
            around("months", Decimal(1), share=Decimal(1)),
        ],
        cost,
    )

    assert [swing.turn.name for swing in swings] == ["months", "objects", "reads"]
    assert swings[1].at_low == bill(storage(objects=800)).total
    with pytest.raises(UsageError, match="outside"):
        Turn("months", Decimal(2), Decimal(1), Decimal(3))
