"""Which class of storage is cheapest at how many reads: one straight line a class, and the reads at which the cheapest one changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.costs.line import ZERO
from engine.costs.storage_classes import StorageClass


@dataclass(frozen=True, slots=True)
class TierLine:
    """What some data costs a month in a class: `kept`, and `read` more for each full read of it."""

    name: str
    kept: Decimal
    read: Decimal

    def at(self, reads: Decimal) -> Decimal:
        """Return the cost of a month with so many full reads."""
        return self.kept + reads * self.read


@dataclass(frozen=True, slots=True)
class Crossing:
    """The full reads a month from which on another class is the cheapest."""

    reads: Decimal
    cost: Decimal
    below: str
    above: str


def tier_lines(classes: Sequence[StorageClass], objects: int, size: int, *, speed: str) -> tuple[TierLine, ...]:
    """Return a line for each class, of `size` bytes in so many objects of the same size."""
    each = Decimal(size) / objects
    return tuple(
        TierLine(
            cls.name, objects * cls.month_of_one(each), objects * cls.read_of_one(each, speed if speed in cls.restore_hours else "standard")
        )
        for cls in classes
    )


def crossings(lines: Sequence[TierLine]) -> tuple[Crossing, ...]:
    """Return where the cheapest class changes, with growing reads: the corners of the lower edge of all lines."""
    now = min(lines, key=lambda line: (line.kept, line.read))
    at, found = ZERO, list[Crossing]()
    while True:
        ahead = [((line.kept - now.kept) / (now.read - line.read), line) for line in lines if line.read < now.read]
        later = [(reads, line) for reads, line in ahead if reads >= at]
        if not later:
            return tuple(found)
        at, following = min(later, key=lambda one: (one[0], one[1].read))
        found.append(Crossing(at, following.at(at), now.name, following.name))
        now = following
