"""Is the stream working, on what, how far, and is anything wrong: a session's standing in a sentence."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pages.ui import format as say
from pages.ui.stream_data import SILENT, Working, instant, opening_of
from storage.status import RunStatus

FRESH = timedelta(seconds=6)  # a rate is of the last seconds: an older one says nothing
_MICROSECOND, _SECOND = timedelta(microseconds=1), timedelta(seconds=1)


class Tone(StrEnum):
    """How a sentence is shown."""

    GOOD = "good"
    NOTE = "note"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Standing:
    """The first line of the page, and what a person can do."""

    tone: Tone
    headline: str
    detail: str = ""


def standing(known: Working, *, runner_alive: bool, now: datetime) -> Standing:
    """Return how a session stands; the worst fact counts."""
    if known.status is RunStatus.QUEUED:
        return _queued(known, runner_alive, now)
    if known.status is RunStatus.RUNNING:
        silent = known.heartbeat_at is None or now - known.heartbeat_at > SILENT
        return _silent(known, runner_alive, now) if silent else _running(known, runner_alive, now)
    return _over(known)


def _queued(known: Working, runner_alive: bool, now: datetime) -> Standing:  # noqa: FBT001, one fact of three
    day = say.day(known.state.session)
    if not runner_alive:
        step = "The console starts one by itself within seconds; else: python -m engine runner."
        return Standing(Tone.BAD, f"The stream of {day} waits: no runner is alive", step)
    if known.rescues:
        again = f"It goes on {say.ago(known.available_at, now)}, behind its last record." if known.available_at else ""
        return Standing(Tone.WARN, f"The process of {day} died {say.count(known.rescues, 'time')} in a row and is started again", again)
    return Standing(Tone.NOTE, f"The stream of {day} is queued", "A process of its own begins with it within a second.")


def _silent(known: Working, runner_alive: bool, now: datetime) -> Standing:  # noqa: FBT001, one fact of three
    seen = f"Its last sign of life was {say.ago(known.heartbeat_at, now)}. " if known.heartbeat_at else ""
    rescue = "A runner starts it again, behind its last record." if runner_alive else "No runner is alive that would start it again."
    return Standing(Tone.BAD, f"The process of {say.day(known.state.session)} is silent", seen + rescue)


def _running(known: Working, runner_alive: bool, now: datetime) -> Standing:  # noqa: FBT001, one fact of three
    state, day = known.state, say.day(known.state.session)
    if known.cancel_requested:
        return Standing(Tone.NOTE, f"The stream of {day} is stopping", "It ends behind its last committed record.")
    if state.paused:
        return Standing(
            Tone.WARN,
            f"The stream of {day} is paused at {clock(known)}, {percent(known)} of the session",
            "Nothing is taken from the source until it is resumed.",
        )
    if state.note:
        return Standing(Tone.BAD, f"The stream of {day} waits for its source", state.note)
    opening = opening_of(state.session)
    if state.newest_us is None or state.newest_us < opening:
        return _before_opening(known, opening, now)
    works = f"The stream of {day} works: {clock(known)} in Nepal, {percent(known)} of the session"
    if not runner_alive:
        return Standing(Tone.WARN, f"{works}, and no runner is alive", "If its process dies, nobody starts it again.")
    return Standing(Tone.GOOD, works)


def _before_opening(known: Working, opening: int, now: datetime) -> Standing:
    day = say.day(known.state.session)
    if known.state.newest_us is None:
        return Standing(Tone.NOTE, f"The stream of {day} has begun; no trade has come yet")
    return Standing(Tone.NOTE, f"The stream of {day} is in the pre-open: {clock(known)} in Nepal", _until_opening(known, opening, now))


def _until_opening(known: Working, opening: int, now: datetime) -> str:
    """Return what is waited for before continuous trading, and how long at the chosen speed."""
    state = known.state
    until = f"Continuous trading begins at {say.clock_time(instant(opening))[:5]}; until then nothing is traded"
    if state.speed is None or state.newest_us is None:
        return f"{until}."
    left = (opening - state.newest_us) * _MICROSECOND / state.speed - (now - state.updated_at)
    return f"{until}, some {say.span(max(left, _SECOND))} more at {speed_word(state.speed)}."


def _over(known: Working) -> Standing:
    day = say.day(known.state.session)
    if known.status is RunStatus.SUCCEEDED:
        state = known.state  # people may have taken trades in since its run ended
        missing = f"{say.count(state.missing, 'trade')} missing" if state.missing else "no trade missing"
        return Standing(Tone.GOOD, f"The session of {day} is over", f"{state.accepted:,} of {state.records:,} records accepted, {missing}.")
    if known.status in (RunStatus.FAILED, RunStatus.CRASHED):
        word = "failed" if known.status is RunStatus.FAILED else "died too often and was given up"
        return Standing(Tone.BAD, f"The stream of {day} {word} at {clock(known)}, {percent(known)} of the session", known.reason or "")
    where = f"at {clock(known)}, {percent(known)} of the session" if known.state.newest_us else "before its first trade"
    return Standing(Tone.NOTE, f"The stream of {day} was stopped {where}", "It goes on behind its last record when it is started again.")


def clock(known: Working) -> str:
    """Return the time of the newest trade in Nepal."""
    return say.clock_time(instant(known.state.newest_us))


def percent(known: Working) -> str:
    """Return how much of the session has passed."""
    return say.percent(known.share, 1.0)


def rate(known: Working, now: datetime) -> float | None:
    """Return how many records a second come in; None while nobody works."""
    if known.status is not RunStatus.RUNNING or known.state.rate is None:
        return None
    return known.state.rate if now - known.state.updated_at <= FRESH and not known.state.paused else 0.0


def speed_word(speed: float | None) -> str:
    """Return a speed as the buttons name it."""
    return "max" if speed is None else f"{speed:g}×"  # noqa: RUF001, the sign that means "times"


def watermark_behind(known: Working) -> timedelta | None:
    """Return how far the watermark is behind the newest trade."""
    state = known.state
    if state.newest_us is None or state.watermark_us is None:
        return None
    return (state.newest_us - state.watermark_us) * _MICROSECOND
