"""What turned limits would have changed, from stored scores alone."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from engine.quality.backtest import PastSession, RowFate, ScoreBook
from engine.quality.preview import GATE, histogram, preview, scores, sessions_that_differ, turn
from engine.quality.report import FINDING_SCHEMA
from engine.thresholds import snapshot

FIRST, LAST = date(2025, 1, 5), date(2025, 1, 7)
NOW = snapshot({}, 0)
CLOSE, BAND = "close_inside_range", "price_band"


def past(number: int, *found: tuple[str, int | None, str, float, bool], rows: int = 100, unreadable: int = 0) -> PastSession:
    """Return a session with findings (check, line, symbol, score, explained)."""
    day = FIRST + timedelta(days=number)
    table = pa.Table.from_pylist(
        [
            {
                "session": day,
                "line": line,
                "symbol": symbol,
                "check": check,
                "score": score,
                "observed": 1.0,
                "bound": 1.0,
                "explained": explained,
            }
            for check, line, symbol, score, explained in found
        ],
        schema=FINDING_SCHEMA,
    )
    return PastSession(day, table, rows, unreadable)


@pytest.fixture
def book() -> ScoreBook:
    """Three sessions: a close far outside and one near; an explained move and one that is not; nothing."""
    return ScoreBook(
        [
            past(0, (CLOSE, 2, "NABIL", 12.0, False), (CLOSE, 3, "EBL", 3.0, False)),
            past(1, (BAND, 4, "NABIL", 5.0, True), (BAND, 5, "SHL", 1.0, False)),
            past(2),
        ]
    )


def test_a_turn_that_catches_more_rows_names_the_sessions_and_the_rows(book):
    seen = preview(book, NOW, {f"{CLOSE}.error_above": 2.0})

    assert [(flip.session, flip.quarantined_before, flip.quarantined_after, flip.warned_after) for flip in seen.sessions] == [
        (FIRST, 1, 2, 0)
    ]
    assert [(flip.symbol, flip.before, flip.after) for flip in seen.rows] == [("EBL", RowFate.WARNED, RowFate.QUARANTINED)]
    assert (seen.changes[-1].before.quarantined, seen.changes[-1].after.quarantined, seen.rows_changed) == (2, 3, 1)


def test_nothing_turned_changes_nothing(book):
    seen = preview(book, NOW, {})

    assert (seen.sessions, seen.rows, seen.rows_changed) == ((), (), 0)
    assert seen.changes[-1].before == seen.changes[-1].after


def test_a_check_that_is_switched_off_finds_nothing(book):
    seen = preview(book, NOW, {f"{CLOSE}.enabled": 0.0})

    assert (seen.changes[-1].after.quarantined, seen.changes[-1].after.warned) == (1, 0)


def test_the_gate_is_the_real_one_of_all_checks_together(book):
    seen = preview(book, NOW, {"gate.block_above": 0.5})

    assert [(flip.session, flip.blocked_after) for flip in seen.sessions] == [(FIRST + timedelta(days=1), True), (FIRST, True)]
    assert seen.rows_changed == 0


def test_only_spans_that_are_shorter_than_the_past_are_told_apart(book):
    long = ScoreBook([past(number) for number in range(31)])

    assert [change.last for change in preview(book, NOW, {}).changes] == [None]
    assert [change.last for change in preview(long, NOW, {}).changes] == [30, None]


def test_sessions_that_were_judged_by_other_limits_are_those_that_would_come_out_otherwise(book):
    strict = turn(NOW, {f"{CLOSE}.error_above": 2.0})

    judged = book.as_judged([7, 0, 0], {0: NOW, 7: strict})

    assert list(judged.quarantined) == [2, 1, 0]
    assert list(sessions_that_differ(judged, book.outcome(NOW), book)) == [0]


def test_an_empty_book_answers_with_nothing():
    seen = preview(ScoreBook([]), NOW, {"gate.block_above": 1.0})

    assert (seen.sessions, seen.changes[-1].before.rows) == ((), 0)


def test_the_distribution_leaves_explained_findings_out_and_counts_what_lies_beyond(book):
    found = scores(book, NOW, CLOSE)

    assert sorted(found) == [3.0, 12.0]
    assert list(scores(book, NOW, BAND)) == [1.0]
    drawn = histogram(found, low=0.0, high=10.0, bins=10)
    assert (drawn.counts[3], drawn.counts[-1], drawn.counts.sum(), drawn.beyond) == (1, 1, 2, 1)


def test_the_gate_is_measured_by_the_share_of_lines_set_aside(book):
    np.testing.assert_allclose(scores(book, NOW, GATE), [1.0, 1.0, 0.0])


def test_symbols_are_counted_by_what_became_of_their_rows(book):
    outcome = book.outcome(NOW)

    assert book.symbols_of(outcome, RowFate.QUARANTINED, since=FIRST, until=LAST, most=8) == {"NABIL": 1, "SHL": 1}
    assert book.symbols_of(outcome, RowFate.WARNED, since=LAST, until=LAST, most=8) == {}


def test_precision_and_recall_follow_what_people_said(book):
    said = {(FIRST, "NABIL"): True, (FIRST, "EBL"): False}

    low, high, beyond = book.trust(CLOSE, np.array([1.0, 5.0, 20.0]), said)

    assert (low.precision, low.recall, low.labelled) == (0.5, 1.0, 2)
    assert (high.precision, high.recall) == (1.0, 1.0)
    assert (beyond.precision, beyond.recall) == (None, 0.0)


def test_a_false_alarm_stays_one_once_its_session_was_judged_again():
    again = ScoreBook([past(0, (CLOSE, 2, "NABIL", 12.0, False), (CLOSE, 3, "EBL", 3.0, True))])

    (low,) = again.trust(CLOSE, np.array([1.0]), {(FIRST, "NABIL"): True, (FIRST, "EBL"): False})

    assert (low.precision, low.recall) == (0.5, 1.0)
