"""What the gate said of two runs, fact by fact: verdict, where the lines went, each check, each threshold that is not the same."""

from collections.abc import Iterator, Mapping

from pages.ui import format as say
from pages.ui import run_quality_data
from pages.ui.letter_words import figure
from pages.ui.run_quality_data import ReportView, ResultView
from pages.ui.text import words
from pages.ui.theme import look

Fact = tuple[str, str, str]  # what, in this run, in the other


def quality_facts(this: int, other: int) -> Iterator[Fact]:
    """Give every fact of the gate about two runs, the same or not; none where neither was judged."""
    mine, theirs = run_quality_data.report(this), run_quality_data.report(other)
    if mine is None and theirs is None:
        return
    left, right = _facts(mine), _facts(theirs)
    for what in left:
        yield what, left[what], right[what]
    yield from _thresholds(run_quality_data.limits(this), run_quality_data.limits(other))
    checks, others = _checks(this, mine), _checks(other, theirs)
    for check in dict.fromkeys([*checks, *others]):
        yield f"Check {words(check)}", checks.get(check, say.NOTHING), others.get(check, say.NOTHING)


def _facts(report: ReportView | None) -> Mapping[str, str]:
    names = ("Quality", "Lines loaded", "Lines set aside", "Duplicates", "Rows with a flag", "Approved by", "Thresholds version")
    if report is None:
        return dict.fromkeys(names, say.NOTHING)
    counts = (report.loaded, report.quarantined, report.duplicates, report.warned)
    decided = report.approved_by or say.NOTHING
    return dict(zip(names, (look(report.verdict).word, *map(say.count, counts), decided, str(report.threshold_version)), strict=True))


def _thresholds(mine: Mapping[str, float], theirs: Mapping[str, float]) -> Iterator[Fact]:
    if not mine or not theirs:
        return
    for key in sorted(mine.keys() | theirs.keys()):
        if mine.get(key) != theirs.get(key):
            yield f"Threshold {key}", figure(mine.get(key)), figure(theirs.get(key))


def _checks(run_id: int, report: ReportView | None) -> Mapping[str, str]:
    if report is None:
        return {}
    return {result.check_id: _ended(result) for result in run_quality_data.results(run_id)}


def _ended(result: ResultView) -> str:
    counts = ((result.failed, "refused"), (result.warned, "warned"))
    said = ", ".join(f"{number:,} {word}" for number, word in counts if number)
    return f"{look(result.status).word}{f': {said}' if said else ''}"
