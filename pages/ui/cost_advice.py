"""What a person should know of the bill first: how small it is, and where the next rupee would be saved."""

from decimal import Decimal

import streamlit as st

from engine.billing.prices import Prices
from engine.billing.workloads import Unmeasured
from engine.costs.advice import savings
from engine.costs.measured import amount_of
from engine.costs.price_book import Currency
from engine.costs.what_if import Workload
from pages.ui import cost_data, cost_lab_data
from pages.ui import cost_words as words
from pages.ui.text import plain

_SMALL = Decimal(1)  # US dollar a month


def first_word(workload: Workload | Unmeasured) -> None:
    """Say that the bill is under a dollar while it is, and which change would save the most."""
    bill, _ = cost_data.month()
    prices = cost_data.prices()
    expected = amount_of(bill.forecast)
    said = [_small(expected, prices)] if expected < _SMALL else []
    said += [] if isinstance(workload, Unmeasured) else [_next(workload, prices)]
    if said:
        with st.container(key="cost_advice"):
            st.info(" ".join(said), icon=":material/payments:")


def _small(expected: Decimal, prices: Prices) -> str:
    return f"The bill of the month is **under a dollar**: {both(expected, prices)}. At the size of this exchange that is how it should be."


def _next(workload: Workload, prices: Prices) -> str:
    now = cost_lab_data.as_it_is()
    best = next(iter(savings(workload, now, prices.book)), None)
    if best is None or best.amount <= 0:
        return "No change that loses nothing would save anything."
    return f"The next rupee would be saved by: *{plain(best.words)}*, {both(best.amount / now.horizon, prices)} a month."


def both(amount: Decimal, prices: Prices) -> str:
    """Return an amount in dollars, and in rupees where the rate is known."""
    rate = prices.rate
    dollars = words.money(amount, Currency.USD)
    return f"{dollars} ({words.money(amount * rate.amount, Currency.NPR)})" if rate is not None else dollars
