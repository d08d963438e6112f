"""The cheapest policy, found by trying all: every pair of ages and classes, with and without compaction.

Trying one takes a few additions: what all cohorts cost at each age is summed once for each class, with and without compaction.
`tests/costs` holds the result against a walk through every month of every policy.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate

from engine.costs.line import ZERO, quantised
from engine.costs.policy import Cohort, Holding, Policy, Risk, classes_by_name, risk_of
from engine.costs.price_book import GB, PriceBook
from engine.costs.storage_classes import BILLED_MONTH_DAYS, STANDARD, STANDARD_SPEED, StorageClass
from engine.errors import UsageError

AGES = (1, 2, 3, 6, 12, 18, 24)  # months at which data may move
RULE_OF_THUMB = Policy(warm_at=1, warm="standard_ia", cold_at=12, cold="glacier_instant")  # as the textbook's 9.10 has it
LEAST_SAVING = Decimal("0.01")  # a month; below it a move is not worth its risk


class Advice(StrEnum):
    """What to do."""

    STAY = "stay"
    COMPACT = "compact"  # and stay
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The cheapest policy with what it saves over the look ahead, and what was compared with it; money in the book's currency."""

    policy: Policy
    cost: Decimal
    stay: Decimal  # as it is
    compact: Decimal  # compacted, never moved
    by_rule: Decimal | None  # the rule of thumb: files as they are, by age alone; None where the book lacks its classes
    months: int
    risk: Risk
    tried: int

    @property
    def saving(self) -> Decimal:
        """What it saves against leaving everything as it is."""
        return self.stay - self.cost

    @property
    def advice(self) -> Advice:
        """What to do: move only where that saves at least a cent a month more than compacting does."""
        if self.policy.moves and min(self.stay, self.compact) - self.cost >= LEAST_SAVING * self.months:
            return Advice.MOVE
        return Advice.COMPACT if self.compact < self.stay or self.policy.compact_at is not None else Advice.STAY


def policies(
    classes: Mapping[str, StorageClass], *, ages: tuple[int, ...] = AGES, most_wait: Decimal | None = None, speed: str = STANDARD_SPEED
) -> tuple[Policy, ...]:
    """Return every policy, the quietest first; `most_wait` leaves out classes whose data cannot be read within so many hours at a speed."""
    names = (
        name
        for name, cls in classes.items()
        if name != STANDARD and (not cls.needs_restore or (speed in cls.restore_hours and _fits(cls.restore_hours[speed], most_wait)))
    )
    return _policies(tuple(names), ages)


@lru_cache(maxsize=16)
def _policies(names: tuple[str, ...], ages: tuple[int, ...]) -> tuple[Policy, ...]:
    return tuple(_each(names, ages))


def _each(names: tuple[str, ...], ages: tuple[int, ...]) -> Iterator[Policy]:
    for compact_at in (None, 1):
        yield Policy(compact_at)
        for at, warm_at in enumerate(ages):
            for first, warm in enumerate(names):
                yield Policy(compact_at, warm_at, warm)
                for cold_at in ages[at + 1 :]:
                    for cold in names[first + 1 :]:
                        yield Policy(compact_at, warm_at, warm, cold_at, cold)


def _fits(hours: Decimal, most_wait: Decimal | None) -> bool:
    return most_wait is None or hours <= most_wait


class _Tables:
    """Sums over all cohorts, from which a policy is priced by a few additions."""

    def __init__(self, book: PriceBook, holding: Holding) -> None:
        self.holding = holding
        self.classes = classes_by_name(book)
        self.oldest = max(0, *(cohort.age for cohort in holding.cohorts)) + holding.months
        self.of_age: dict[int, list[Cohort]] = {}
        for cohort in holding.cohorts:
            self.of_age.setdefault(cohort.age, []).append(cohort)
        self.prefix = {(name, packed): self._by_age(cls, packed=packed) for name, cls in self.classes.items() for packed in (False, True)}
        self.older = {packed: self._older(packed=packed) for packed in (False, True)}
        self.reach = {packed: self._reaching(packed=packed) for packed in (False, True)}

    def _by_age(self, cls: StorageClass, *, packed: bool) -> list[Decimal]:
        """Return what all cohorts together cost at ages below each: kept and read, in one class.

        A cohort lives through a stretch of ages, and costs the same at each: two additions where it begins and where it ends.
        """
        kept, read = [ZERO] * (self.oldest + 2), [ZERO] * (self.oldest + 2)
        arriving = [ZERO] * (self.oldest + 1)  # what is not there for the whole of its first month
        for cohort in self.holding.cohorts:
            lives = self.holding.lives(cohort)
            if not lives:
                continue
            objects = cohort.compacted(self.holding.target) if packed else cohort.objects
            index = objects * cls.overhead_standard_bytes * cls.standard.each
            month = (cohort.billed(cls, objects) * cls.gb_month + index) / GB
            once = objects * cls.read_of_one(Decimal(cohort.size) / objects, self.holding.speed)
            for sums, amount in ((kept, month), (read, once)):
                sums[lives[0]] += amount
                sums[lives[-1] + 1] -= amount
            arriving[lives[0]] += (1 - cohort.first) * month
        each = zip(accumulate(kept[:-1]), accumulate(read[:-1]), arriving, strict=True)
        return [ZERO, *accumulate(month + self.holding.reads.at(age) * once - late for age, (month, once, late) in enumerate(each))]

    def _reaching(self, *, packed: bool) -> list[int]:
        """Return the objects of all cohorts that are at least so old when the look ends."""
        ending = [0] * (self.oldest + 2)
        for cohort in self.holding.cohorts:
            last = cohort.age + self.holding.months - 1
            if last >= 0:
                ending[last] += cohort.compacted(self.holding.target) if packed else cohort.objects
        return list(accumulate(reversed(ending)))[::-1]

    def _older(self, *, packed: bool) -> list[int]:
        """Return the objects of all cohorts that are at least so old when the look begins."""
        found = [0] * (self.oldest + 2)
        for age, cohorts in self.of_age.items():
            if age >= 0:
                found[age] += sum(self._objects(one, packed=packed) for one in cohorts)
        return list(accumulate(reversed(found)))[::-1]

    def cost(self, policy: Policy) -> Decimal:
        """Return what a policy costs over the look ahead, unrounded."""
        packed_at = self.oldest + 1 if policy.compact_at is None else min(policy.compact_at, self.oldest + 1)
        bounds = [0, *(min(age, self.oldest + 1) for age, _ in policy.moves), self.oldest + 1]
        names = [STANDARD, *(name for _, name in policy.moves)]
        paid = ZERO
        for name, begin, end in zip(names, bounds, bounds[1:], strict=False):
            cut = min(max(packed_at, begin), end)
            loose, packed = self.prefix[name, False], self.prefix[name, True]
            paid += loose[cut] - loose[begin] + packed[end] - packed[cut]
        return paid + self._compaction(policy) + self._moves(policy)

    def _compaction(self, policy: Policy) -> Decimal:
        if policy.compact_at is None or policy.compact_at > self.oldest:
            return ZERO
        standard = self.classes[STANDARD]
        gets = self.reach[False][policy.compact_at] * (standard.get.each if standard.get else ZERO)
        return gets + self.reach[True][policy.compact_at] * (standard.put.each if standard.put else ZERO)

    def _moves(self, policy: Policy) -> Decimal:
        packed = policy.compact_at is not None
        paid = ZERO
        for step, (age, name) in enumerate(policy.moves):
            if age > self.oldest:
                continue
            moved = self.reach[packed][age]
            if step + 1 < len(policy.moves):  # what is old enough for the next class when the look begins goes there at once
                later = policy.moves[step + 1][0]
                moved -= self.older[packed][min(later, self.oldest + 1)]
                paid += self._left_early(policy, age, later, self.classes[name])
            transition = self.classes[name].transition
            paid += moved * transition.each if transition else ZERO
        return paid

    def _left_early(self, policy: Policy, begin: int, end: int, cls: StorageClass) -> Decimal:
        """Return what is billed for cohorts that leave a class before its minimum days."""
        paid = ZERO
        among: Iterable[Cohort] = self.holding.cohorts
        if BILLED_MONTH_DAYS * (end - begin) >= cls.minimum_days:  # only what was older than `begin` from the first can leave too early
            among = (one for age in range(begin + 1, end) for one in self.of_age.get(age, ()))
        for cohort in among:
            short = cls.minimum_days - BILLED_MONTH_DAYS * (end - max(begin, cohort.age))
            if short > 0 and cohort.age < end <= cohort.age + self.holding.months - 1:
                objects = self._objects(cohort, packed=policy.compact_at is not None)
                paid += cohort.billed(cls, objects) / GB * cls.gb_month * short / BILLED_MONTH_DAYS
        return paid

    def _objects(self, cohort: Cohort, *, packed: bool) -> int:
        return cohort.compacted(self.holding.target) if packed else cohort.objects


@dataclass(frozen=True, slots=True)
class Opened:
    """What the files that queries open cost over the look ahead, which a policy changes by compacting alone."""

    loose: Decimal = ZERO
    packed: Decimal = ZERO

    def under(self, policy: Policy) -> Decimal:
        """Return what they cost under a policy."""
        return self.loose if policy.compact_at is None else self.packed


UNASKED = Opened()


def cheapest(
    book: PriceBook, holding: Holding, *, ages: tuple[int, ...] = AGES, most_wait: Decimal | None = None, opened: Opened = UNASKED
) -> Recommendation:
    """Return the cheapest policy of all; of two that cost the same to 1e-9, the one that moves less. What queries open is in every cost."""
    if f"storage.{STANDARD}" not in book:
        raise UsageError(f"price book {book.name!r} has no class called standard, in which data begins: add storage.standard")
    tables = _Tables(book, holding)

    def cost_of(policy: Policy) -> Decimal:
        return quantised(tables.cost(policy) + opened.under(policy))

    tried = [(cost_of(policy), policy) for policy in policies(tables.classes, ages=ages, most_wait=most_wait, speed=holding.speed)]
    cost, best = min(tried, key=lambda one: one[0])
    costs = {policy: paid for paid, policy in tried}
    ruled = RULE_OF_THUMB.warm in tables.classes and RULE_OF_THUMB.cold in tables.classes
    return Recommendation(
        policy=best,
        cost=cost,
        stay=costs[Policy()],
        compact=costs[Policy(1)],
        by_rule=cost_of(RULE_OF_THUMB) if ruled else None,
        months=holding.months,
        risk=risk_of(book, holding, best),
        tried=len(tried),
    )
