"""A scenario as a person or a program writes it: what is kept, computed, scanned and sent, under which prices; and its bill.

`docs/costs.md` has the fields with an example. Everything is explicit: what a scenario leaves out is not in its bill.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal

from pydantic import ValidationError

from engine.costs.compute import Fleet, Spot, billed_hours, fleet_lines, hourly_rate, unpriced
from engine.costs.line import ONE, ZERO, Category, CostLine, by_category, converted, cost_line, total
from engine.costs.own_book import mistakes
from engine.costs.price_book import FX, STALE_AFTER, Currency, PriceBook, near, plain
from engine.costs.query import Free, billed_bytes, free_bytes, opening_lines, query_lines, shared_out
from engine.costs.scenario_fields import FIELDS, Computing, Queries, Scenario, StoredObjects, Transferred
from engine.costs.storage_classes import (
    STANDARD,
    STANDARD_SPEED,
    StorageClass,
    leaving,
    moving,
    reading,
    storage_class,
    storing,
    writing,
)
from engine.costs.transfer import transfer_lines
from engine.errors import UnknownName, UsageError


@dataclass(frozen=True, slots=True)
class Bill:
    """What a scenario costs: its lines, whose sum is the total, and what a reader must know about them."""

    name: str
    book: PriceBook
    currency: Currency
    lines: tuple[CostLine, ...]
    warnings: tuple[str, ...]

    @property
    def total(self) -> Decimal:
        """The sum of the lines."""
        return total(self.lines)

    @property
    def by_category(self) -> dict[Category, Decimal]:
        """The sum of each category."""
        return by_category(self.lines)


def scenario_of_text(text: str) -> Scenario:
    """Read a scenario from JSON; `UsageError` says what is wrong, where, and what was perhaps meant."""
    try:
        return Scenario.model_validate_json(text)
    except ValidationError as error:
        unknown = [str(one["loc"][-1]) for one in error.errors() if one["type"] == "extra_forbidden"]
        meant = f"; {unknown[0]!r} is no field: {near(unknown[0], FIELDS)}" if unknown else ""
        raise UsageError(f"the scenario cannot be used: {mistakes(error)}{meant}") from error


def billed(scenario: Scenario, book: PriceBook, *, today: date) -> Bill:
    """Price a scenario under a book; `UnknownName` for a class, an engine or a route that it does not price."""
    lines: list[CostLine] = []
    warnings: list[str] = []
    for stored in scenario.storage:
        lines += _stored(book, stored)
        warnings += _cautions(book, stored)
    for computing in scenario.compute:
        fleet = fleet_of(book, computing)
        lines += fleet_lines(book, computing.what or "runs", fleet)
        warnings += [said for said in [unpriced(book, fleet)] if said]
    lines += _queried(book, scenario.queries)
    lines += _sent(book, scenario.transfer)
    for told in scenario.notifications:
        book.named("channel", "notification.", told.channel)
        what = told.what or f"messages by {told.channel}"
        lines.append(cost_line(Category.NOTIFICATION, what, told.messages, book.price(f"notification.{told.channel}")))
    in_currency = in_one_currency(book, lines, scenario.currency)
    return Bill(
        scenario.name, book, scenario.currency, in_currency, (*warnings, *staleness(book, in_currency, scenario.currency, today=today))
    )


def in_one_currency(book: PriceBook, lines: Iterable[CostLine], currency: Currency) -> tuple[CostLine, ...]:
    """Return the lines in one currency, at the book's rate; `UsageError` where it is needed and the book has none."""
    listed = tuple(lines)
    if all(line.currency is currency for line in listed):
        return listed
    rate = book.get(FX)
    if rate is None:
        raise UsageError(f"price book {book.name!r} has no rate of exchange: add {FX}, or ask for its own currency")
    return tuple(converted(line, currency, rate) for line in listed)


def staleness(book: PriceBook, lines: Iterable[CostLine], currency: Currency, *, today: date) -> tuple[str, ...]:
    """Say which of the prices that were used are older than 180 days or undated."""
    used = {line.price_key for line in lines} | ({FX} if FX in book and currency is Currency.NPR else set())
    old = {row.key: row for row in book.stale(today) if row.key in used}
    said = [f"{key} ({f'of {row.as_of}' if row.as_of else 'undated'})" for key, row in sorted(old.items())]
    if not said:
        return ()
    return (f"prices older than {STALE_AFTER.days} days or undated in {book.name!r}: {', '.join(said)}: look them up again",)


def _stored(book: PriceBook, stored: StoredObjects) -> list[CostLine]:
    cls = storage_class(book, stored.storage_class)
    what, speed = stored.what or "objects", _speed(cls, stored.read_speed)
    objects, each = stored.objects, stored.object_bytes
    lines: list[CostLine] = []
    if stored.compact_to_bytes is not None and objects:
        packed = min(objects, max(ONE, (objects * each / stored.compact_to_bytes).to_integral_value(ROUND_CEILING)))
        standard = storage_class(book, STANDARD)
        lines += [*reading(standard, f"{what}: compaction", objects, ZERO, ONE), *writing(standard, f"{what}: compaction", packed)]
        objects, each = packed, objects * each / packed
    months = stored.months_kept
    reads = stored.reads + stored.reads_a_month * months
    lines += storing(cls, what, objects, each, months)
    lines += writing(cls, what, stored.puts) if stored.puts else ()
    lines += (
        moving(cls, what, min(stored.transitions, objects) if stored.compact_to_bytes else stored.transitions) if stored.transitions else ()
    )
    lines += reading(cls, what, objects, each, reads, speed=speed) if reads else ()
    if stored.deleted_after_days is not None:
        lines += leaving(cls, what, objects, each, stored.deleted_after_days)
    return lines


def _speed(cls: StorageClass, wanted: str) -> str:
    """Return a speed that reads of a class have; one that the class does not offer is refused, never priced as another."""
    if not cls.needs_restore and wanted != STANDARD_SPEED:
        raise UnknownName(f"{cls.name} is read at once and has no read_speed {wanted!r}: leave it out, or write {STANDARD_SPEED!r}")
    return cls.speed(wanted)


def _cautions(book: PriceBook, stored: StoredObjects) -> list[str]:
    cls = storage_class(book, stored.storage_class)
    what = stored.what or "objects"
    said = []
    if stored.object_bytes < cls.minimum_bytes and stored.compact_to_bytes is None:
        times = f"{cls.minimum_bytes / max(stored.object_bytes, ONE):.1f} times"
        said.append(
            f"{what}: {cls.name} bills {plain(stored.object_bytes)} B as {plain(cls.minimum_bytes)} B, {times} as much: compact first"
        )
    if stored.transitions and stored.object_bytes < cls.transition_minimum_bytes and stored.compact_to_bytes is None:
        said.append(f"{what}: a lifecycle does not move objects below {plain(cls.transition_minimum_bytes)} B unless it is told to")
    if (stored.reads or stored.reads_a_month) and cls.needs_restore:
        hours = cls.restore_hours[cls.speed(stored.read_speed)]
        said.append(f"{what}: a read from {cls.name} waits for its restore, {plain(hours)} hours at speed {stored.read_speed}")
    return said


def fleet_of(book: PriceBook, computing: Computing) -> Fleet:
    """Return the fleet that a scenario's compute part describes; what it leaves out is the book's, or zero."""
    if computing.vcpu_hours is not None:
        work = computing.run_hours or ONE
        vcpu_hours, memory = computing.vcpu_hours, computing.memory_gb_hours or ZERO
    else:
        work = billed_hours(book, computing.run_hours or ZERO)
        vcpu_hours, memory = computing.runs * work * computing.vcpus, computing.runs * work * computing.memory_gb
    rate = computing.interruptions_per_hour or ZERO
    if computing.interrupted_a_month is not None:
        rate = hourly_rate(computing.interrupted_a_month)
    return Fleet(
        vcpu_hours=vcpu_hours,
        memory_gb_hours=memory,
        work=work,
        spot_share=computing.spot_share,
        discount=book.term("compute.spot_discount") if computing.spot_discount is None else computing.spot_discount,
        spot=Spot(rate, computing.restart_hours, computing.checkpoint_hours),
    )


def _queried(book: PriceBook, queries: Sequence[Queries]) -> list[CostLine]:
    free = _free(book, queries)
    lines: list[CostLine] = []
    for number, asked in enumerate(queries):
        what = asked.what or "queries"
        lines += query_lines(book, asked.engine, asked.bytes_scanned, asked.queries, what=what, months=asked.months, free=free[number])
        lines += opening_lines(book, asked.objects, asked.queries, what=what, months=asked.months)
    return lines


def _free(book: PriceBook, queries: Sequence[Queries]) -> dict[int, Free]:
    """Return what each part is given of the bytes that its engine scans for nothing."""
    found: dict[int, Free] = {}
    for engine in {asked.engine for asked in queries}:
        parts = [(number, asked) for number, asked in enumerate(queries) if asked.engine == engine]
        sizes = [(billed_bytes(book, engine, asked.bytes_scanned) * asked.queries, asked.months) for _, asked in parts]
        given = shared_out(free_bytes(book, engine), sizes)
        found |= {number: Free(size, len(parts)) for (number, _), size in zip(parts, given, strict=True)}
    return found


def _sent(book: PriceBook, sent: Sequence[Transferred]) -> list[CostLine]:
    routes = [one.route for one in sent]
    doubled = {route for route in routes if routes.count(route) > 1}
    if doubled:
        raise UsageError(
            f"transfer {', '.join(sorted(doubled))} stands there twice: write one part with the sum, as its tiers go by the month"
        )
    return [line for one in sent for line in transfer_lines(book, one.route, one.size, what=one.what or "transfer", months=one.months)]
