"""Which of the sessions before limits are learnt from, by what the index did and by what a person has said."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from engine.drift.judging import SERIES
from engine.drift.limits import GROSS
from engine.drift.session import SessionSample
from engine.drift_past import Labelled, Past
from storage.status import DriftLabel

DAY, SESSIONS = date(2025, 6, 1), 5
LAST = DAY + timedelta(days=SESSIONS - 1)


def past(*, last: float, halted: bool = False, label: DriftLabel | None = None) -> Past:
    """Return sessions that reached half of their limit, but for the last one, which reached `last` times it."""
    samples = [SessionSample(DAY + timedelta(days=at), (), np.empty((0, 0), np.float32), {}, halted=False) for at in range(SESSIONS)]
    samples[-1] = replace(samples[-1], halted=halted)
    reached = [np.full(len(SERIES), 0.5)] * (SESSIONS - 1) + [np.full(len(SERIES), last)]
    said = {} if label is None else {LAST: Labelled(label, frozenset({"off_grid"}))}
    return Past(samples, reached, [np.ones(len(SERIES))] * SESSIONS, labels=said)


@pytest.mark.parametrize(
    ("given", "teaches"),
    [
        ({"last": 1.5}, True),
        ({"last": GROSS + 1}, False),
        ({"last": GROSS + 1, "label": DriftLabel.MARKET}, True),
        ({"last": 1.5, "label": DriftLabel.FAULT}, False),
        ({"last": 1.5, "label": DriftLabel.ACCEPTED}, False),
        ({"last": 1.5, "halted": True}, False),
    ],
)
def test_limits_are_learnt_from_ordinary_sessions_and_from_what_the_market_did(given, teaches):
    assert bool(past(**given).history()[-1, 0] == given["last"]) is teaches


@pytest.mark.parametrize(
    ("given", "compared"),
    [({}, True), ({"label": DriftLabel.MARKET}, True), ({"label": DriftLabel.FAULT}, False), ({"halted": True}, False)],
)
def test_others_are_compared_with_what_was_neither_halted_nor_called_faulty(given, compared):
    clean = [one.session for one in past(last=0.5, **given).clean()]

    assert (LAST in clean, len(clean)) == (compared, SESSIONS - 1 + compared)
