"""Could everything be had back? What is known of backups, drills and damage, weighed into standings and problems."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pages.ui import format as say
from pages.ui.health import Problem, Severity
from pages.ui.theme import Colour
from pages.ui.views import DamageView, JobView
from storage.status import JobOutcome

LATE = timedelta(hours=6)  # after the time of a nightly job
SLACK = timedelta(minutes=10)  # after that of a backup: it may wait for another job
_TITLES = {"backup": "Backup", "drill": "Restore drill", "scrub": "Scrub", "tick_log": "Tick log"}


@dataclass(frozen=True, slots=True)
class Kept:
    """What is weighed; read beforehand."""

    last: Mapping[str, JobView | None]  # the newest execution that ended, by job
    good: Mapping[str, JobView | None]  # the newest that succeeded
    due: Mapping[str, datetime | None]
    damaged: Sequence[DamageView]
    saved: bool  # the newest backup holds everything that was written
    every_minutes: int  # 0: no backup by schedule
    alive_since: datetime | None = None  # the runner that is; none could do what came due before


@dataclass(frozen=True, slots=True)
class Standing:
    """How one of the jobs stands, in a line; `advice` where a person has to do something."""

    job: str
    title: str
    colour: Colour
    line: str
    advice: str = ""


def standings(kept: Kept, *, now: datetime) -> tuple[Standing, ...]:
    """Return how backup, drill and scrub stand, and the tick log where the stream has received something."""
    ticks = (_tick_log(kept, now),) if kept.last.get("tick_log") or kept.due.get("tick_log") else ()
    return _backup(kept, now), _drill(kept, now), _scrub(kept, now), *ticks


def problems(kept: Kept, *, now: datetime) -> tuple[Problem, ...]:
    """Return what a person must see, the worst first."""
    return tuple(_problems(kept, now))


def _problems(kept: Kept, now: datetime) -> Iterator[Problem]:
    if kept.damaged:
        first = kept.damaged[0]
        files = say.count(len(kept.damaged), "file of the lake is damaged", "files of the lake are damaged")
        yield Problem(Severity.BAD, files, f"{first.path} {first.reason}.", "safety.py", action="See what to do")
    for standing in standings(kept, now=now):
        if standing.advice and not (standing.job == "scrub" and kept.damaged):
            detail = f"{standing.line}. {standing.advice}"
            yield Problem(Severity.BAD, f"{standing.title} needs a person", detail, "safety.py", action="See what to do")


def _backup(kept: Kept, now: datetime) -> Standing:
    good = kept.good["backup"]
    age = f"{say.ago(good.started_at, now)}, {'holds everything' if kept.saved else 'newer writes follow'}" if good else "none yet"
    if not kept.every_minutes:
        return _standing("backup", "gray", f"{age}; none by schedule")
    advice = _wrong(kept, "backup", now, late=SLACK if not kept.saved else None)
    return _standing("backup", "red" if advice else "green" if good else "gray", age, advice)


def _drill(kept: Kept, now: datetime) -> Standing:
    good = kept.good["drill"]
    if good is None:
        line = "none yet"
    else:
        figures = good.figures
        point = say.span(timedelta(seconds=figures["recovery_point_seconds"]))
        lost = say.span(timedelta(seconds=figures["unsaved_seconds"])) if figures["unsaved_seconds"] else ""
        took = say.span(timedelta(seconds=figures["recovery_seconds"]))
        also = f"; writes of {lost} not in it" if lost else ", nothing lost"
        line = f"{say.ago(good.started_at, now)}: back in {took}, newest write {point} old{also}"
    advice = _wrong(kept, "drill", now, late=LATE)
    return _standing("drill", "red" if advice else "green" if good else "gray", line, advice)


def _scrub(kept: Kept, now: datetime) -> Standing:
    last = kept.last["scrub"]
    figures = last.figures if last is not None and last.figures else {}
    if last is None:
        line = "none yet"
    elif "files" in figures:
        found = say.count(figures["findings"], "finding")
        line = f"{say.ago(last.started_at, now)}: {say.count(figures['files'], 'file')}, {say.size(figures['bytes'])}, {found}"
    else:
        line = say.ago(last.started_at, now)
    advice = _wrong(kept, "scrub", now, late=LATE)
    return _standing("scrub", "red" if advice else "green" if last else "gray", line, advice)


def _tick_log(kept: Kept, now: datetime) -> Standing:
    last = kept.last["tick_log"]
    line = "none yet" if last is None else f"{say.ago(last.started_at, now)}: {last.message}"
    advice = _wrong(kept, "tick_log", now, late=LATE)
    return _standing("tick_log", "red" if advice else "green" if last else "gray", line, advice)


def _wrong(kept: Kept, job: str, now: datetime, *, late: timedelta | None) -> str:
    """Return what to do about a job that failed or is overdue, or nothing."""
    last, due = kept.last[job], kept.due[job]
    healed = job == "scrub" and last is not None and bool((last.figures or {}).get("findings")) and not kept.damaged
    if job == "scrub" and kept.damaged and last is not None:
        return "The damaged files are listed on the Safety page, each with what makes it whole."
    if last is not None and last.outcome is JobOutcome.FAILED and not healed:
        return f"The last one failed {say.ago(last.finished_at, now)}: {last.message}"
    if late is not None and due is not None and now - max(due, kept.alive_since or due) > late:
        return f"It was due {say.ago(due, now)}. Is a runner alive? Do it now on the Safety page."
    return ""


def _standing(job: str, colour: Colour, line: str, advice: str = "") -> Standing:
    return Standing(job, _TITLES[job], colour, line, advice)
