"""How a dead letter reads: what refused it, in the words of the rule, and which of its columns the rule is about."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.market.csv_line import cells_of
from engine.market.layouts import COLUMNS
from engine.quality.check import CHECKS
from pages.ui import format as say
from pages.ui.letter_data import LetterView
from pages.ui.text import words
from storage.status import LetterKind, LetterState

KINDS: Mapping[LetterKind, str] = {
    LetterKind.LINE: "unreadable line",
    LetterKind.ROW: "refused row",
    LetterKind.FILE: "whole file",
}
_PUBLISHED = {ours: published for published, ours in COLUMNS.items()}
# What the words of a rule call our columns, the longest first: "previous close" must not count as "close".
_CALLED = (
    ("previous close", "previous_close"),
    ("last traded price", "last_price"),
    ("last price", "last_price"),
    ("change in percent", "change_pct"),
    ("range in percent", "range_pct"),
    ("symbol", "symbol"),
    ("open", "open"),
    ("high", "high"),
    ("low", "low"),
    ("close", "close"),
    ("vwap", "vwap"),
    ("volume", "volume"),
    ("shares", "volume"),
    ("turnover", "turnover"),
    ("trades", "trades"),
    ("published change", "change"),
    ("published range", "range"),
)
_NEAR = 1e-6


def rule(check_id: str) -> str:
    """Return the words of a check; its name where this version does not know it."""
    known = CHECKS.get(check_id)
    return known.summary if known else words(check_id)


def compared(finding: Mapping[str, Any], limit: float | None = None) -> str:
    """Say what a check saw: observed 1,140.2 against 1,159.2, score 1.64 % of low, allowed 0; without a `limit` nothing is."""
    known = CHECKS.get(finding["check"])
    unit = f" {known.unit}" if known else ""
    allowed = f", allowed {say.figure(limit or 0)}"
    observed, bound, score = (say.figure(finding[name]) for name in ("observed", "bound", "score"))
    return f"Observed {observed} against {bound}; score {score}{unit}{allowed}."


def why(letter: LetterView) -> str:
    """Return in one line why a letter did not pass."""
    if letter.kind is not LetterKind.ROW or not letter.checks:
        return letter.message
    first = letter.checks[0]
    more = f" And {say.count(len(letter.checks) - 1, 'other rule')}." if len(letter.checks) > 1 else ""
    return f"{say.figure(first['observed'])} against {say.figure(first['bound'])}. {rule(first['check'])}{more}"


def blamed(letter: LetterView) -> frozenset[str]:
    """Return the published names of the columns that the refusal is about; none where it is about the whole line."""
    if letter.kind is LetterKind.LINE:
        first = letter.message.split(" ", 1)[0]
        ours = first if first in _PUBLISHED else "symbol" if "symbol" in letter.reason else None
        return frozenset({_PUBLISHED[ours]} if ours else ())
    values = letter.parsed or {}
    return frozenset(_PUBLISHED[ours] for finding in letter.checks or () for ours in _columns_of(finding, values))


def _columns_of(finding: Mapping[str, Any], values: Mapping[str, Any]) -> Sequence[str]:
    """Return the columns that a rule names, only those with a value that it saw where there are such."""
    said = rule(finding["check"]).lower()
    named = []
    for called, ours in _CALLED:
        if called in said:
            named.append(ours)
            said = said.replace(called, "")
    if finding["check"] == "values_present":
        return [ours for ours in named if values.get(ours) in (None, "")]
    seen = [ours for ours in named if any(_same(values.get(ours), finding[side]) for side in ("observed", "bound"))]
    return seen or named


def _same(value: Any, number: float | None) -> bool:
    try:
        return number is not None and abs(float(value) - number) < _NEAR
    except (TypeError, ValueError):
        return False


_WAITS_IN_STREAM = "correct the record and take it in, or put it away; the log keeps it as it came in any case"
_LATE_IN_STREAM = "take it in as it is or corrected, which makes its bar anew, or put it away; the log keeps it as it came in any case"


def standing(letter: LetterView) -> str:
    """Say where a letter stands and what comes next, in a sentence."""
    by, at = letter.decided_by or "somebody", say.stamp(letter.decided_at)
    note = f": {letter.note}" if letter.note else ""
    in_run = f" by run {letter.resolved_run_id}" if letter.resolved_run_id else ""
    if letter.waits and letter.corrected:
        applied = "once it is taken in, its trade is in the session" if letter.of_stream else "the next run of its date applies it"
        return f"{by} corrected the {'record' if letter.of_stream else 'line'} on {at}; {applied}."
    waits = (
        _LATE_IN_STREAM
        if letter.can_be_taken_in
        else _WAITS_IN_STREAM
        if letter.of_stream
        else (
            "correct the line, replay it as it is, or discard it"
            if letter.line
            else "have the source mend its file, fetch it again, or discard it"
        )
    )
    said = {
        LetterState.OPEN: f"It waits for a person: {waits}.",
        LetterState.PARKED: f"It failed {say.count(letter.tries, 'replay')}; a replay of all leaves it out. Correct it, or replay it.",
        LetterState.EDITED: f"{by} corrected the record, and the trade is in the session since {at}."
        if letter.of_stream
        else f"{by} corrected the line on {at}, and the corrected row came into the session{in_run}.",
        LetterState.REPLAYED: f"{by} took it in as it was on {at}." if letter.of_stream else f"It passed as it was{in_run}.",
        LetterState.DISCARDED: f"{by} put it away on {at}{note}.",
    }
    return said[letter.state]


def stored(value: Any) -> str:
    """Return a value as the row holds it."""
    if value is None or value == "":
        return say.NOTHING
    return f"{value:,}" if isinstance(value, int) else str(value)


def line_values(letter: LetterView, header: Sequence[str], line: str) -> list[tuple[str, str, str]]:
    """Return (published column, cell as it came, value as it was read) of a line, cells beyond the header last."""
    cells, values = cells_of(line), letter.parsed or {}
    beyond = [f"beyond the header {number}" for number in range(1, len(cells) - len(header) + 1)]
    names = [*header, *beyond] if header else [f"cell {number}" for number in range(1, len(cells) + 1)]
    padded = [*cells, *[""] * (len(names) - len(cells))]
    return [(name, cell, _read(name, values)) for name, cell in zip(names, padded, strict=True)]


def _read(name: str, values: Mapping[str, Any]) -> str:
    ours = COLUMNS.get(name)
    return "not used" if ours is None and values else stored(values.get(ours)) if ours and values else ""
