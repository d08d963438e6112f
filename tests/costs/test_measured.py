"""What was measured is priced line by line; the quick sum is that of the lines, whatever was used and whatever it costs."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.costs.line import Category, by_category
from engine.costs.measured import MEASURES, PRICED, USED, Tariff, Usage, amount_of, shown, summed
from engine.costs.presets import PRESETS, preset
from engine.costs.price_book import FX, Currency, Price

used = st.builds(Usage, **dict.fromkeys(USED, st.integers(0, 10**15)))
AWS = Tariff(preset("aws-2026"))


def in_npr(key: str, amount: str) -> Tariff:
    row = Price(key, Decimal(amount), preset("aws-2026").price(key).unit, Currency.NPR, "a contract", None)
    return Tariff(preset("aws-2026").with_prices([row], name="own"))


@pytest.mark.parametrize("tariff", [AWS, Tariff(preset("textbook")), in_npr("compute.vcpu_hour", "3.77")], ids=["aws", "textbook", "npr"])
@given(usage=used)
def test_the_quick_amounts_are_the_sums_of_the_lines(tariff, usage):
    lines = tariff.lines(usage)

    assert {category: amount_of(amount) for category, amount in tariff.amounts(usage).items() if amount} == {
        category: amount for category, amount in by_category(lines).items() if amount
    }
    assert {line.currency for line in lines} <= {Currency.USD}


@given(less=used, more=used)
def test_more_of_anything_never_costs_less(less, more):
    both = AWS.amounts(less + more)

    assert all(both[category] >= AWS.amounts(less)[category] for category in PRICED)


@given(parts=st.lists(used, max_size=5))
def test_the_sum_of_parts_is_the_sum_of_their_amounts(parts):
    amounts = [AWS.amounts(part) for part in parts]

    assert sum(summed(amounts).values()) == sum(sum(one.values()) for one in amounts)


def test_an_hour_a_gigabyte_a_thousand_requests_and_a_message_cost_what_the_book_says():
    usage = Usage(cpu_us=3_600_000_000, memory_kib_us=2**20 * 3_600_000_000, bytes_written=2**30, puts=1000, gets=1000, messages=1000)
    found = {line.price_key: line.amount for line in AWS.lines(usage)}

    assert found == {
        "compute.vcpu_hour": Decimal("0.028338"),
        "compute.memory_gb_hour": Decimal("0.0031155").quantize(Decimal("1e-9")),
        "storage.standard": Decimal("0.023"),
        "storage.standard.put": Decimal("0.005"),
        "storage.standard.get": Decimal("0.0004"),
        "notification.mail": Decimal("0.10"),
    }


def test_every_measure_is_priced_by_a_book_that_comes_with_the_product_and_says_its_formula():
    usage = Usage(**dict.fromkeys(USED, 10**9))

    assert len(AWS.lines(usage)) == len(MEASURES) == len(USED)
    assert all(" = " in line.formula or line.category in (Category.REQUESTS, Category.NOTIFICATION) for line in AWS.lines(usage))
    assert AWS.unpriced == ()


def test_amounts_in_rupees_add_up_as_those_in_dollars_do():
    rate = PRESETS["aws-2026"].price(FX)
    parts = [Decimal("0.000000001"), Decimal("12.345678901"), Decimal("0.333333333")]

    assert sum(shown(part, Currency.NPR, rate) for part in parts) == shown(sum(parts), Currency.NPR, rate)
    assert shown(parts[1], Currency.USD, rate) == parts[1]
    assert shown(parts[1], Currency.NPR, None) == parts[1]
