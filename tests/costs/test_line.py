"""Lines of a bill: rounded once, summed exactly, and readable."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.costs.line import QUANTUM, Category, by_category, converted, cost_line, tiered_lines, total
from engine.costs.presets import AWS_2026, preset
from engine.costs.price_book import FX, Currency
from engine.errors import UsageError

BOOK = preset(AWS_2026)
STORAGE = BOOK.price("storage.standard")
QUANTITIES = st.decimals(0, Decimal("1e9"), allow_nan=False, places=9)


@given(st.lists(QUANTITIES, max_size=20))
def test_a_total_is_the_sum_of_its_lines_to_the_last_digit_in_any_order(quantities):
    lines = [cost_line(Category.STORAGE, "kept", quantity, STORAGE) for quantity in quantities]
    with localcontext(prec=60):
        exact = sum((line.amount for line in lines), Decimal(0))

    assert total(lines) == total(reversed(lines)) == exact
    assert sum(by_category(lines).values()) == exact


@given(QUANTITIES)
def test_a_line_is_rounded_once_to_a_billionth(quantity):
    line = cost_line(Category.STORAGE, "kept", quantity, STORAGE)

    assert line.amount == (quantity * STORAGE.amount).quantize(QUANTUM)


@given(QUANTITIES, QUANTITIES)
def test_more_never_costs_less(one, other):
    less, more = sorted((one, other))
    for key in ("storage.standard", "transfer.out"):
        costs = [total(tiered_lines(Category.TRANSFER, "moved", quantity, BOOK.tiers(key))) for quantity in (less, more)]
        assert costs[0] <= costs[1]


def test_a_formula_shows_every_number_that_the_amount_is_made_of():
    line = cost_line(Category.REQUESTS, "PUT", Decimal(2500), BOOK.price("storage.standard.put"), how="5 runs x 500 files")

    assert line.formula == "5 runs x 500 files = 2,500 requests x 0.005 USD per 1,000 requests = 0.0125 USD"
    assert line.amount == Decimal("0.0125")
    assert line.price_source


def test_tiers_are_counted_from_the_lowest_and_begin_anew_each_month():
    one = tiered_lines(Category.TRANSFER, "out", Decimal(10_340), BOOK.tiers("transfer.out"))
    twelve = tiered_lines(Category.TRANSFER, "out", Decimal(10_340), BOOK.tiers("transfer.out"), times=Decimal(12))

    assert [line.amount for line in one] == [0, Decimal("912.6"), Decimal("8.5")]  # 100 GB free, 10,140 at 0.09, 100 at 0.085
    assert total(twelve) == 12 * total(one)


def test_a_line_in_rupees_says_the_rate_it_was_converted_at():
    line = converted(cost_line(Category.STORAGE, "kept", Decimal(1000), STORAGE), Currency.NPR, BOOK.price(FX))

    assert line.amount == 23 * BOOK.price(FX).amount
    assert line.formula.endswith("23 USD x 133.16 NPR per USD = 3,062.68 NPR")


def test_two_currencies_have_no_total():
    line = cost_line(Category.STORAGE, "kept", Decimal(1), STORAGE)

    with pytest.raises(UsageError, match="two currencies"):
        total([line, converted(line, Currency.NPR, BOOK.price(FX))])


@pytest.mark.parametrize("quantity", ["-1", "NaN", "Infinity"])
def test_a_negative_quantity_is_refused(quantity):
    with pytest.raises(UsageError, match="0 or more"):
        cost_line(Category.STORAGE, "kept", Decimal(quantity), STORAGE)


def test_a_term_of_the_price_list_is_not_charged():
    with pytest.raises(UsageError, match="not a price"):
        cost_line(Category.STORAGE, "kept", Decimal(1), BOOK.price("storage.standard_ia.minimum_days"))
