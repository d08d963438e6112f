"""The prices in force are changed with a reason, version by version, and nonsense is refused before anything is written."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from engine.billing.prices import in_force, load, sentence
from engine.clock import nepal_date
from engine.costs.measured import Usage
from engine.costs.price_book import FX, Currency
from engine.errors import Conflict, UnknownName, UsageError
from storage import audit, price_books

KEY = "storage.standard"
DAY = date(2026, 1, 1)
HOUR = Usage(cpu_us=3_600_000_000)
OWN = '{"name": "ours", "base": "aws-2026", "prices": [{"key": "compute.vcpu_hour", "amount": "4", "unit": "vCPU-hour", "currency": "NPR"'


def now(house):
    return house.read(in_force)


def test_a_changed_price_makes_a_book_of_ones_own_and_says_who_why_and_from_where(house):
    version = house.services.set_price(KEY, "0.021", source=" a contract ", as_of=DAY, reason="cheaper")
    known, price = house.read(price_books.one, version), now(house).book.price(KEY)

    assert (known["name"], known["changed_by"], known["reason"]) == ("own", "test", "cheaper")
    assert (price.amount, price.source, price.as_of, price.unit, price.currency) == (
        Decimal("0.021"),
        "a contract",
        DAY,
        "GB-month",
        Currency.USD,
    )
    assert len(now(house).book.tiers(KEY)) == 1
    assert now(house).book.price("storage.standard_ia").amount == Decimal("0.0125")
    said = house.read(audit.recent)[0]
    assert (said["command"], said["result"][-12:]) == ("set_price", "and more in tiers"[-12:])


def test_an_earlier_version_comes_back_by_its_number_or_its_name(house):
    first = house.services.set_price(KEY, "0.021", source="a contract", as_of=DAY, reason="cheaper")
    house.services.set_price(KEY, "0.5", source="a slip", as_of=DAY, reason="a slip")
    house.services.choose_prices(str(first), reason="the slip is taken back")
    assert now(house).book.price(KEY).amount == Decimal("0.021")

    house.services.choose_prices("textbook", reason="to compare")
    assert (now(house).book.name, "storage.standard.put" in now(house).book) == ("textbook", False)
    house.services.choose_prices("own", reason="and back")

    assert now(house).book.price(KEY).amount == Decimal("0.021")
    assert house.read(load, 2).book.price(KEY).amount == Decimal("0.5")
    with pytest.raises(Conflict, match="in force already, as version 5"):
        house.services.choose_prices("own", reason="again")


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"key": "storage.standrd"}, UnknownName, r"nearest are storage\.standard"),
        ({"amount": "-1"}, UsageError, "greater than or equal to 0"),
        ({"amount": "NaN"}, UsageError, "finite number"),
        ({"amount": "much"}, UsageError, "valid decimal"),
        ({"source": " "}, UsageError, "source"),
        ({"as_of": date(2099, 1, 1)}, UsageError, "dated after today"),
        ({"reason": ""}, UsageError, "say why"),
        ({"key": FX, "amount": "0"}, UsageError, "a rate of 0"),
        ({"key": FX, "currency": Currency.NPR}, UsageError, "has no currency"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_a_price_is_refused_and_nothing_is_written(house, asked, error, said):
    good = {"key": KEY, "amount": "0.021", "source": "a contract", "as_of": DAY, "reason": "cheaper"} | asked
    key, amount = good.pop("key"), good.pop("amount")

    with pytest.raises(error, match=said):
        house.services.set_price(key, amount, **good)
    assert house.read(price_books.newest) is None
    assert house.read(audit.recent) == []


def test_the_same_price_again_is_a_conflict(house):
    house.services.set_price(KEY, "0.021", source="a contract", as_of=DAY, reason="cheaper")

    with pytest.raises(Conflict, match=r"is already 0\.021 USD per GB-month"):
        house.services.set_price(KEY, "0.021", source="a contract", as_of=DAY, reason="again")


def test_a_price_in_rupees_is_charged_in_dollars_at_the_books_rate(house):
    house.services.load_prices(OWN + ', "source": "ours"}]}', reason="our own machines")
    tariff = now(house).tariff

    assert now(house).book.name == "ours"
    assert tariff.book.price("compute.vcpu_hour").currency is Currency.NPR
    assert {line.currency for line in tariff.lines(HOUR)} == {Currency.USD}
    assert sum(tariff.amounts(HOUR).values()) == round(4 / 133.16 * 1e9)


def test_a_file_that_is_no_price_book_says_which_row_is_wrong(house):
    with pytest.raises(UsageError, match=r"prices\.0"):
        house.services.load_prices(OWN + ', "sauce": "ours"}]}', reason="a slip")

    assert house.read(price_books.newest) is None


def test_amounts_are_shown_in_the_currency_that_was_chosen_at_the_books_rate(house):
    house.services.choose_currency(Currency.NPR, reason="we pay in rupees")

    assert now(house).currency is Currency.NPR
    assert now(house).shown(Decimal(2)) == Decimal("266.32")
    assert now(house).money(Decimal("0.000123")) == "0.016 NPR"
    with pytest.raises(Conflict, match="in NPR already"):
        house.services.choose_currency(Currency.NPR, reason="again")


def test_prices_that_are_older_than_180_days_are_named(house):
    today = nepal_date(house.clock.now())
    house.services.choose_prices("textbook", reason="to compare")
    house.services.set_price(KEY, "0.021", source="a contract", as_of=today - timedelta(days=181), reason="cheaper")
    old = {price.key for price in now(house).stale(today)}
    house.services.set_price(KEY, "0.021", source="a contract", as_of=today - timedelta(days=180), reason="looked up again")

    assert KEY in old
    assert KEY not in {price.key for price in now(house).stale(today)}
    assert "older than 180 days or undated: the oldest is fx.npr_per_usd of 2024-02-10" in sentence(now(house).stale(today), today)
