"""A back-test moves limits over stored scores; it must say what judging anew would have said."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.quality.backtest import PastSession, RowFate, ScoreBook
from engine.quality.check import CHECKS
from engine.quality.report import judge
from engine.thresholds import SPECS, snapshot
from storage.status import GateVerdict
from tests.quality.sheet import DAY, DEFAULTS, good_rows, lines, sample

SPOILS = [
    {},
    {"open": 140.0},
    {"close": 109.0},
    {"last_price": 90.0, "trades": 2},
    {"high": 90.0},
    {"turnover": 219_000.0},
    {"change": 0.55},
    {"change": 4.0},
    {"volume": 90_000},
    {"previous_close": 104.5},
    {"low": 0.0},
    {"open": 107.05, "high": 108.25},
    {"close": 160.0},
]
KEYS = [key for key in SPECS if key.rpartition(".")[0] in CHECKS or key == "gate.block_above"]


def session(spoils, *, rejected=0):
    rows = good_rows()
    for at, spoil in enumerate(spoils):
        rows[at] |= spoil
    return sample(rows, lines=lines(len(rows), rejected=rejected))


def book_of(*samples):
    return ScoreBook(
        [
            PastSession(DAY + timedelta(days=at), judge(one, DEFAULTS).findings.table(one), one.size, one.lines.rejected)
            for at, one in enumerate(samples)
        ]
    )


@st.composite
def turned(draw):
    chosen = draw(st.lists(st.sampled_from(KEYS), max_size=6, unique=True))
    return {
        key: draw(st.sampled_from([0.0, 1.0])) if SPECS[key].is_switch else draw(st.floats(SPECS[key].low, SPECS[key].high))
        for key in chosen
    }


@settings(deadline=None, max_examples=60)
@given(
    spoilt=st.lists(st.lists(st.sampled_from(SPOILS), max_size=10), min_size=1, max_size=3),
    rejected=st.integers(0, 4),
    values=turned(),
)
def test_a_back_test_says_what_judging_anew_would_say(spoilt, rejected, values):
    samples = [session(rows, rejected=rejected) for rows in spoilt]
    thresholds = snapshot(values, 1)
    outcome = book_of(*samples).outcome(thresholds)
    anew = [judge(one, thresholds) for one in samples]

    assert outcome.quarantined.tolist() == [len(report.quarantined) for report in anew]
    assert outcome.warned.tolist() == [len(report.flagged) for report in anew]
    assert outcome.blocked.tolist() == [report.verdict is GateVerdict.BLOCKED for report in anew]


def test_a_turned_limit_shows_the_rows_and_sessions_that_flip():
    book = book_of(session([{"open": 110.0}] * 3), session([]))
    before, after = book.outcome(DEFAULTS), book.outcome(snapshot({"open_inside_range.error_above": 0.5}, 1))
    flips, count = book.row_flips(before, after, most=2)
    (changed,) = book.session_flips(before, after)

    assert (count, len(flips)) == (3, 2)
    assert {(flip.before, flip.after, flip.session) for flip in flips} == {(RowFate.WARNED, RowFate.QUARANTINED, DAY)}
    assert (changed.session, changed.quarantined_before, changed.quarantined_after) == (DAY, 0, 3)
    assert (changed.blocked_before, changed.blocked_after) == (False, True)


def test_the_sums_of_the_last_sessions_leave_out_the_older_ones():
    book = book_of(session([{"high": 50.0}]), session([]), session([{"high": 50.0}, {"change": 3.0}]))
    outcome = book.outcome(DEFAULTS)

    assert (book.tally(outcome).quarantined, book.tally(outcome, 2).quarantined, book.tally(outcome, 1).warned) == (2, 1, 1)
    assert (book.tally(outcome, 2).rows, book.tally(outcome, 99).sessions) == (80, 3)


def test_an_approved_session_is_not_counted_as_blocked():
    one = session([{"high": 50.0}] * 5)
    table = judge(one, DEFAULTS).findings.table(one)
    blocked = [ScoreBook([PastSession(DAY, table, 40, 0, approved)]).outcome(DEFAULTS).blocked[0] for approved in (False, True)]

    assert blocked == [True, False]


def test_an_empty_book_answers_too():
    book = ScoreBook([])
    outcome = book.outcome(DEFAULTS)

    assert book.tally(outcome).sessions == 0
    assert book.row_flips(outcome, outcome, most=5) == ((), 0)
    assert len(book.scores_of("price_band")) == 0


def test_precision_and_recall_follow_the_limit():
    rows = [{"change": 1.5}, {"change": 2.5}, {"change": 3.5}]
    book = book_of(session(rows))
    faults = {(DAY, "S000"): False, (DAY, "S001"): True, (DAY, "S002"): True}
    low, middle, high = book.trust("change_matches", np.array([0.5, 1.5, 9.0]), faults)

    assert (low.labelled, low.precision, low.recall) == (3, pytest.approx(2 / 3), 1.0)
    assert (middle.precision, middle.recall) == (1.0, 1.0)
    assert (high.precision, high.recall) == (None, 0.0)
