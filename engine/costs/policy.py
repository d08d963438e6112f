"""Which class data should lie in at which age: what a policy costs month by month, and what it risks.

Time is in whole months. Data is in cohorts: what was stored in one month, moved together. Everything begins in Standard, as single files.
A closed month may be compacted (its files become few objects) before it moves. Writing the data first costs the same under every policy
and is left out. Prices are those of the lowest tier.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from types import MappingProxyType

from engine.costs.line import ONE, ZERO, Category, CostLine, cost_line
from engine.costs.price_book import GB, PriceBook, plain
from engine.costs.storage_classes import BILLED_MONTH_DAYS, STANDARD, STANDARD_SPEED, StorageClass, storage_classes
from engine.errors import UsageError

COMPACTED_BYTES = Decimal(128 * 2**20)  # of an object that compaction makes; smaller where a month has less

Use = Callable[[str, str, Decimal], None]  # kind of use, class, how much of it


@dataclass(frozen=True, slots=True)
class Cohort:
    """What one month stored: its age in months when the look begins (below 0: it is yet to come), its files and their bytes in all."""

    age: int
    objects: Decimal
    size: Decimal

    def __post_init__(self) -> None:
        if self.objects <= 0 or self.size < 0:
            raise UsageError(f"a month with {self.objects} objects and {self.size} bytes: give at least one object and no negative size")

    def compacted(self, target: Decimal) -> Decimal:
        """Return the number of objects after compaction; never more than before."""
        return min(self.objects, max(ONE, (self.size / target).to_integral_value(ROUND_CEILING)))


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

    def __post_init__(self) -> None:
        if (self.warm_at is None) != (self.warm is None) or (self.cold_at is None) != (self.cold is None):
            raise UsageError("a step of a policy needs both: an age and a class")
        if self.warm_at is not None and self.cold_at is not None and self.cold_at <= self.warm_at:
            raise UsageError(f"data cannot go cold at {self.cold_at} months, before it is warm at {self.warm_at}")
        if self.compact_at is not None and self.moves and self.compact_at > self.moves[0][0]:
            raise UsageError("compaction comes first: its age must not be above that of the first move")

    @property
    def moves(self) -> tuple[tuple[int, str], ...]:
        """The steps that happen: from which age on, into which class."""
        steps = ((self.warm_at, self.warm), (self.cold_at, self.cold))
        return tuple((age, name) for age, name in steps if age is not None and name is not None)

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
    target: Decimal = COMPACTED_BYTES

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


def policy_lines(book: PriceBook, holding: Holding, policy: Policy) -> tuple[CostLine, ...]:
    """Walk every cohort through every month under a policy, and return what was used, priced: a line for each class and kind of use."""
    classes = classes_by_name(book)
    used: dict[tuple[str, str], Decimal] = {}

    def use(kind: str, name: str, quantity: Decimal) -> None:
        used[kind, name] = used.get((kind, name), ZERO) + quantity

    for cohort in holding.cohorts:
        _walk(cohort, holding, policy, classes, use)
    lines: list[CostLine] = []
    for name in classes:
        lines.extend(_priced(classes[name], holding, {kind: quantity for (kind, of), quantity in used.items() if of == name}))
    return tuple(lines)


def _walk(cohort: Cohort, holding: Holding, policy: Policy, classes: Mapping[str, StorageClass], use: Use) -> None:
    place, since, compacted, objects = STANDARD, 0, False, cohort.objects
    for age in holding.lives(cohort):
        if policy.compact_at is not None and age >= policy.compact_at and not compacted:
            use("get", place, objects)
            objects, compacted = cohort.compacted(holding.target), True
            use("put", place, objects)
        wanted = policy.class_at(age)
        if wanted != place:
            short = classes[place].minimum_days - BILLED_MONTH_DAYS * (age - since)
            if place != STANDARD and short > 0:
                billed = objects * classes[place].billable_bytes(cohort.size / objects)
                use("early", place, billed / GB * short / BILLED_MONTH_DAYS)
            use("move", wanted, objects)
            place, since = wanted, age
        cls = classes[place]
        use("store", place, objects * cls.billable_bytes(cohort.size / objects) / GB)
        use("index", place, objects * cls.overhead_standard_bytes / GB)
        reads = holding.reads.at(age)
        use("out", place, reads * cohort.size / GB)
        use("get", place, reads * objects)
        use("restore", place, reads * objects)


def _priced(cls: StorageClass, holding: Holding, used: Mapping[str, Decimal]) -> list[CostLine]:
    speed = cls.speed(holding.speed) if cls.needs_restore else STANDARD_SPEED
    prices = (
        ("store", Category.STORAGE, "kept in", cls.tiers[0]),
        ("index", Category.STORAGE, "index of", cls.standard),
        ("early", Category.EARLY_DELETE, "left too early:", cls.tiers[0]),
        ("move", Category.TRANSITION, "moved into", cls.transition),
        ("put", Category.REQUESTS, "compaction, PUT into", cls.put),
        ("get", Category.REQUESTS, "GET from", cls.get),
        ("out", Category.RETRIEVAL, "read out of", cls.retrieval.get(speed)),
        ("restore", Category.RETRIEVAL, "restore requests,", cls.restore.get(speed)),
    )
    over = f"over {plain(Decimal(holding.months))} months"
    return [
        cost_line(category, f"{words} {cls.name}", used[kind], price, how=over)
        for kind, category, words, price in prices
        if price is not None and used.get(kind)
    ]


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
        each = cohort.size / objects
        hours = max(hours, cls.restore_hours.get(holding.speed, ZERO))
        early += objects * cls.billable_bytes(each) / GB * cls.gb_month * cls.minimum_days / BILLED_MONTH_DAYS
        read += objects * cls.read_of_one(each, holding.speed)
    return Risk(hours, early, read)


def evenly(months_past: int, months_ahead: int, *, objects: Decimal, size: Decimal, growth: Decimal = ZERO) -> tuple[Cohort, ...]:
    """Return cohorts of one size for the past, and for the months to come ones that grow by this share a month."""
    ahead: Sequence[Decimal] = [(1 + growth) ** month for month in range(1, months_ahead)]
    return (
        *(Cohort(age, objects, size) for age in range(months_past, -1, -1)),
        *(Cohort(-month, objects * factor, size * factor) for month, factor in enumerate(ahead, start=1)),
    )
