"""What is known of each calendar date: the newest run's word, and the session that was accepted for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from storage import runs, sessions
from storage.status import RunStatus, Verdict


@dataclass(frozen=True, slots=True)
class DateVerdict:
    """One calendar date."""

    day: date
    verdict: Verdict
    status: RunStatus | None  # of the newest run; None where there is none
    reason: str
    session_date: date | None  # the session that the date's file holds
    rows: int | None
    run_id: int | None  # None where none has looked: a run that was cancelled before it said anything is as if it had not been


def verdicts(connection: Connection, pipeline: str, since: date, until: date) -> Sequence[DateVerdict]:
    """Return one verdict a calendar date of the range, oldest first; three indexed queries whatever its length."""
    states = {row["day"]: row for row in runs.states_between(connection, pipeline, since, until)}
    accepted = {row["session"]: row for row in sessions.between(connection, since, until)}
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    return [_verdict(day, states.get(day), accepted.get(day)) for day in days]


def _verdict(day: date, state: Any, session: Any) -> DateVerdict:
    if state is None and session is None:
        return DateVerdict(day, Verdict.MISSING, None, "no run yet", None, None, None)
    if session is not None and (state is None or session["file_date"] != day):
        reason = f"booked from the file of {session['file_date']}"
        return DateVerdict(day, Verdict.SESSION, RunStatus.SUCCEEDED, reason, day, session["rows"], session["run_id"])
    status = RunStatus(state["status"])
    if status is RunStatus.CANCELLED and state["verdict"] is None and session is None:
        return DateVerdict(day, Verdict.MISSING, status, f"no run yet: {state['reason'] or status}", None, None, None)
    verdict = Verdict(state["verdict"]) if state["verdict"] else _without_a_word(status, accepted=session is not None)
    return DateVerdict(day, verdict, status, state["reason"] or status.value, state["session_date"], state["rows"], state["run_id"])


def _without_a_word(status: RunStatus, *, accepted: bool) -> Verdict:
    """Judge a date whose newest run has said nothing (yet): an accepted session stays one until a run fails."""
    if status in (RunStatus.FAILED, RunStatus.CRASHED):
        return Verdict.FAILED
    return Verdict.SESSION if accepted else Verdict.MISSING
