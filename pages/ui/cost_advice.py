"""Where the next rupee would be saved."""

from decimal import Decimal

import streamlit as st

from engine.billing.prices import Prices
from engine.billing.workloads import Unmeasured
from engine.costs.advice import savings
from engine.costs.line import total
from engine.costs.price_book import Currency
from engine.costs.what_if import Workload, charges_of
from pages.ui import cost_data, cost_lab_data
from pages.ui import cost_words as words
from pages.ui.text import plain


def next_saving(workload: Workload | Unmeasured) -> None:
    """Say what the same work would cost on rented machines, and which change would save the most there."""
    if isinstance(workload, Unmeasured):
        return
    prices, now = cost_data.prices(), cost_lab_data.as_it_is()
    monthly = total(charge.line for charge in charges_of(workload, now, prices.book)) / now.horizon
    least = prices.book.term("compute.minimum_seconds")
    rented = "On rented machines, " + (f"which bill each run for {least:f} s at least, and " if least else "")
    rented += f"with {now.queries} queries a month"
    with st.container(key="cost_advice"):
        st.info(
            f"{rented}, the same work would cost **{both(monthly, prices)} a month**. {_next(workload, prices)}", icon=":material/payments:"
        )


def _next(workload: Workload, prices: Prices) -> str:
    now = cost_lab_data.as_it_is()
    best = next(iter(savings(workload, now, prices.book)), None)
    if best is None or best.amount <= 0:
        return "No change that loses nothing would save anything."
    return f"The next rupee would be saved by: *{plain(words.with_names(best.words))}*, {both(best.amount / now.horizon, prices)} a month."


def both(amount: Decimal, prices: Prices) -> str:
    """Return an amount in dollars, and in rupees where the rate is known."""
    rate = prices.rate
    dollars = words.money(amount, Currency.USD)
    return f"{dollars} ({words.money(amount * rate.amount, Currency.NPR)})" if rate is not None else dollars
