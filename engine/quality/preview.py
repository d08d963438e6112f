"""What turning limits would have changed in the sessions that were judged: sums, flips, and where the scores lie."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.quality.backtest import Outcome, RowFlip, ScoreBook, SessionFlip, Tally
from engine.quality.report import BLOCK_ABOVE
from engine.quality.sample import Floats, Ints
from engine.thresholds import Thresholds

SPANS = (30, 90, None)  # the last so many sessions; None: all of them
MOST_ROWS = 200  # rows that are listed
BINS = 40
GATE = BLOCK_ABOVE.key.partition(".")[0]  # what it has no check for: the share of lines set aside in a session


@dataclass(frozen=True, slots=True)
class Change:
    """The sums over the last so many sessions (None: all) before and after."""

    last: int | None
    before: Tally
    after: Tally


@dataclass(frozen=True, slots=True)
class Preview:
    """What a turn would have changed, all checks together."""

    changes: tuple[Change, ...]
    sessions: tuple[SessionFlip, ...]
    rows: tuple[RowFlip, ...]  # the first MOST_ROWS of `rows_changed`
    rows_changed: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many scores lie between two edges each; those `beyond` the last edge are counted in the last bin."""

    edges: Floats
    counts: Ints
    beyond: int


def preview(book: ScoreBook, current: Thresholds, turned: Mapping[str, float]) -> Preview:
    """Return what thresholds with some of them `turned` would have made of the past that the `current` ones do not."""
    before, after = book.outcome(current), book.outcome(turn(current, turned))
    rows, changed = book.row_flips(before, after, most=MOST_ROWS)
    return Preview(
        tuple(Change(last, book.tally(before, last), book.tally(after, last)) for last in SPANS if last is None or last < len(book.days)),
        book.session_flips(before, after),
        rows,
        changed,
    )


def turn(current: Thresholds, turned: Mapping[str, float]) -> Thresholds:
    """Return thresholds with some of them turned, not saved: the version stays that of `current`."""
    return Thresholds({**current.values, **turned}, current.version)


def sessions_that_differ(before: Outcome, after: Outcome, book: ScoreBook) -> NDArray[np.int64]:
    """Return the places of the sessions whose verdict or a row's fate differs, oldest first."""
    differs = before.blocked != after.blocked
    differs[book.session_of_row[before.fates != after.fates]] = True
    return np.flatnonzero(differs)


def scores(book: ScoreBook, current: Thresholds, name: str) -> Floats:
    """Return the stored scores of a check without those that have an explanation; of the gate, each session's share of lines set aside."""
    if name != GATE:
        return book.scores_of(name)
    lines = np.maximum(book.rows + book.unreadable, 1)
    share: Floats = 100 * (book.outcome(current).quarantined + book.unreadable) / lines
    return share


def histogram(values: Floats, *, low: float, high: float, bins: int = BINS) -> Histogram:
    """Count scores from `low` on; none is lost: the last bin holds those above `high` too."""
    edges = np.linspace(low, high, bins + 1)
    counts, _ = np.histogram(np.minimum(values, high), edges)
    return Histogram(edges, counts, int(np.count_nonzero(values > high)))
