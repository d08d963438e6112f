"""What goes wrong on purpose, how often, and on which dates."""

from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

from engine.sources.simulated.bits import Stream, raw_bits
from engine.sources.simulated.days import BLOCK_DAYS, EPOCH, Closure, block_of, closed_day, is_session


class FaultKind(StrEnum):
    """One way in which a day goes wrong; each is a field of `Faults`."""

    LATE = "late"
    PARTIAL = "partial"
    MISSING = "missing"
    UNKNOWN_LAYOUT = "unknown_layout"
    OTHER_LAYOUT = "other_layout"
    TIMEOUT = "timeout"
    UNPARSABLE = "unparsable"
    RAGGED = "ragged"
    BLANK_SYMBOL = "blank_symbol"
    CROSSED = "crossed"
    OUTSIDE_BAND = "outside_band"
    ZERO_PRICE = "zero_price"
    DUPLICATE = "duplicate"
    WRONG_HOLIDAY = "wrong_holiday"
    UNPLANNED_CLOSURE = "unplanned_closure"
    MANY_CROSSED = "many_crossed"


ROW_FAULTS = (
    # Two days of each block carry them: one with rows that cannot be read, one with rows that can, but are wrong.
    (FaultKind.UNPARSABLE, FaultKind.RAGGED, FaultKind.BLANK_SYMBOL),
    (FaultKind.CROSSED, FaultKind.OUTSIDE_BAND, FaultKind.ZERO_PRICE, FaultKind.DUPLICATE),
)
_OF_CALENDAR = {Closure.MISFLAGGED: FaultKind.WRONG_HOLIDAY, Closure.UNPLANNED: FaultKind.UNPLANNED_CLOSURE}
_LOSING = {FaultKind.LATE, FaultKind.PARTIAL, FaultKind.MISSING, FaultKind.UNKNOWN_LAYOUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often each fault happens in a block of six weeks (some 27 sessions); 0 switches it off. Bad rows are counted in rows."""

    late: int = 1  # a session's own file is missing or holds a handful of rows; the next, closed, day's file holds it whole
    partial: int = 1  # a file holds a handful of its session's rows, and the whole never comes
    missing: int = 1  # a session's file never comes
    unknown_layout: int = 1  # two columns have names never seen before
    other_layout: int = 1  # the file comes in another of the three known layouts
    timeout: int = 1  # the source does not answer the first calls for a date, then recovers
    timeout_calls: int = 2  # how many calls a timeout lasts (counted in each process)
    unparsable: int = 2  # a row has letters in a number
    ragged: int = 2  # a row has too few cells
    blank_symbol: int = 1  # a row has no symbol
    crossed: int = 2  # a row's High is below its Low
    outside_band: int = 2  # a row's Close is 40 % above Prev. Close
    zero_price: int = 1  # a row's Low is zero
    duplicate: int = 1  # a symbol comes twice, with another volume
    wrong_holiday: int = 1  # the announced calendar names a holiday but flags the day as trading (at most one)
    unplanned_closure: int = 1  # the market is closed on a day announced as trading (at most one)
    many_crossed: int = 1  # a file in which a tenth of the rows have their High below their Low: too many to load the rest unasked


DEFAULT_FAULTS = Faults()
# Closed days still repeat the last session: that is how the real site works, not something that goes wrong.
NO_FAULTS = Faults(**dict.fromkeys((each.name for each in fields(Faults)), 0))


@lru_cache(maxsize=1024)
def _of_block(seed: int, faults: Faults, block: int) -> dict[date, frozenset[FaultKind]]:
    first = EPOCH + timedelta(days=block * BLOCK_DAYS)
    sessions = [day for day in (first + timedelta(days=n) for n in range(BLOCK_DAYS)) if is_session(seed, day)]
    order = raw_bits(seed, Stream.FAULTS, key=block, count=BLOCK_DAYS)
    # Faults that cost a session stand apart, so that each can be judged from healthy neighbours; a repeat on a closed day would mend them.
    apart = {day for n, day in enumerate(sessions) if n % 2}
    midweek = {day for day in sessions if is_session(seed, day + timedelta(days=1))}
    free = [day for _, day in sorted(zip(order.tolist(), sessions, strict=False)) if day > EPOCH + timedelta(days=3)]
    drawn: dict[date, set[FaultKind]] = {}

    def draw(among: set[date], *kinds: FaultKind) -> None:
        day = next((day for day in free if day in among), None)
        if day is not None:  # a block full of holidays may have no day left
            free.remove(day)
            drawn[day] = set(kinds)

    for kind, among in (
        (FaultKind.LATE, apart - midweek),
        (FaultKind.PARTIAL, apart & midweek),
        (FaultKind.MISSING, apart & midweek),
        (FaultKind.UNKNOWN_LAYOUT, apart & midweek),
        (FaultKind.OTHER_LAYOUT, midweek),
        (FaultKind.TIMEOUT, midweek),
    ):
        for _ in range(getattr(faults, kind)):
            draw(among, kind)
    after_a_lost_one = {after for day, after in pairwise(sessions) if drawn.get(day, set()) & _LOSING}
    for kinds in ROW_FAULTS:
        wanted = [kind for kind in kinds if getattr(faults, kind)]
        if wanted:
            draw(midweek - after_a_lost_one, *wanted)
    # Last, so that all other faults are drawn as if there were none of these. A file that is held back costs a session too.
    before_a_fault = {day for day, after in pairwise(sessions) if after in drawn}
    for _ in range(faults.many_crossed):
        alone = midweek - after_a_lost_one - before_a_fault
        draw(alone & set(free) or midweek, FaultKind.MANY_CROSSED)
    return {day: frozenset(kinds) for day, kinds in drawn.items()}


def faults_on(seed: int, faults: Faults, day: date) -> frozenset[FaultKind]:
    """Return what goes wrong on `day`: with its file on a session, with its announcement on a closed day."""
    closed = closed_day(seed, day)
    if closed is None:
        return _of_block(seed, faults, block_of(day)).get(day, frozenset())
    kind = _OF_CALENDAR.get(closed.closure)
    return frozenset({kind}) if kind and getattr(faults, kind) else frozenset()
