"""How old a month must be before it is packed, or moved into the cold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from engine.clock import nepal_date
from engine.errors import UsageError
from engine.lifecycle.limits import COLD, COMPACT, MOST
from engine.pipelines.thresholds import load
from engine.runtime import Runtime
from storage import thresholds


@dataclass(frozen=True, slots=True)
class Policy:
    """What is to be done from which age on, in calendar months: of age 1 is the month before this one."""

    compact_after: int = 1  # 0: nothing is packed
    cold_after: int = 0  # 0: nothing is moved
    cold: str | None = None  # where to

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def asked_for(runtime: Runtime, *, compact_after: int | None = None, cold_after: int | None = None) -> Policy:
    """Return the policy that a person asks for: what is not said is as the thresholds have it, and closed months are packed.

    Raises `UsageError` where something is to go into the cold and no such place is set.
    """
    by_itself = nightly(runtime)
    compact = compact_after if compact_after is not None else by_itself.compact_after or 1
    cooled = cold_after if cold_after is not None else by_itself.cold_after
    for months in (compact, cooled):
        if not 0 <= months <= MOST:
            raise UsageError(f"an age is 0 to {MOST} months, not {months}")
    if cooled and runtime.settings.cold_root is None:
        raise UsageError("nothing can be moved into the cold before it is said where that is: set NEPSE_COLD to a folder or a URL")
    return Policy(compact, cooled, runtime.settings.cold_root)


def nightly(runtime: Runtime) -> Policy:
    """Return what is done without being asked."""
    with runtime.database.reading() as connection:
        compact, cooled = turned(connection)
    root = runtime.settings.cold_root
    return Policy(compact, cooled if root is not None else 0, root)


def turned(connection: Connection) -> tuple[int, int]:
    """Return both thresholds."""
    values = load(connection, thresholds.version(connection))
    return int(values[COMPACT.key]), int(values[COLD.key])


def is_wanted(connection: Connection) -> bool:
    """Say whether anything at all is to be done without being asked."""
    return any(turned(connection))


def of_json(values: Mapping[str, Any]) -> Policy:
    """Return the policy that `as_json` gave."""
    return Policy(**values)


def begin_of(day: date) -> date:
    """Return the first day of its month."""
    return day.replace(day=1)


def older_than(runtime: Runtime, months: int) -> date:
    """Return the day before which a partition is of a month of at least that age."""
    this = begin_of(nepal_date(runtime.clock.now()))
    index = this.year * 12 + this.month - 1 - (months - 1)
    return date(index // 12, index % 12 + 1, 1)


def behind(month: date) -> date:
    """Return the first day of the month behind."""
    return begin_of(month + timedelta(days=31))
