"""Where money could be saved, one change at a time, and which input moves the bill most."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.costs.cheapest import Advice
from engine.costs.line import ONE, ZERO, Category
from engine.costs.policy import Charge, Policy
from engine.costs.price_book import PriceBook
from engine.costs.question import AS_IT_IS, NEVER, Question
from engine.costs.sensitivity import Swing, Turn, around, tornado
from engine.costs.what_if import Workload, charges_of, recommended, spot_of

PRICES = {"price of storage": Category.STORAGE, "price of computing": Category.COMPUTE, "price of a scan": Category.QUERY}
FIFTH = Decimal("0.2")


@dataclass(frozen=True, slots=True)
class Saving:
    """One change of what is chosen, and what it saves over the months ahead; below zero it would cost more."""

    words: str
    change: Mapping[str, Any]
    amount: Decimal


def change_of(policy: Policy) -> dict[str, Any]:
    """Return a policy as what a question chooses."""
    change: dict[str, Any] = {"compact": policy.compact_at is not None}
    steps = [(policy.warm_at, policy.warm), (policy.cold_at, policy.cold)]
    for prefix, (age, name) in zip(("warm", "cold"), steps, strict=True):
        change[f"{prefix}_at"] = age or NEVER
        if name is not None:
            change[prefix] = name
    return change


def savings(workload: Workload, question: Question, book: PriceBook) -> tuple[Saving, ...]:
    """Return what each change that loses nothing would save by itself, the most first; in the currency of the book."""
    now = _total(charges_of(workload, question, book))
    found = []
    for words, change in _changes(workload, question, book):
        then = _total(charges_of(workload, question.model_copy(update=change), book))
        found.append(Saving(words, change, now - then))
    return tuple(sorted(found, key=lambda saving: -saving.amount))


def _total(charges: Iterable[Charge]) -> Decimal:
    return sum((charge.amount for charge in charges), ZERO)


def _changes(workload: Workload, question: Question, book: PriceBook) -> Iterator[tuple[str, dict[str, Any]]]:
    if not question.compact:
        yield "compact closed months", {"compact": True}
    best = recommended(workload, question, book)
    if best.advice is Advice.MOVE:
        yield best.policy.words, change_of(best.policy)
    if question.spot < 100 and spot_of(question, book)[1]:  # noqa: PLR2004, percent
        yield "run on spot", {"spot": 100}
    smallest = min(workload.codecs, key=lambda codec: workload.codecs[codec], default=AS_IT_IS)
    if smallest not in (AS_IT_IS, question.codec):
        yield f"write with {smallest}", {"codec": smallest}


def swings(workload: Workload, question: Question, book: PriceBook) -> tuple[Swing, ...]:
    """Return how far each input moves the total when it is turned down and up; most by a fifth. In the currency of the book.

    Prices move their own lines alone, in proportion, and so do the reads of one age: those need not be worked out twice.
    """
    now = charges_of(workload, question, book)
    usual = _total(now)
    found = []
    for name, category in PRICES.items():
        part = FIFTH * _total(charge for charge in now if charge.category is category)
        found.append(Swing(around(name, ONE, share=FIFTH), usual - part, usual + part))

    def total(changed: Mapping[str, Decimal]) -> Decimal:
        ((name, value),) = changed.items()
        whole = Question.model_fields[name].annotation is not Decimal
        return _total(charges_of(workload, question.model_copy(update={name: int(value) if whole else value}), book))

    for name in ("reads_new", "reads_old", "reads_very_old"):
        turn = around(name, getattr(question, name), share=FIFTH)
        up = total({name: turn.high})
        found.append(Swing(turn, 2 * usual - up, up))
    found += tornado(_turns(question, book), total)
    return tuple(sorted(found, key=lambda swing: (-swing.width, swing.turn.name)))


def _turns(question: Question, book: PriceBook) -> Iterator[Turn]:
    yield around("symbols", question.symbols, low=Decimal("0.5"), high=Decimal(5))
    yield Turn("growth", max(question.growth - 1, Decimal(-5)), question.growth, min(question.growth + 1, Decimal(20)))
    if question.queries:
        yield _whole("queries", question.queries, 100_000)
    if question.out:
        yield around("out", question.out, share=FIFTH, high=Decimal(100_000))
    if question.spot:
        yield _whole("spot", question.spot, 100)
        discount = round(spot_of(question, book)[1] * 100)
        yield _whole("discount", discount, 90)
    if question.days:
        yield _whole("days", question.days, 3660)


def _whole(name: str, usual: int, most: int) -> Turn:
    """Return an input that takes whole numbers only."""
    step = max(round(usual / 5), 1)
    return Turn(name, Decimal(max(usual - step, 0)), Decimal(usual), Decimal(min(usual + step, most)))
