"""What the numbers of a session's quality mean in words: can it be trusted, and is it getting worse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import mean, median

from pages.ui import format as say
from pages.ui.quality_views import JudgedView, ReportView, ResultView
from pages.ui.theme import Colour
from storage.status import CheckStatus, GateVerdict

NEWEST = 10  # sessions that are held against those before them
FEWEST = 20  # sessions below which nothing can be said
_MUCH, _VISIBLE = 1.5, 0.25  # as a ratio, and in points: a change is told only when it is both


class Trust(StrEnum):
    """How far a session can be relied on."""

    GOOD = "good"
    PARTLY = "partly"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Course:
    """Where the quality of the last sessions goes."""

    word: str
    note: str
    colour: Colour


def trust(report: ReportView) -> Trust:
    """Say how far a session can be relied on."""
    if report.verdict is GateVerdict.BLOCKED:
        return Trust.NOT
    return Trust.PARTLY if report.quarantined or report.approved_by else Trust.GOOD


def headline(report: ReportView, *, served: int | None = None, rejected: bool = False) -> str:
    """Answer in one sentence whether a session can be trusted, and why.

    `served` is the run whose version is served now, if any; `rejected` says that a person has decided to keep a blocked session out.
    """
    day, rows = say.day(report.session), say.count(report.loaded, "row")
    if report.verdict is GateVerdict.BLOCKED:
        what = "Nothing of it is served" if served is None else f"The version of run {served} is still served"
        if rejected:
            return f"**{day} was rejected by a person.** {what}; a new file of the date is judged afresh."
        return f"**{day} is held back.** {what} until a person decides."
    flagged = "" if not report.warned else f", {say.count(report.warned)} of them with a flag"
    if report.approved_by:
        return f"**{day} was let through by a person.** {rows} are served{flagged}; {say.count(report.quarantined)} were set aside."
    if report.quarantined:
        were = "line was" if report.quarantined == 1 else "lines were"
        return f"**{day} can be trusted but for what was set aside.** {rows} are served{flagged}; {report.quarantined:,} {were} set aside."
    return f"**{day} can be trusted.** {rows} are served{flagged or ', and every check passed'}; nothing was set aside."


def course(judged: Sequence[JudgedView]) -> Course:
    """Say whether the share of rows flagged or set aside grows: the last sessions against those before them."""
    blocked = sum(one.verdict is GateVerdict.BLOCKED for one in judged[-NEWEST:])
    if len(judged) < FEWEST:
        return Course("too early", say.count(len(judged), "session"), "gray")
    shares = [one.share_aside + one.share_flagged for one in judged]
    last, before = mean(shares[-NEWEST:]), mean(shares[:-NEWEST])
    note = f"{last:.1f}%, before {before:.1f}%"
    if blocked:
        return Course("worse", f"{blocked} of {NEWEST} blocked", "red")
    if last > before * _MUCH and last - before > _VISIBLE:
        return Course("worse", note, "orange")
    if last * _MUCH < before and before - last > _VISIBLE:
        return Course("better", note, "green")
    return Course("steady", note, "green")


def usual(values: Sequence[float]) -> float:
    """Return what is usual: the median; 0 of nothing."""
    return median(values) if values else 0.0


def ended(results: Sequence[ResultView]) -> Mapping[CheckStatus, int]:
    """Return how many checks ended how."""
    return {status: sum(result.status is status for result in results) for status in CheckStatus}
