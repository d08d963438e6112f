"""How far the lake is behind the exchange: the sessions that should be in it and are not, for the page, for Prometheus and for alerts."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import dropwhile

from engine.market.calendar import TradingCalendar
from engine.pipeline.graph import Due
from engine.pipeline.ledger import due_time
from storage.dates import DateVerdict
from storage.status import RunStatus, Verdict

LOOK_BACK = timedelta(days=75)  # calendar days that hold the last thirty sessions, festivals included


def begins(today: date, newest: date | None) -> date:
    """Return from which date on verdicts are looked at: the sessions before the newest one, however long ago that was."""
    return min(today, newest or today) - LOOK_BACK


def expected(verdicts: Iterable[DateVerdict], *, calendar: TradingCalendar, due: Due | None, now: datetime) -> list[DateVerdict]:
    """Return the dates that should hold a session by now, or that hold something a person must see, oldest first.

    What lies before the first date that ever ran is before the lake's beginning, and not missing.
    """
    ever_run = dropwhile(lambda verdict: verdict.run_id is None, verdicts)
    return [verdict for verdict in ever_run if _counts(verdict, calendar, due, now)]


def behind(known: Sequence[DateVerdict], newest: date | None) -> list[DateVerdict]:
    """Return those of the `expected` dates that lie after the newest session and are not in the lake, for whatever reason."""
    return [one for one in known if newest is not None and one.day > newest and (one.verdict is Verdict.MISSING or is_broken(one))]


def is_broken(known: DateVerdict) -> bool:
    """Say whether a date's last word is a failure, also where an earlier version of its session is in the lake.

    A run that failed because there is no file leaves the date missing, not failed.
    """
    if known.verdict is Verdict.MISSING:
        return known.status is RunStatus.CRASHED
    return known.verdict is Verdict.FAILED or known.status in (RunStatus.FAILED, RunStatus.CRASHED)


def _counts(verdict: DateVerdict, calendar: TradingCalendar, due: Due | None, now: datetime) -> bool:
    if verdict.verdict is Verdict.NO_SESSION and not is_broken(verdict):
        return False
    if verdict.verdict is Verdict.SESSION or is_broken(verdict):
        return True
    is_due = due is None or due_time(due, verdict.day) <= now
    return is_due and calendar.expected(verdict.day).trading
