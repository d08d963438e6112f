"""Every check of the catalogue: what it passes, what it finds, what it cannot judge, and what it lets be for a good reason."""

import numpy as np
import pytest

from engine.quality.check import CHECKS, SESSION_ROW, Scope, Severity
from engine.quality.report import OF_THE_WHOLE
from engine.thresholds import SPECS
from storage.status import CheckStatus
from tests.quality.examples import ALWAYS, EXAMPLES, EXPLAINED
from tests.quality.sheet import judged, result, sample, scores, with_row

SHARE = {"session_not_stale", "close_keeps_its_meaning"}  # their findings stay below a limit of the whole session


def test_every_check_has_its_example_and_no_example_is_without_a_check():
    assert EXAMPLES.keys() == CHECKS.keys()
    assert EXPLAINED.keys() == {name for name, check in CHECKS.items() if check.explanation}


@pytest.mark.parametrize("name", CHECKS)
def test_a_good_session_passes(name):
    found = result(judged(sample()), name)

    assert (found.status, found.failed, found.warned, found.worst) == (CheckStatus.PASSED, 0, 0, None)
    assert found.applicable == (1 if CHECKS[name].scope in OF_THE_WHOLE else 40)


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_wrong_is_found_where_it_is(name):
    example, check = EXAMPLES[name], CHECKS[name]
    found = scores(name, example.fails())

    assert len(found.rows) == (example.rows or 1)
    assert (found.rows[0] == SESSION_ROW) == (example.rows is None) == (check.scope in OF_THE_WHOLE)
    assert np.isfinite(found.score).all()
    assert (found.score > check.floor).all()
    assert not found.explained.any()


@pytest.mark.parametrize("name", CHECKS)
def test_a_finding_does_what_its_limits_say(name):
    found = result(judged(EXAMPLES[name].fails()), name)
    worst, check = found.worst, CHECKS[name]
    fails = check.error_above is not None and worst > check.error_above.default
    warns = not fails and check.warn_above is not None and worst > check.warn_above.default

    assert (found.failed, found.warned) == (int(fails), int(warns))
    assert found.status is (CheckStatus.FAILED if fails else CheckStatus.WARNED)
    assert found.sample[0]["score"] == worst


@pytest.mark.parametrize("name", CHECKS)
def test_what_cannot_be_judged_is_counted_as_not_applicable(name):
    example = EXAMPLES[name]
    if example.not_applicable is ALWAYS:
        assert result(judged(example.fails()), name).applicable in {1, 40, example.fails().size}
        return
    whole, found = sample().size, result(judged(example.not_applicable()), name)

    assert found.applicable < (1 if CHECKS[name].scope in OF_THE_WHOLE else whole)
    assert (found.failed, found.warned) == (0, 0)
    if not found.applicable:
        assert found.status is CheckStatus.NOT_APPLICABLE
        assert found.reason


@pytest.mark.parametrize("name", EXPLAINED)
def test_what_has_a_good_reason_is_neither_flagged_nor_set_aside(name):
    report = judged(EXPLAINED[name]())
    found = result(report, name)

    assert (found.explained, found.failed, found.warned) == (1, 0, 0)
    assert found.status is CheckStatus.PASSED


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_that_is_off_finds_nothing_that_counts(name):
    report = judged(EXAMPLES[name].fails(), **{f"{name}__enabled": 0.0})

    assert result(report, name).status is CheckStatus.OFF
    assert (result(report, name).failed, result(report, name).warned) == (0, 0)
    assert name in {list(CHECKS)[at] for at in report.findings.check}  # kept all the same: the switch can be turned back over it


@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
def test_a_check_says_in_words_what_it_holds(check):
    assert check.summary.endswith(".")
    assert check.summary[0].isupper()
    assert check.unit
    assert check.severity is (Severity.ERROR if check.error_above else Severity.WARN)
    assert check.id == check.function.__name__


@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
def test_every_limit_that_can_be_turned_is_a_threshold_and_no_other_is(check):
    turned = {key: limit for key, limit in check.keys().items() if not limit.fixed}
    own = {key: spec for key, spec in SPECS.items() if key.startswith(f"{check.id}.")}

    assert own.keys() == {f"{check.id}.enabled", *turned}
    for key, limit in turned.items():
        assert (own[key].default, own[key].low, own[key].high, own[key].unit) == (limit.default, limit.low, limit.high, check.unit)


def test_the_limits_of_a_check_are_in_order():
    both = [check for check in CHECKS.values() if check.warn_above and check.error_above]

    assert [check.id for check in both if check.warn_above.default > check.error_above.default] == []


CELLS = ["symbol", "open", "high", "low", "close", "vwap", "previous_close", "volume", "turnover", "trades", "last_price"]


@pytest.mark.parametrize("column", CELLS)
def test_a_value_that_is_missing_never_passes_in_silence(column):
    report = judged(with_row(**{column: None}))

    assert report.quarantined.tolist() == [7]


@pytest.mark.parametrize("name", [name for name, check in CHECKS.items() if check.scope is Scope.ROW])
def test_a_check_of_a_row_looks_at_no_other_row(name):
    alone = EXAMPLES[name].fails()
    found = scores(name, alone)
    turned = scores(name, sample_of_reversed(alone))

    assert (alone.size - 1 - turned.rows[::-1]).tolist() == found.rows.tolist()
    assert turned.score[::-1].tolist() == found.score.tolist()


def sample_of_reversed(session):
    rows = session.rows.take(list(range(session.size))[::-1])
    return type(session)(session.session, rows, session.layout, session.lines, session.reference, session.history)
