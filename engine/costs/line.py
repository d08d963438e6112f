"""One line of a bill, and how lines are rounded and summed.

Rounding happens once: a line's amount is quantised to 1e-9 of its currency (half to even) when it is made, and every total is the sum
of such amounts. So totals equal the sum of their lines exactly, in whatever order and groups they are added.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from engine.costs.price_book import Currency, Price, plain, plural
from engine.errors import UsageError

QUANTUM = Decimal("1e-9")
ZERO, ONE = Decimal(0), Decimal(1)


class Category(StrEnum):
    """What a line pays for."""

    COMPUTE = "compute"  # vCPU and memory by the hour
    STORAGE = "storage"
    REQUESTS = "requests"  # puts and gets
    RETRIEVAL = "retrieval"  # bytes taken out of a colder class, and the requests that restore them
    TRANSITION = "transition"  # moved from one class to another
    EARLY_DELETE = "early_delete"  # deleted or moved before the class's minimum days
    QUERY = "query"  # bytes that an engine scans
    TRANSFER = "transfer"  # bytes over a border of the cloud, a region or a zone
    NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True)
class CostLine:
    """So much of something, at that price: `amount = quantity x unit_price x (1 - discount)`, quantised to `QUANTUM`.

    `quantity` is in `unit`, `unit_price` in `currency` for one `unit`; `price_words` is the price as its source gives it.
    `formula` is the whole calculation with its values.
    """

    category: Category
    what: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    currency: Currency
    formula: str
    price_key: str
    price_words: str
    price_source: str
    price_as_of: date | None
    discount: Decimal = ZERO
    per: Decimal = ONE  # how many units the price is for, as its source gives it

    @property
    def list_amount(self) -> Decimal:
        """What it would cost without its discount."""
        return quantised(self.quantity * self.unit_price)


def quantised(amount: Decimal) -> Decimal:
    """Return an amount as lines hold it."""
    return amount.quantize(QUANTUM, ROUND_HALF_EVEN)


def cost_line(category: Category, what: str, quantity: Decimal, price: Price, *, how: str = "", discount: Decimal = ZERO) -> CostLine:
    """Price a quantity in the price's unit; `how` says how the quantity came about, and stands before it in the formula."""
    if price.currency is None:
        raise UsageError(f"{price.key!r} is a term of the price list, not a price")
    if not quantity.is_finite() or quantity < 0:
        raise UsageError(f"{what}: a quantity of {quantity} {price.unit} cannot be priced: it must be 0 or more")
    if not ZERO <= discount <= 1:
        raise UsageError(f"{what}: a discount of {discount} is not between 0 and 1")
    amount = quantised(quantity * price.each * (1 - discount))
    less = f" x (1 - {plain(discount)})" if discount else ""
    begun = f"{how} = " if how else ""
    formula = f"{begun}{rounded(quantity)} {plural(price.unit)} x {price.words}{less} = {plain(amount)} {price.currency}"
    return CostLine(
        category=category,
        what=what,
        quantity=quantity,
        unit=price.unit,
        unit_price=price.each,
        amount=amount,
        currency=price.currency,
        formula=formula,
        price_key=price.key,
        price_words=price.words,
        price_source=price.source,
        price_as_of=price.as_of,
        discount=discount,
        per=price.per,
    )


def tiered_lines(
    category: Category, what: str, quantity: Decimal, tiers: Sequence[Price], *, how: str = "", times: Decimal = ONE
) -> tuple[CostLine, ...]:
    """Price a month's quantity by tiers, lowest first: one line for each tier that it reaches, `times` as often (months)."""
    found = []
    for at, price in enumerate(tiers):
        ends = tiers[at + 1].above if at + 1 < len(tiers) else quantity
        within = max(min(quantity, ends) - price.above, ZERO)
        if within or at == 0:
            span = f"the part above {plain(price.above)} {plural(price.unit)}" if price.above else ""
            told = ": ".join(part for part in (how, span) if part)
            found.append(cost_line(category, what, within * times, price, how=told))
    return tuple(found)


def total(lines: Iterable[CostLine]) -> Decimal:
    """Return the sum of the lines, exact; `UsageError` where they are in more than one currency."""
    listed = tuple(lines)
    if len({line.currency for line in listed}) > 1:
        raise UsageError("lines in two currencies have no total: convert them first")
    return sum((line.amount for line in listed), ZERO)


def by_category(lines: Iterable[CostLine]) -> dict[Category, Decimal]:
    """Return the sum of each category that has a line, in the order of `Category`."""
    listed = tuple(lines)
    return {
        each: total(line for line in listed if line.category is each) for each in Category if any(line.category is each for line in listed)
    }


def converted(line: CostLine, to: Currency, rate: Price) -> CostLine:
    """Return a line in another currency at a rate of NPR for one USD; the line's amount is converted, not its quantity."""
    if line.currency is to:
        return line
    if not rate.amount:
        raise UsageError(f"a rate of 0 ({rate.key}) converts nothing")
    factor = rate.amount if to is Currency.NPR else 1 / rate.amount
    amount = quantised(line.amount * factor)
    sign = "x" if to is Currency.NPR else "/"
    formula = f"{line.formula} {sign} {plain(rate.amount)} NPR per USD = {plain(amount)} {to}"
    return replace(line, unit_price=line.unit_price * factor, amount=amount, currency=to, formula=formula)


def rounded(number: Decimal) -> str:
    """Return a number with at most nine decimals, for reading."""
    return plain(number.quantize(QUANTUM)) if number.is_finite() else str(number)
