"""What the pipelines would cost: measured work, put into another world under other choices, month by month.

One month is the sum of what is stored and moved (`policy`), computed, asked and written in it; the bill is the sum over the months ahead.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache

from engine.costs.cheapest import Opened, Recommendation, cheapest
from engine.costs.compute import Speedup, Spot, expected_hours, hourly_rate
from engine.costs.forecast import Lines, Month, months_ahead
from engine.costs.line import ONE, ZERO, Category, CostLine, total
from engine.costs.policy import Charge, Cohort, Holding, charges
from engine.costs.price_book import FX, GB, MONTH_DAYS, TB, Currency, Price, PriceBook, plain
from engine.costs.query import billed_bytes, free_bytes
from engine.costs.question import AS_IT_IS, Question
from engine.costs.scenario import in_one_currency
from engine.costs.storage_classes import STANDARD

HOUR, MINUTES = Decimal(3600), Decimal(60)
PERCENT = Decimal(100)


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """What was measured of one home: what it stores, what its runs use, and what a query reads of it.

    A run that loads nothing (of a closed day, or one that failed) is billed too: `idle_a_month`, each of `idle_seconds` at any scale.
    `cohorts` are the months so far, `trends` what comes a day, layer by layer, `curve` the seconds of a run over vCPUs; `columns` the bytes
    of a session's columns in the dataset that is asked; `codecs` how large the same data is under each codec, as a share of what it is now.
    """

    cohorts: tuple[Cohort, ...]
    trends: Lines
    stored: int
    sessions_a_month: Decimal
    sessions: int
    objects_a_session: Decimal  # files that a session adds, of all layers
    loads_a_month: Decimal  # runs that load a session
    idle_a_month: Decimal
    idle_seconds: Decimal
    puts_a_month: Decimal  # by runs of all kinds
    gets_a_month: Decimal
    received_a_month: Decimal  # bytes, from the source
    messages_a_month: Decimal  # of alerts and the like, as they were delivered
    curve: Speedup
    memory_gb: Decimal
    columns: Mapping[str, int]
    codecs: Mapping[str, Decimal] = field(default_factory=dict)
    dataset: str = "silver"
    until: date | None = None

    @property
    def session_bytes(self) -> int:
        """The bytes of all columns of one session in the dataset that is asked."""
        return sum(self.columns.values())


@dataclass(frozen=True, slots=True)
class Projection:
    """A question answered: what is used month by month, priced; `rate` is what one of the book's currency is in that of the answer."""

    question: Question
    months: tuple[Month, ...]
    charges: tuple[Charge, ...]
    lines: tuple[CostLine, ...]
    currency: Currency
    rate: Price | None

    @property
    def total(self) -> Decimal:
        """The sum of all months."""
        return total(self.lines)

    @property
    def by_category(self) -> dict[Category, list[Decimal]]:
        """What each month costs, by category."""
        found: dict[Category, list[Decimal]] = {}
        for charge in self.charges:
            sums = found.setdefault(charge.category, [ZERO] * len(self.months))
            factor = self._factor(charge)
            found[charge.category] = [one + factor * other for one, other in zip(sums, charge.by_month(), strict=True)]
        return {category: found[category] for category in Category if category in found}

    def _factor(self, charge: Charge) -> Decimal:
        if charge.price.currency is self.currency or self.rate is None:
            return ONE
        return self.rate.amount if self.currency is Currency.NPR else 1 / self.rate.amount

    @property
    def band(self) -> list[tuple[Decimal, Decimal]]:
        """The total of each month if as few, or as many, bytes come as the 80 % band of the forecast has it; of what is stored and read."""
        whole, part = [ZERO] * len(self.months), [ZERO] * len(self.months)
        for category, amounts in self.by_category.items():
            whole = [one + other for one, other in zip(whole, amounts, strict=True)]
            if category in (Category.STORAGE, Category.RETRIEVAL):
                part = [one + other for one, other in zip(part, amounts, strict=True)]
        return [
            (amount - of_bytes * (1 - month.stored_low / month.stored), amount + of_bytes * (month.stored_high / month.stored - 1))
            if month.stored
            else (amount, amount)
            for amount, of_bytes, month in zip(whole, part, self.months, strict=True)
        ]


def answer(workload: Workload, question: Question, book: PriceBook, currency: Currency = Currency.USD) -> Projection:
    """Return what the months ahead would cost; `UnknownName` for a class or an engine that the book does not price."""
    found = charges_of(workload, question, book)
    lines = in_one_currency(book, [charge.line for charge in found], currency)
    return Projection(question, months_of(workload, question), found, lines, currency, book.get(FX))


def charges_of(workload: Workload, question: Question, book: PriceBook) -> tuple[Charge, ...]:
    """Return what the months ahead would use, priced in the book's currencies."""
    stored = _stored(workload, _only(question, _STORED), book)
    written, computed = _written(workload, _only(question, _WRITTEN), book), _computed(workload, _only(question, _COMPUTED), book)
    asked, sent = _asked(workload, _only(question, _ASKED), book), _sent(workload, _only(question, _SENT), book)
    return (*stored, *written, *computed, *asked, *sent)


def recommended(workload: Workload, question: Question, book: PriceBook) -> Recommendation:
    """Return the cheapest lifecycle in this world."""
    return _recommended(workload, _only(question, (*_HELD, "wait", "queries", "days")), book)


# What each part depends on: another slider does not have it worked out anew.
_WRITTEN = ("horizon",)
_COMPUTED = ("growth", "symbols", "scale", "horizon", "discount", "interrupted", "restart", "spot", "checkpoint", "vcpus")
_ASKED = ("growth", "symbols", "scale", "horizon", "codec", "queries", "engine", "columns", "days", "compact")
_SENT = ("growth", "symbols", "scale", "horizon", "out")
_HELD = ("growth", "symbols", "scale", "horizon", "reads_new", "reads_old", "reads_very_old", "codec")
_STORED = (*_HELD, "compact", "warm_at", "warm", "cold_at", "cold")


def _only(question: Question, names: Iterable[str]) -> Question:
    return Question.model_construct(**(Question().__dict__ | {name: getattr(question, name) for name in names}))


@lru_cache(maxsize=512)
def _stored(workload: Workload, question: Question, book: PriceBook) -> tuple[Charge, ...]:
    return charges(book, holding(workload, question), question.policy)


@lru_cache(maxsize=64)
def _recommended(workload: Workload, question: Question, book: PriceBook) -> Recommendation:
    opened = Opened(*(_opens(workload, question, book, packed=packed) for packed in (False, True)))
    return cheapest(book, holding(workload, question), most_wait=Decimal(question.wait), opened=opened)


def _opens(workload: Workload, question: Question, book: PriceBook, *, packed: bool) -> Decimal:
    """Return what the files that queries open cost over all months."""
    get = book.get(f"storage.{STANDARD}.get")
    return sum(_opened(workload, question, packed=packed), ZERO) * get.each if get is not None else ZERO


def months_of(workload: Workload, question: Question) -> tuple[Month, ...]:
    """Return the bytes of the months ahead in this world."""
    return _forecast(workload, _only(question, ("growth", "symbols", "scale", "horizon", "codec")))


@lru_cache(maxsize=256)
def _forecast(workload: Workload, question: Question) -> tuple[Month, ...]:
    scale = float(question.scale * _packed(workload, question))
    growth, faster = float(question.growth / PERCENT), float(question.symbols)
    return months_ahead(workload.trends, question.horizon, stored=workload.stored, growth=growth, scale=scale, faster=faster)


def holding(workload: Workload, question: Question) -> Holding:
    """Return the months so far and those ahead, as this world has them: files grow with the scale, their number does not."""
    more = question.scale * _packed(workload, question)
    past = tuple(Cohort(one.age + 1, one.objects, int(one.size * more)) for one in workload.cohorts)
    files = max(round(workload.sessions_a_month * workload.objects_a_session), 1)
    begin = Decimal(workload.stored) * more
    ahead = []
    for month in months_of(workload, question):
        share = (month.stored - begin) / month.arriving if month.arriving else ONE
        ahead.append(Cohort(1 - month.number, files, int(month.arriving), min(max(share, ZERO), ONE)))
        begin += month.arriving
    return Holding((*past, *ahead), question.horizon, question.reads)


def _packed(workload: Workload, question: Question) -> Decimal:
    return ONE if question.codec == AS_IT_IS else workload.codecs.get(question.codec, ONE)


def _more(question: Question) -> list[Decimal]:
    """Return how many times as much data each month brings as one does today."""
    grown = 1 + question.growth / PERCENT
    return [question.scale * question.symbols * grown**number for number in range(question.horizon)]


@lru_cache(maxsize=512)
def _written(workload: Workload, question: Question, book: PriceBook) -> tuple[Charge, ...]:
    found = []
    for words, each, key in (("files written", workload.puts_a_month, "put"), ("files read by runs", workload.gets_a_month, "get")):
        price = book.get(f"storage.{STANDARD}.{key}")
        if price is not None and each:
            how = f"{plain(round(workload.loads_a_month + workload.idle_a_month, 1))} runs a month, {plain(round(each, 1))} files in all"
            found.append(Charge(Category.REQUESTS, words, price, (each,) * question.horizon, how))
    return tuple(found)


def run_hours(workload: Workload, question: Question, book: PriceBook) -> list[Decimal]:
    """Return the hours that one run is billed in each month ahead, before any interruption."""
    seconds = Decimal(repr(workload.curve.seconds(question.vcpus)))
    least = book.term("compute.minimum_seconds")
    return [max(seconds * more, least) / HOUR for more in _more(question)]


def takes_hours(workload: Workload, question: Question) -> Decimal:
    """Return the hours that one run takes in the first month ahead if nothing interrupts it; what is billed may be more."""
    return Decimal(repr(workload.curve.seconds(question.vcpus))) * _more(question)[0] / HOUR


def spot_of(question: Question, book: PriceBook) -> tuple[Spot, Decimal]:
    """Return how spot is interrupted in this world, and its discount as a share: the book's, where the question has none."""
    share = book.term("compute.interrupted_a_month") if question.interrupted is None else question.interrupted / PERCENT
    discount = book.term("compute.spot_discount") if question.discount is None else question.discount / PERCENT
    return Spot(hourly_rate(share), question.restart / HOUR, question.checkpoint / MINUTES if question.checkpoint else None), discount


@lru_cache(maxsize=512)
def _computed(workload: Workload, question: Question, book: PriceBook) -> tuple[Charge, ...]:
    spot, discount = spot_of(question, book)
    share = question.spot / PERCENT
    hours = run_hours(workload, question, book)
    longer = [expected_hours(work, spot) for work in hours] if share else hours
    idle = max(workload.idle_seconds, book.term("compute.minimum_seconds")) / HOUR
    usual = [workload.loads_a_month * work + workload.idle_a_month * idle for work in hours]
    cheap = [workload.loads_a_month * work + workload.idle_a_month * expected_hours(idle, spot) for work in longer] if share else usual
    told = f"({_runs(workload.loads_a_month, hours[0])} + {_runs(workload.idle_a_month, idle)} that load nothing)"
    found = []
    memory = [workload.memory_gb * max(more / question.scale, ONE) for more in _more(question)]
    for key, words, each in (
        ("compute.vcpu_hour", "vCPU-hours", [Decimal(question.vcpus)] * question.horizon),
        ("compute.memory_gb_hour", "GB-hours of memory", memory),
    ):
        price = book.get(key)
        if price is None:
            continue
        how = f"{told} x {plain(round(each[0], 3))}"
        if share < 1:
            dear = tuple((1 - share) * work * amount for work, amount in zip(usual, each, strict=True))
            found.append(Charge(Category.COMPUTE, f"{words} on demand", price, dear, how))
        if share:
            spare = tuple(share * work * amount for work, amount in zip(cheap, each, strict=True))
            found.append(Charge(Category.COMPUTE, f"{words} on spot", price, spare, f"{how} x {plain(share)} on spot", discount))
    return tuple(found)


def _runs(number: Decimal, hours: Decimal) -> str:
    return f"{plain(round(number, 1))} runs a month x {plain(round(hours * HOUR, 1))} s"


def query_bytes(workload: Workload, question: Question) -> list[Decimal]:
    """Return the bytes that one query reads in each month ahead: its columns in each session of its days."""
    chosen = sum(workload.columns.get(name, 0) for name in question.columns) if question.columns else workload.session_bytes
    packed = _packed(workload, question)
    read = []
    for number, more in enumerate(_more(question)):
        read.append(chosen * packed * more * _sessions_read(workload, question, number))
    return read


def _sessions_read(workload: Workload, question: Question, month: int) -> Decimal:
    there = workload.sessions + workload.sessions_a_month * month
    wanted = workload.sessions_a_month / MONTH_DAYS * question.days if question.days else there
    return min(there, max(wanted, ONE))


def _opened(workload: Workload, question: Question, *, packed: bool) -> tuple[Decimal, ...]:
    """Return the files that queries open in each month ahead: one a session, or one a month where those are packed."""
    sessions = [_sessions_read(workload, question, number) for number in range(question.horizon)]
    files = [max(count / workload.sessions_a_month, ONE) if packed else count for count in sessions]
    return tuple(question.queries * count for count in files)


@lru_cache(maxsize=512)
def _asked(workload: Workload, question: Question, book: PriceBook) -> tuple[Charge, ...]:
    book.named("query engine", "query.", question.engine)
    if not question.queries:
        return ()
    scanned = query_bytes(workload, question)
    free = free_bytes(book, question.engine)
    billed = [billed_bytes(book, question.engine, size) * question.queries for size in scanned]
    monthly = tuple(max(size - free, ZERO) / TB for size in billed)
    how = f"{question.queries} queries a month x {plain(scanned[0].quantize(ONE))} B to {plain(scanned[-1].quantize(ONE))} B"
    how += f", less {plain(free)} B free a month" if free else ""
    found = [Charge(Category.QUERY, f"scanned by {question.engine}", book.price(f"query.{question.engine}"), monthly, how)]
    get = book.get(f"storage.{STANDARD}.get")
    if get is not None:
        opened = _opened(workload, question, packed=question.compact)
        how = f"{question.queries} queries a month x {round(opened[0] / question.queries):,} files and more each month"
        found.append(Charge(Category.REQUESTS, "files opened by queries", get, opened, how))
    return tuple(found)


@lru_cache(maxsize=512)
def _sent(workload: Workload, question: Question, book: PriceBook) -> tuple[Charge, ...]:
    """Return what goes over the cloud's border, and messages; what is carried out is what was assumed, whatever the scale."""
    found = []
    received, told = book.get("transfer.in"), book.get("notification.mail")
    if received is not None and workload.received_a_month:
        monthly = tuple(workload.received_a_month * more / GB for more in _more(question))
        found.append(Charge(Category.TRANSFER, "received from the source", received, monthly, "as runs receive it now"))
    if question.out and "transfer.out" in book:
        found += _carried_out(question, book.tiers("transfer.out"))
    if told is not None and workload.messages_a_month:
        how = f"{plain(round(workload.messages_a_month, 1))} messages a month, as were delivered so far"
        found.append(Charge(Category.NOTIFICATION, "messages delivered", told, (workload.messages_a_month,) * question.horizon, how))
    return tuple(found)


def _carried_out(question: Question, tiers: Sequence[Price]) -> Iterator[Charge]:
    """Yield what each tier has of a month's GB; each month begins at the lowest again."""
    for number, price in enumerate(tiers):
        ends = tiers[number + 1].above if number + 1 < len(tiers) else question.out
        within = min(question.out, ends) - price.above
        if within > 0:
            how = f"assumed, the part above {plain(price.above)} GB" if price.above else "assumed, for nobody measures it"
            yield Charge(Category.TRANSFER, "carried out of the cloud", price, (within,) * question.horizon, how)
