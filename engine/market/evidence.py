"""What speaks for which reading of a daily file: the case as it is known, and the evidence in words fit to be stored and shown."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from engine.market.calendar import Expectation
from engine.market.measures import FOLLOWS_SHARE, NEW_SHARE, REPEAT_SHARE, Comparison, Completeness, Totals


class FileKind(StrEnum):
    """What a daily file turned out to be."""

    SESSION = "session"  # the session of its own date
    NO_SESSION = "no_session"  # a repeat of an earlier session: nothing was traded on its date
    LATE = "late"  # an earlier session that was missing: book it there
    PARTIAL = "partial"  # a fraction of a session
    UNCLEAR = "unclear"  # a person must say which session it is


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that speaks for a kind of file, in words fit to be stored and shown."""

    name: str
    speaks_for: FileKind
    observed: str
    expected: str
    detail: str

    def as_json(self) -> dict[str, str]:
        """Return it as a plain dictionary of text."""
        return {name: str(getattr(self, name)) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that the rules look at."""

    day: date
    totals: Totals
    rejected: int  # lines that could not be typed, without duplicates
    last: date | None
    comparison: Comparison | None
    expectation: Expectation
    known: bool | None  # whether control totals or index say that the day was a session
    matched: tuple[date, str] | None  # the date whose published totals are the file's, and which totals
    published: Decimal | None  # the turnover published for the day
    whole: Completeness
    gaps: tuple[date, ...]  # days since the last accepted session that may have had one
    owed: tuple[date, ...]  # those whose own file did not come, or that the calendar insists on
    owed_for_certain: bool  # exactly one, and nothing speaks against it
    override: date | None

    @property
    def trading(self) -> bool:
        """Whether the day should have had a session; what was published since beats what was announced."""
        return self.expectation.trading if self.known is None else self.known

    @property
    def repeated_share(self) -> float:
        """The share of rows that repeat the last accepted session; 0 where there is none."""
        return self.comparison.repeated_share if self.comparison else 0.0

    @property
    def follows(self) -> bool | None:
        """Whether the file is the session right after the last accepted one; None where that cannot be told."""
        if self.comparison is None or self.comparison.follows is None:
            return None
        return self.comparison.follows >= FOLLOWS_SHARE

    @property
    def turnover_off(self) -> Decimal | None:
        """By how much the file's turnover misses the published one, relatively."""
        return abs(self.totals.turnover - self.published) / self.published if self.published else None


def evidence_of(case: Case) -> tuple[Evidence, ...]:
    """Return everything that speaks for or against a reading, also what did not decide."""
    gathered = (_booking(case), _numbers(case), _calendar(case), _previous_closes(case), _totals(case), _size_of_file(case))
    return tuple(evidence for evidence in gathered if evidence)


def _booking(case: Case) -> Evidence | None:
    if case.override is None:
        return None
    kind = FileKind.SESSION if case.override == case.day else FileKind.LATE
    return Evidence("booking", kind, str(case.override), "", "booked by a person")


def _numbers(case: Case) -> Evidence | None:
    found = case.comparison
    if found is None:
        return None
    kind = FileKind.NO_SESSION if case.repeated_share >= REPEAT_SHARE else FileKind.SESSION
    if NEW_SHARE <= case.repeated_share < REPEAT_SHARE:
        kind = FileKind.UNCLEAR
    detail = f"{found.differing} symbols with other numbers, {found.only_here} only in the file, {found.only_there} only in the session"
    return Evidence("numbers", kind, f"{found.equal} of {case.totals.rows} rows equal", f"none of the rows of {case.last}", detail)


def _calendar(case: Case) -> Evidence:
    kind = FileKind.SESSION if case.expectation.trading else FileKind.NO_SESSION
    expected = "trading" if case.expectation.trading else "closed"
    detail = f"{'certain' if case.expectation.certain else 'uncertain'}: {case.expectation.reason}"
    return Evidence("calendar", kind, f"{case.day:%A} {case.day}", expected, detail)


def _previous_closes(case: Case) -> Evidence | None:
    if case.comparison is None or case.comparison.follows is None or case.repeated_share >= REPEAT_SHARE:
        return None
    kind = FileKind.LATE if case.follows and case.owed else FileKind.SESSION
    if case.follows is False and not case.gaps:
        kind = FileKind.UNCLEAR
    missing = f"missing between: {', '.join(map(str, case.gaps))}" if case.gaps else "no session is missing between"
    observed = f"{case.comparison.follows:.1%} of symbols continue the closes of {case.last}"
    return Evidence("previous_close", kind, observed, f"at least {FOLLOWS_SHARE:.0%} in the next session", missing)


def _totals(case: Case) -> Evidence | None:
    observed = f"NPR {case.totals.turnover:,}, {case.totals.trades:,} trades, {case.totals.shares:,} shares"
    if case.matched:
        session, proof = case.matched
        kind = FileKind.SESSION if session == case.day else FileKind.LATE
        return Evidence("totals", kind, observed, f"{proof} of {session}", "equal")
    if case.published is not None:
        return Evidence("totals", FileKind.UNCLEAR, observed, f"NPR {case.published:,} on {case.day}", f"{case.turnover_off or 0:.2%} off")
    if case.known is False:
        return Evidence("totals", FileKind.NO_SESSION, observed, "none", f"what is published reaches {case.day} and has no session there")
    return None


def _size_of_file(case: Case) -> Evidence:
    kind = FileKind.SESSION if case.whole.complete or case.matched else FileKind.PARTIAL
    return Evidence("completeness", kind, case.whole.observed, case.whole.expected, case.whole.reason)
