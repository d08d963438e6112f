"""Prices: what a book holds, what it refuses, and what it says about its age."""

import json
from datetime import date
from decimal import Decimal

import pytest

from engine.costs.own_book import book_of_rows, book_of_text
from engine.costs.presets import AWS_2026, PRESETS, TEXTBOOK, preset
from engine.costs.price_book import Currency, Price, PriceBook, plain
from engine.errors import UnknownName, UsageError

ROW = {"key": "storage.standard", "amount": "0.021", "unit": "GB-month", "source": "contract 17", "as_of": "2026-10-01"}


def written(**changed) -> str:
    return json.dumps({"name": "ours", "version": 3, "prices": [ROW]} | changed)


@pytest.mark.parametrize("name", PRESETS)
def test_every_price_of_a_preset_has_a_unit_and_a_source(name):
    for row in PRESETS[name].rows:
        assert row.unit
        assert row.source
        assert row.amount >= 0


def test_every_price_that_aws_published_has_a_date():
    assert [row.key for row in preset(AWS_2026).rows if row.as_of is None] == []


def test_the_vcpu_and_memory_prices_of_aws_add_up_to_the_machine_they_were_split_from():
    book = preset(AWS_2026)

    assert 2 * book.price("compute.vcpu_hour").amount + 8 * book.price("compute.memory_gb_hour").amount == Decimal("0.0816")


def test_an_unknown_price_is_refused_with_near_names():
    with pytest.raises(UnknownName, match=r"storage\.standard_ia"):
        preset(AWS_2026).price("storage.standrd_ia")


def test_an_unknown_book_is_refused_with_near_names():
    with pytest.raises(UnknownName, match="aws-2026"):
        preset("aws-2025")


def test_a_price_is_stale_after_180_days_and_undated_ones_always_are():
    dated = Price("a.b", Decimal(1), "GB", Currency.USD, "somewhere", date(2026, 1, 1))
    undated = Price("a.c", Decimal(1), "GB", Currency.USD, "somewhere", None)
    book = PriceBook("two", 1, (dated, undated))

    assert book.stale(date(2026, 6, 30)) == (undated,)  # the 180th day
    assert book.stale(date(2026, 7, 1)) == (dated, undated)


def test_all_of_the_textbook_is_undated_but_the_rate_of_exchange():
    assert {row.key for row in preset(TEXTBOOK).rows if row.as_of} == {"fx.npr_per_usd"}


@pytest.mark.parametrize("amount", ["-0.01", "NaN", "Infinity", "a lot"])
def test_a_price_below_zero_or_without_a_number_is_refused_and_named(amount):
    with pytest.raises(UsageError, match=r"prices\.0\.amount"):
        book_of_text(written(prices=[ROW | {"amount": amount}]))


def test_a_price_below_zero_is_refused_wherever_it_is_made():
    with pytest.raises(UsageError, match="0 or more"):
        Price("a.b", Decimal(-1), "GB", Currency.USD, "somewhere", None)


def test_a_book_of_ones_own_takes_what_it_leaves_out_from_its_base():
    book = book_of_text(written(base=AWS_2026))

    assert book.price("storage.standard").amount == Decimal("0.021")
    assert len(book.tiers("storage.standard")) == 1  # its tiers are replaced with it
    assert book.price("query.athena").amount == 5
    assert (book.name, book.version) == ("ours", 3)


def test_a_book_without_a_base_has_only_its_own_prices():
    assert book_of_text(written()).keys == ("storage.standard",)


def test_a_misspelt_field_of_a_price_is_refused():
    with pytest.raises(UsageError, match="ammount"):
        book_of_text(written(prices=[ROW | {"ammount": "1"}]))


def test_two_prices_for_the_same_thing_are_refused():
    with pytest.raises(UsageError, match="two prices"):
        book_of_text(written(prices=[ROW, ROW | {"amount": "1"}]))


def test_tiers_begin_at_zero():
    with pytest.raises(UsageError, match="no tier from 0"):
        book_of_text(written(prices=[ROW | {"above": "100"}]))


def test_a_preset_keeps_its_name():
    with pytest.raises(UsageError, match="preset"):
        book_of_text(written(name=TEXTBOOK))


def test_a_row_of_a_table_that_cannot_be_used_is_numbered():
    with pytest.raises(UsageError, match="row 2"):
        book_of_rows("ours", 1, [ROW, ROW | {"amount": "-1"}])


def test_rows_of_a_table_make_the_same_book_again():
    book = preset(AWS_2026)
    rows = [
        {"key": row.key, "amount": row.amount, "unit": row.unit, "currency": row.currency, "source": row.source}
        | {"as_of": row.as_of, "per": row.per, "above": row.above}
        for row in book.rows
    ]

    assert book_of_rows(book.name, book.version, rows, about=book.about) == book


@pytest.mark.parametrize(("number", "text"), [("1E+3", "1,000"), ("0.000120", "0.00012"), ("0E-9", "0"), ("12.50", "12.5")])
def test_numbers_are_written_as_people_read_them(number, text):
    assert plain(Decimal(number)) == text
