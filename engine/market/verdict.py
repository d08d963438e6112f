"""Which session is in the file? The date in a file's name is the day it was published; what it holds has to be found out.

On closed days the file repeats the last session; a late file holds an earlier one; some hold a handful of rows. The rules below are
asked in order and the first that answers decides. The whole evidence goes with the judgement, also what speaks against it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa

from engine.errors import UsageError
from engine.market.calendar import TradingCalendar
from engine.market.daily_file import ParsedFile
from engine.market.evidence import Case, Evidence, FileKind, evidence_of
from engine.market.measures import (
    NEW_SHARE,
    REPEAT_SHARE,
    SessionHistory,
    Totals,
    compare,
    completeness,
    known_session,
    known_turnover,
    matched_by,
    totals_of,
)
from engine.market.reference import Reference

__all__ = ["AcceptedSession", "Evidence", "FileKind", "Judgement", "SessionHistory", "judge"]

_LOOK_BACK = 14  # days searched for matching totals when no session was accepted before
_SLACK = Decimal("0.1")  # by which turnover may miss the published one, relatively, before the file is doubted


@dataclass(frozen=True, slots=True)
class AcceptedSession:
    """A session that is in the lake; `prices` in `SILVER_SCHEMA`."""

    session: date
    prices: pa.Table


@dataclass(frozen=True, slots=True)
class Judgement:
    """The kind of a file, the session that its numbers belong to (None: not known), why in one sentence, and the evidence."""

    kind: FileKind
    session_date: date | None
    reason: str
    evidence: tuple[Evidence, ...]


_Answer = tuple[FileKind, date | None, str]


def judge(  # noqa: PLR0913 - each argument is another witness
    parsed: ParsedFile,
    day: date,
    *,
    last: AcceptedSession | None,
    history: SessionHistory,
    calendar: TradingCalendar,
    reference: Reference,
    missing: Sequence[date] = (),
    held_earlier: Collection[date] = (),
    override: date | None = None,
) -> Judgement:
    """Return which session the file dated `day` holds.

    `last` is the newest accepted session *before* `day`. `missing` are the expected trading days between the two without an accepted
    session; `held_earlier` those of them whose own file came whole but held an earlier session (no session, or late), which speaks for
    an unannounced closure. `override` is the session that a person booked the file to, and wins. Raises `UsageError` where the dates
    contradict each other.
    """
    if last is not None and last.session >= day:
        raise UsageError(f"The file of {day} has to be judged against a session before {day}, not against {last.session}.")
    if override is not None and override > day:
        raise UsageError(f"The file of {day} cannot hold the later session {override}. Book it to {day} or before.")
    totals = totals_of(parsed.rows)
    since = last.session if last else day - timedelta(days=_LOOK_BACK)
    gaps = tuple(d for d in sorted(missing) if since < d < day and known_session(reference, d) is not False)
    owed = tuple(d for d in gaps if _is_owed(d, totals, calendar=calendar, reference=reference, held_earlier=held_earlier))
    certain = len(owed) == 1 and (known_session(reference, owed[0]) or (owed[0] not in held_earlier and calendar.expected(owed[0]).certain))
    case = Case(
        day=day,
        totals=totals,
        rejected=parsed.lines.rejected,
        last=last.session if last else None,
        comparison=compare(parsed.rows, last.prices) if last else None,
        expectation=calendar.expected(day),
        known=known_session(reference, day),
        matched=_match(totals, reference, since=since, until=day),
        published=known_turnover(reference, day),
        whole=completeness(totals, history, reference, day),
        gaps=gaps,
        owed=owed,
        owed_for_certain=bool(certain),
        override=override,
    )
    kind, session, reason = next(answer for rule in _RULES if (answer := rule(case)))
    return Judgement(kind, session, reason, evidence_of(case))


def _is_owed(day: date, totals: Totals, *, calendar: TradingCalendar, reference: Reference, held_earlier: Collection[date]) -> bool:
    published = known_turnover(reference, day)
    if published and abs(totals.turnover - published) > published * _SLACK:
        return False  # it was a session, but not the one in this file
    return day not in held_earlier or bool(known_session(reference, day)) or calendar.expected(day).certain


def _match(totals: Totals, reference: Reference, *, since: date, until: date) -> tuple[date, str] | None:
    days = (until - timedelta(days=n) for n in range((until - since).days))
    return next(((day, proof) for day in days if (proof := matched_by(totals, reference, day))), None)


def _booked(case: Case) -> _Answer | None:
    if case.override is None or case.totals.rows == 0:
        return None
    kind = FileKind.SESSION if case.override == case.day else FileKind.LATE
    return kind, case.override, f"A person booked this file to the session of {case.override}."


def _repeat(case: Case) -> _Answer | None:
    if case.comparison is None or case.repeated_share < REPEAT_SHARE:
        return None
    changed = case.comparison.differing + case.comparison.only_here
    but = f" but for {changed} of {case.totals.rows} rows, which differ" if changed else ""
    repeats = f"the file repeats the session of {case.last}{but}"
    if case.known:
        return FileKind.UNCLEAR, None, f"The exchange traded on {case.day}, but {repeats}: its own file has not come. Rerun the date later."
    if case.trading:
        return FileKind.NO_SESSION, case.last, f"A session was expected, but {repeats}: an unannounced closure, or the session comes late."
    return FileKind.NO_SESSION, case.last, f"No session ({_why_closed(case)}): {repeats}."


def _by_totals(case: Case) -> _Answer | None:
    if case.matched is None:
        return None
    session, proof = case.matched
    if session == case.day:
        return FileKind.SESSION, session, f"The file's totals are the {proof} of {session}: {_size(case)}."
    if case.last is None and not case.trading:
        return FileKind.NO_SESSION, session, f"No session ({_why_closed(case)}): the file's totals are the {proof} of {session}."
    return FileKind.LATE, session, f"The file's totals are the {proof} of {session}, which was missing: {_size(case)}."


def _mixture(case: Case) -> _Answer | None:
    if case.repeated_share < NEW_SHARE:
        return None
    share = f"{case.repeated_share:.0%}"
    reason = f"{share} of the rows repeat the session of {case.last} and the others are new: two sessions seem mixed."
    return FileKind.UNCLEAR, None, f"{reason} Get the file again and rerun the date, or book it by hand."


def _partial(case: Case) -> _Answer | None:
    if case.whole.complete:
        return None
    bad = f" ({case.rejected} lines could not be read)" if case.rejected else ""
    reason = f"The file holds {case.whole.observed}{bad}, where {case.whole.expected} are expected: {case.whole.reason}."
    book = ", or book it by hand where it is whole" if case.totals.rows else ""
    return FileKind.PARTIAL, None, f"{reason} Get the whole file and rerun the date{book}."


def _contradicted(case: Case) -> _Answer | None:
    if case.turnover_off is None or case.turnover_off <= _SLACK:
        return None
    reason = (
        f"The file's turnover of NPR {case.totals.turnover:,} is {case.turnover_off:.0%} off the NPR {case.published:,} published "
        f"for {case.day}, and no other missing session has it. Book it by hand."
    )
    return FileKind.UNCLEAR, None, reason


def _nothing_before(case: Case) -> _Answer | None:
    if case.last is not None:
        return None
    if case.trading:
        return FileKind.SESSION, case.day, f"The first session: {_size(case)}; nothing was accepted before to compare with."
    return FileKind.NO_SESSION, None, f"No session ({_why_closed(case)}); nothing was accepted before to compare with."


def _on_a_trading_day(case: Case) -> _Answer | None:
    if not case.trading:
        return None
    if case.follows is False and not case.gaps:
        return FileKind.UNCLEAR, None, f"{_astray(case).capitalize()}, yet no session is known to be missing between. Book it by hand."
    if not case.owed or not case.follows:
        lost = f"; a session after {case.last} is missing, as previous closes do not follow it" if case.follows is False else ""
        return FileKind.SESSION, case.day, f"The session of its own date: {_size(case)}{lost}."
    if case.owed_for_certain:
        return FileKind.LATE, case.owed[0], f"{_next_after(case)}, and {case.owed[0]} is missing: its session, come late."
    return FileKind.UNCLEAR, None, f"{_next_after(case)}: that is {_one_of((*case.owed, case.day))}. Book it by hand."


def _on_a_closed_day(case: Case) -> _Answer:
    candidates = case.owed or case.gaps
    closed = f"{case.day} is no trading day ({_why_closed(case)})"
    if not candidates and case.known is False:
        return FileKind.UNCLEAR, None, f"{closed}, yet all numbers are new and no session was missing. Book it by hand."
    if not candidates and case.follows is not False:
        return FileKind.SESSION, case.day, f"A session that was not announced: {closed}, yet all numbers are new and none was missing."
    if len(candidates) == 1 and case.follows is not False:
        return FileKind.LATE, candidates[0], f"{closed}; the numbers are new and {candidates[0]} is missing: its session, come late."
    if len(candidates) > 1 and case.follows is False:
        latest = candidates[-1]
        return FileKind.LATE, latest, f"{closed}; {_astray(case)}, so it is the latest missing session, {latest}, come late."
    if candidates and case.follows is not False:
        return FileKind.UNCLEAR, None, f"{closed}, and the numbers are new: they are {_one_of(candidates)}. Book it by hand."
    return FileKind.UNCLEAR, None, f"{closed}, and {_astray(case)}. Book it by hand."


# In this order: what is proven before what is likely. The last one always answers.
_RULES: tuple[Callable[[Case], _Answer | None], ...] = (
    _booked,
    _repeat,
    _by_totals,
    _mixture,
    _partial,
    _contradicted,
    _nothing_before,
    _on_a_trading_day,
    _on_a_closed_day,
)


def _why_closed(case: Case) -> str:
    return "control totals and index have no session on that day" if case.known is False else case.expectation.reason


def _size(case: Case) -> str:
    return f"{case.totals.rows} symbols, {case.totals.trades:,} trades"


def _next_after(case: Case) -> str:
    return f"Previous closes say that the file is the session right after {case.last}"


def _astray(case: Case) -> str:
    return f"previous closes do not follow the session of {case.last}"


def _one_of(days: Sequence[date]) -> str:
    return "one of " + ", ".join(map(str, days))
