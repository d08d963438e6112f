"""What it costs to keep objects in a class of storage, to read them, to move them there, and to leave too early.

Formulas (P the price of a GB-month, R of a GB read, T of a transition, b the bytes of an object, n objects, m months, f full reads in all):

- billable bytes: max(b, minimum) at P; archives b + 32 KB at P and 8 KB at Standard's P, for an index and a name that stay readable.
- total: n x billable x m x P + n x T + f x (n x b x R + n x requests) + early delete.
- early delete: n x billable x P x (minimum days - days kept) / 30, where it is above zero.

Source: the price pages and the user guide of AWS S3, named row by row in the price book.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from types import MappingProxyType

from engine.costs.line import ZERO, Category, CostLine, cost_line, tiered_lines
from engine.costs.price_book import GB, Price, PriceBook, near, plain
from engine.errors import UnknownName, UsageError

STANDARD = "standard"
BILLED_MONTH_DAYS = Decimal(30)  # what a minimum of days is counted in
STANDARD_SPEED = "standard"


@dataclass(frozen=True, slots=True)
class StorageClass:
    """One class of a price book with its terms; a price that its list does not have is None."""

    name: str
    tiers: tuple[Price, ...]
    standard: Price  # what an archive's readable index is billed at
    put: Price | None
    get: Price | None
    transition: Price | None
    retrieval: Mapping[str, Price]  # by speed
    restore: Mapping[str, Price]
    restore_hours: Mapping[str, Decimal]
    minimum_days: Decimal
    minimum_bytes: Decimal
    overhead_bytes: Decimal
    overhead_standard_bytes: Decimal
    transition_minimum_bytes: Decimal

    @property
    def gb_month(self) -> Decimal:
        """The price of a GB-month, of the lowest tier."""
        return self.tiers[0].each

    @property
    def needs_restore(self) -> bool:
        """Whether an object can only be read hours after it was asked for."""
        return bool(self.restore_hours)

    @property
    def reads_are_priced(self) -> bool:
        """Whether its price list says anything of reading: a list that does not is silent of waits and minimums too, not free of them."""
        return bool(self.get or self.retrieval or self.restore or self.restore_hours)

    def speed(self, wanted: str) -> str:
        """Return a speed of restore that this class has; a class that needs no restore has only one."""
        known = self.restore_hours or {STANDARD_SPEED: ZERO}
        if self.needs_restore and wanted not in known:
            raise UnknownName(f"{self.name} is not restored at speed {wanted!r}; {near(wanted, known)}")
        return wanted if self.needs_restore else STANDARD_SPEED

    def billable_bytes(self, object_bytes: Decimal) -> Decimal:
        """Return the bytes that one object is billed as, at the price of this class."""
        return max(object_bytes, self.minimum_bytes) + self.overhead_bytes

    def month_of_one(self, object_bytes: Decimal) -> Decimal:
        """Return what one object costs for a month, unrounded, at the lowest tier."""
        index = self.overhead_standard_bytes / GB * self.standard.each
        return self.billable_bytes(object_bytes) / GB * self.gb_month + index

    def read_of_one(self, object_bytes: Decimal, speed: str = STANDARD_SPEED) -> Decimal:
        """Return what one full read of one object costs, unrounded: bytes out, its request, and its restore."""
        speed = self.speed(speed)
        paid = [prices.get(speed) for prices in (self.restore,)] + [self.get]
        requests = sum((price.each for price in paid if price), ZERO)
        bytes_out = self.retrieval.get(speed)
        return requests + (object_bytes / GB * bytes_out.each if bytes_out else ZERO)


def storage_class(book: PriceBook, name: str) -> StorageClass:
    """Return a class with its terms; `UnknownName` lists near ones: an unknown class is never priced as another."""
    book.named("storage class", "storage.", name)
    below = f"storage.{name}."

    def by_speed(what: str) -> Mapping[str, Price]:
        prefix = f"{below}{what}."
        return MappingProxyType({speed: book.price(prefix + speed) for speed in book.names(prefix)})

    return StorageClass(
        name=name,
        tiers=book.tiers(f"storage.{name}"),
        standard=book.price(f"storage.{STANDARD}") if f"storage.{STANDARD}" in book else book.price(f"storage.{name}"),
        put=book.get(below + "put"),
        get=book.get(below + "get"),
        transition=book.get(below + "transition"),
        retrieval=by_speed("retrieval"),
        restore=by_speed("restore"),
        restore_hours=MappingProxyType({speed: price.amount for speed, price in by_speed("restore_hours").items()}),
        minimum_days=book.term(below + "minimum_days"),
        minimum_bytes=book.term(below + "minimum_bytes"),
        overhead_bytes=book.term(below + "overhead_bytes"),
        overhead_standard_bytes=book.term(below + "overhead_standard_bytes"),
        transition_minimum_bytes=book.term(below + "transition_minimum_bytes"),
    )


def storage_classes(book: PriceBook) -> tuple[StorageClass, ...]:
    """Return every class of a price book, dearest to keep first."""
    return tuple(sorted((storage_class(book, name) for name in book.names("storage.")), key=lambda one: (-one.gb_month, one.name)))


def storing(cls: StorageClass, what: str, objects: Decimal, object_bytes: Decimal, months: Decimal) -> tuple[CostLine, ...]:
    """Return the lines of keeping objects of one size for some months: by tiers, and an archive's index at Standard's price."""
    _not_negative(objects=objects, object_bytes=object_bytes, months=months)
    billed = cls.billable_bytes(object_bytes)
    least = cls.minimum_bytes
    each = f"{plain(billed)} B" if billed == object_bytes else f"{plain(billed)} B ({_why(cls, object_bytes, least)})"
    how = f"{plain(objects)} objects x {each} / 2^30 x {plain(months)} months"
    lines = tiered_lines(Category.STORAGE, f"{what}: kept in {cls.name}", objects * billed / GB, cls.tiers, how=how, times=months)
    if cls.overhead_standard_bytes:
        index = f"{plain(objects)} objects x {plain(cls.overhead_standard_bytes)} B of name and index / 2^30 x {plain(months)} months"
        quantity = objects * cls.overhead_standard_bytes / GB * months
        lines = (*lines, cost_line(Category.STORAGE, f"{what}: index of {cls.name}", quantity, cls.standard, how=index))
    return lines


def _why(cls: StorageClass, object_bytes: Decimal, least: Decimal) -> str:
    parts = [f"{plain(object_bytes)} B, billed as {plain(least)}"] if object_bytes < least else [f"{plain(object_bytes)} B"]
    if cls.overhead_bytes:
        parts.append(f"{plain(cls.overhead_bytes)} B overhead")
    return " + ".join(parts)


def reading(
    cls: StorageClass, what: str, objects: Decimal, object_bytes: Decimal, reads: Decimal, *, speed: str = STANDARD_SPEED
) -> tuple[CostLine, ...]:
    """Return the lines of reading all objects fully, `reads` times in all: restore where it needs one, bytes out, and requests."""
    _not_negative(objects=objects, object_bytes=object_bytes, reads=reads)
    speed = cls.speed(speed)
    lines = []
    times = f"{plain(reads)} full reads x {plain(objects)} objects"
    if bytes_out := cls.retrieval.get(speed):
        how = f"{times} x {plain(object_bytes)} B / 2^30"
        lines.append(
            cost_line(Category.RETRIEVAL, f"{what}: out of {cls.name}, {speed}", reads * objects * object_bytes / GB, bytes_out, how=how)
        )
    if restored := cls.restore.get(speed):
        lines.append(cost_line(Category.RETRIEVAL, f"{what}: restore requests, {speed}", reads * objects, restored, how=times))
    if cls.get:
        lines.append(cost_line(Category.REQUESTS, f"{what}: GET from {cls.name}", reads * objects, cls.get, how=times))
    return tuple(lines)


def writing(cls: StorageClass, what: str, objects: Decimal) -> tuple[CostLine, ...]:
    """Return the line of putting objects into a class."""
    _not_negative(objects=objects)
    return (cost_line(Category.REQUESTS, f"{what}: PUT into {cls.name}", objects, cls.put),) if cls.put else ()


def moving(cls: StorageClass, what: str, objects: Decimal) -> tuple[CostLine, ...]:
    """Return the line of a lifecycle's transitions into a class."""
    _not_negative(objects=objects)
    return (cost_line(Category.TRANSITION, f"{what}: moved into {cls.name}", objects, cls.transition),) if cls.transition else ()


def leaving(cls: StorageClass, what: str, objects: Decimal, object_bytes: Decimal, days: Decimal) -> tuple[CostLine, ...]:
    """Return the line for objects that are deleted or moved on after so many days, where the class bills more than those."""
    _not_negative(objects=objects, object_bytes=object_bytes, days=days)
    short = cls.minimum_days - days
    if short <= 0:
        return ()
    billed = cls.billable_bytes(object_bytes)
    left = f"({plain(cls.minimum_days)} - {plain(days)}) days / {plain(BILLED_MONTH_DAYS)}"
    how = f"{plain(objects)} objects x {plain(billed)} B / 2^30 x {left}"
    quantity = objects * billed / GB * short / BILLED_MONTH_DAYS
    return (cost_line(Category.EARLY_DELETE, f"{what}: left {cls.name} after {plain(days)} days", quantity, cls.tiers[0], how=how),)


def break_even_bytes(cls: StorageClass) -> Decimal | None:
    """Return the object size from which keeping it here is cheaper than in Standard, None where it never is; whole bytes, rounded up."""
    price, usual = cls.gb_month, cls.standard.each
    if price >= usual:
        return None
    if cls.overhead_bytes or cls.overhead_standard_bytes:
        found = (cls.overhead_bytes * price + cls.overhead_standard_bytes * usual) / (usual - price)
    else:
        found = cls.minimum_bytes * price / usual
    return found.to_integral_value(ROUND_CEILING)


def payback_months(cls: StorageClass, object_bytes: Decimal) -> Decimal | None:
    """Return the months after which moving an object out of Standard has paid for itself, None where it never does."""
    saved = object_bytes / GB * cls.standard.each - cls.month_of_one(object_bytes)
    paid = cls.transition.each if cls.transition else ZERO
    return paid / saved if saved > 0 else None


def _not_negative(**quantities: Decimal) -> None:
    for name, value in quantities.items():
        if not value.is_finite() or value < 0:
            raise UsageError(f"{name.replace('_', ' ')} of {value} cannot be priced: it must be 0 or more")
