"""Which class data should lie in at which age: what a policy costs month by month, and what it risks.

Time is in whole months. Data is in cohorts: what was stored in one month, moved together. Everything begins in Standard, as single files.
A closed month may be compacted (its files become few objects) before it moves. Writing the data first costs the same under every policy
and is left out. Prices are those of the lowest tier.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate, pairwise
from types import MappingProxyType

from engine.costs.line import ONE, ZERO, Category, CostLine, cost_line, quantised, rounded
from engine.costs.price_book import GB, Price, PriceBook, plural
from engine.costs.storage_classes import BILLED_MONTH_DAYS, STANDARD, STANDARD_SPEED, StorageClass, storage_classes
from engine.errors import UsageError

COMPACTED_BYTES = 128 * 2**20  # of an object that compaction makes; smaller where a month has less
MONTH_DAYS = int(BILLED_MONTH_DAYS)


@dataclass(frozen=True, slots=True)
class Cohort:
    """What one month stored: its age in months when the look begins (below 0: it is yet to come), its files and their bytes in all.

    `first` is the share of its first month for which it is there, where it arrives day by day.
    """

    age: int
    objects: int
    size: int
    first: Decimal = ONE

    def __post_init__(self) -> None:
        if self.objects <= 0 or self.size < 0:
            raise UsageError(f"a month with {self.objects} objects and {self.size} bytes: give at least one object and no negative size")

    def compacted(self, target: int) -> int:
        """Return the number of objects after compaction; never more than before."""
        return min(self.objects, max(1, -(-self.size // target)))

    def billed(self, cls: StorageClass, objects: int) -> int:
        """Return the bytes that a class bills for this month's data in so many objects, each of the same size."""
        return max(self.size, objects * int(cls.minimum_bytes)) + objects * int(cls.overhead_bytes)


@dataclass(frozen=True, slots=True)
class ReadsByAge:
    """Full reads a month by age: `(from this age on, reads)`, youngest first; the last one holds for all that is older."""

    steps: tuple[tuple[int, Decimal], ...] = ((0, ZERO),)

    def __post_init__(self) -> None:
        ages = [age for age, _ in self.steps]
        if not ages or ages[0] != 0 or ages != sorted(set(ages)) or any(reads < 0 for _, reads in self.steps):
            raise UsageError("reads by age begin at age 0, with growing ages and no negative reads")

    def at(self, age: int) -> Decimal:
        """Return the full reads in the month of that age."""
        return next(reads for start, reads in reversed(self.steps) if age >= start)


@dataclass(frozen=True, slots=True)
class Policy:
    """Move to `warm` from an age on and to `cold` from a later one; compact at `compact_at` first. What is None does not happen."""

    compact_at: int | None = None
    warm_at: int | None = None
    warm: str | None = None
    cold_at: int | None = None
    cold: str | None = None
    moves: tuple[tuple[int, str], ...] = field(init=False, repr=False, compare=False)  # from which age on, into which class

    def __post_init__(self) -> None:
        steps = ((self.warm_at, self.warm), (self.cold_at, self.cold))
        object.__setattr__(self, "moves", tuple((age, name) for age, name in steps if age is not None and name is not None))
        if (self.warm_at is None) != (self.warm is None) or (self.cold_at is None) != (self.cold is None):
            raise UsageError("a step of a policy needs both: an age and a class")
        if self.warm_at is not None and self.cold_at is not None and self.cold_at <= self.warm_at:
            raise UsageError(f"data cannot go cold at {self.cold_at} months, before it is warm at {self.warm_at}")
        if self.compact_at is not None and self.moves and self.compact_at > self.moves[0][0]:
            raise UsageError("compaction comes first: its age must not be above that of the first move")

    def class_at(self, age: int) -> str:
        """Return the class that data of this age lies in."""
        return next((name for start, name in reversed(self.moves) if age >= start), STANDARD)

    @property
    def words(self) -> str:
        """The policy as a sentence."""
        first = "compact closed months" if self.compact_at is not None else ""
        moved = ", ".join(f"{name} from {age} month{'s' if age != 1 else ''} on" for age, name in self.moves)
        if not moved:
            return f"stay in Standard, {first} first" if first else "stay in Standard as it is"
        return f"{first} first, then {moved}" if first else f"{moved}, files as they are"


@dataclass(frozen=True, slots=True)
class Holding:
    """The data and how it is looked at: cohorts, months to look ahead, reads by age, speed of restores, size of compacted objects."""

    cohorts: tuple[Cohort, ...]
    months: int
    reads: ReadsByAge = ReadsByAge()
    speed: str = STANDARD_SPEED
    target: int = COMPACTED_BYTES

    def __post_init__(self) -> None:
        if self.months < 1:
            raise UsageError(f"a look of {self.months} months ahead: it must be 1 or more")

    def lives(self, cohort: Cohort) -> range:
        """Return the ages that a cohort has during the look, one a month."""
        return range(max(cohort.age, 0), cohort.age + self.months)


@dataclass(frozen=True, slots=True)
class Risk:
    """What may go wrong: hours until data can be read, what deleting all of it the day after costs, and one full read of everything."""

    restore_hours: Decimal
    early_delete: Decimal
    read_everything: Decimal


def classes_by_name(book: PriceBook) -> Mapping[str, StorageClass]:
    """Return the classes of a book by their names."""
    return MappingProxyType({cls.name: cls for cls in storage_classes(book)})


class Use(StrEnum):
    """What data in a class uses, and in which raw quantity it is counted."""

    STORE = "store"  # bytes billed, a month
    INDEX = "index"  # bytes of an archive's index, a month
    EARLY = "early"  # bytes x days that are missing from the minimum
    MOVE = "move"  # objects moved into the class
    PUT = "put"  # objects that compaction writes
    GET = "get"  # objects read
    OUT = "out"  # bytes read
    RESTORE = "restore"  # objects restored


Used = dict[tuple[Use, str], list[Decimal | int]]  # by kind of use and class, month by month
_ONE_OF = {Use.STORE: GB, Use.INDEX: GB, Use.EARLY: GB * BILLED_MONTH_DAYS, Use.OUT: GB}  # raw quantities that are one of what is priced
_CATEGORIES = {
    Use.STORE: (Category.STORAGE, "kept in"),
    Use.INDEX: (Category.STORAGE, "index of"),
    Use.EARLY: (Category.EARLY_DELETE, "left too early:"),
    Use.MOVE: (Category.TRANSITION, "moved into"),
    Use.PUT: (Category.REQUESTS, "compaction, PUT into"),
    Use.GET: (Category.REQUESTS, "GET from"),
    Use.OUT: (Category.RETRIEVAL, "read out of"),
    Use.RESTORE: (Category.RETRIEVAL, "restore requests,"),
}


@dataclass(frozen=True, slots=True)
class Charge:
    """Something that is used month by month, in the unit of its price."""

    category: Category
    what: str
    price: Price
    months: tuple[Decimal, ...]
    how: str = ""
    discount: Decimal = ZERO

    @property
    def amount(self) -> Decimal:
        """What all months cost: that of the line."""
        return quantised(sum(self.months, ZERO) * self.price.each * (1 - self.discount))

    @property
    def line(self) -> CostLine:
        """All months as one line."""
        first, last, unit = rounded(self.months[0]), rounded(self.months[-1]), plural(self.price.unit)
        each = f"{first} {unit} in each month" if first == last else f"{first} {unit} in the first to {last} in the last month"
        over = f"{self.how}: " if self.how else ""
        how = f"{over}{each}, {len(self.months)} months"
        return cost_line(self.category, self.what, sum(self.months, ZERO), self.price, how=how, discount=self.discount)

    def by_month(self) -> list[Decimal]:
        """Return what each month costs, unrounded."""
        each = self.price.each * (1 - self.discount)
        return [quantity * each for quantity in self.months]


def charges(book: PriceBook, holding: Holding, policy: Policy) -> tuple[Charge, ...]:
    """Take every cohort through its ages under a policy, and return what was used, priced: one of each class and kind of use."""
    classes = classes_by_name(book)
    for _, name in policy.moves:
        book.named("storage class", "storage.", name)
    tally = _Tally(holding.months)
    for cohort in holding.cohorts:
        _walk(cohort, holding, policy, classes, tally)
    found = []
    for (kind, name), quantities in tally.by_month().items():
        price = _price_of(kind, classes[name], holding.speed)
        if price is not None and any(quantities):
            category, words = _CATEGORIES[kind]
            one = _ONE_OF.get(kind, Decimal(1))
            found.append(Charge(category, f"{words} {name}", price, tuple(Decimal(quantity) / one for quantity in quantities)))
    return tuple(sorted(found, key=lambda charge: (charge.category, charge.what)))


def _price_of(kind: Use, cls: StorageClass, speed: str) -> Price | None:
    if kind in (Use.STORE, Use.EARLY):
        return cls.tiers[0]
    if kind is Use.INDEX:
        return cls.standard
    if kind is Use.MOVE:
        return cls.transition
    if kind is Use.PUT:
        return cls.put
    if kind is Use.GET:
        return cls.get
    prices = cls.retrieval if kind is Use.OUT else cls.restore
    return prices.get(cls.speed(speed))


class _Tally:
    """Sums of use by month, as what begins and what ends in each: a stretch of months is two additions."""

    def __init__(self, months: int) -> None:
        self._months = months
        self._changes: Used = {}

    def add(self, kind: Use, name: str, quantity: Decimal | int, begin: int, end: int) -> None:
        """Add a quantity to each of the months from `begin` to before `end`."""
        if quantity:
            changes = self._changes.setdefault((kind, name), [0] * (self._months + 1))
            changes[begin] += quantity
            changes[end] -= quantity

    def by_month(self) -> Used:
        """Return the sum of each month."""
        return {use: list(accumulate(changes[:-1])) for use, changes in self._changes.items()}


def _walk(cohort: Cohort, holding: Holding, policy: Policy, classes: Mapping[str, StorageClass], tally: _Tally) -> None:
    """Add what one cohort uses, stretch by stretch: from one age at which anything changes to the next."""
    lives = holding.lives(cohort)
    if not lives:
        return
    ages = (policy.compact_at, policy.warm_at, policy.cold_at, *(age for age, _ in holding.reads.steps))
    cuts = sorted({lives[0], lives[-1] + 1, *(age for age in ages if age is not None and lives[0] < age <= lives[-1])})
    place, since, objects = STANDARD, 0, cohort.objects
    for begin, end in pairwise(cuts):
        at = begin - cohort.age
        if policy.compact_at is not None and begin >= policy.compact_at and objects == cohort.objects:
            compacted = cohort.compacted(holding.target)
            if begin == max(policy.compact_at, lives[0]):
                tally.add(Use.GET, place, objects, at, at + 1)
                tally.add(Use.PUT, place, compacted, at, at + 1)
            objects = compacted
        wanted = policy.class_at(begin)
        if wanted != place:
            short = int(classes[place].minimum_days) - MONTH_DAYS * (begin - since)
            if place != STANDARD and short > 0:
                tally.add(Use.EARLY, place, cohort.billed(classes[place], objects) * short, at, at + 1)
            tally.add(Use.MOVE, wanted, objects, at, at + 1)
            place, since = wanted, begin
        _stay(cohort, objects, classes[place], tally, (at, end - cohort.age), reads=holding.reads.at(begin), new=begin == lives[0])


def _stay(cohort: Cohort, objects: int, cls: StorageClass, tally: _Tally, months: tuple[int, int], *, reads: Decimal, new: bool) -> None:
    """Add what data uses that lies still in one class, read equally often."""
    begin, end = months
    kept = {Use.STORE: cohort.billed(cls, objects), Use.INDEX: objects * int(cls.overhead_standard_bytes)}
    for kind, quantity in kept.items():
        tally.add(kind, cls.name, quantity, begin, end)
        if new and cohort.first != 1:
            tally.add(kind, cls.name, -(1 - cohort.first) * quantity, begin, begin + 1)
    if reads:
        tally.add(Use.OUT, cls.name, reads * cohort.size, begin, end)
        tally.add(Use.GET, cls.name, reads * objects, begin, end)
        tally.add(Use.RESTORE, cls.name, reads * objects, begin, end)


def risk_of(book: PriceBook, holding: Holding, policy: Policy) -> Risk:
    """Return what a policy risks, with the data as it lies when the look ends."""
    classes = classes_by_name(book)
    hours = early = read = ZERO
    for cohort in holding.cohorts:
        lives = holding.lives(cohort)
        if not lives:
            continue
        cls = classes[policy.class_at(lives[-1])]
        compacted = policy.compact_at is not None and lives[-1] >= policy.compact_at
        objects = cohort.compacted(holding.target) if compacted else cohort.objects
        hours = max(hours, cls.restore_hours.get(holding.speed, ZERO))
        early += cohort.billed(cls, objects) / GB * cls.gb_month * cls.minimum_days / BILLED_MONTH_DAYS
        read += objects * cls.read_of_one(Decimal(cohort.size) / objects, holding.speed)
    return Risk(hours, early, read)
