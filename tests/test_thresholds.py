"""What a threshold may be is said once, and refused everywhere else."""

import pytest

from engine import thresholds
from engine.errors import UnknownName, UsageError
from engine.quality.report import BLOCK_ABOVE
from engine.thresholds import ON_OFF, SPECS, ThresholdSpec, snapshot, switch, threshold, validated


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """What a test registers is gone behind it."""
    kept = dict(SPECS)
    threshold(ThresholdSpec("trial.error_above", 2.0, 0.0, 10.0, 0.5, "%", "For a test."))
    switch("trial.enabled", "For a test.")
    yield
    thresholds._registered.clear()
    thresholds._registered.update(kept)


def test_the_gate_blocks_above_five_percent_unless_somebody_says_otherwise():
    assert (SPECS[BLOCK_ABOVE.key].default, SPECS[BLOCK_ABOVE.key].unit) == (5.0, "% of lines")


def test_a_name_is_taken_once():
    with pytest.raises(UsageError, match=r"two thresholds called trial\.error_above"):
        threshold(SPECS["trial.error_above"])


def test_a_default_outside_its_range_is_refused():
    with pytest.raises(UsageError, match="default 11"):
        threshold(ThresholdSpec("trial.wrong", 11.0, 0.0, 10.0, 0.5, "%", "For a test."))


@pytest.mark.parametrize(("given", "number"), [(0.0, 0.0), ("10", 10.0), (2.25, 2.25), (" 3 ", 3.0), ("1e1", 10.0)])
def test_a_value_in_its_range_is_accepted_between_two_steps_too(given, number):
    assert validated("trial.error_above", given) == number


@pytest.mark.parametrize("given", [-0.1, 10.01, "nan", "inf", float("nan"), "-inf"])
def test_a_value_out_of_its_range_is_refused_with_the_range(given):
    with pytest.raises(UsageError, match=r"0 to 10 %"):
        validated("trial.error_above", given)


@pytest.mark.parametrize("given", ["", "much", "1,5", "True"])
def test_what_is_no_number_is_refused(given):
    with pytest.raises(UsageError, match="takes a number"):
        validated("trial.error_above", given)


@pytest.mark.parametrize(
    ("given", "number"), [("on", 1.0), ("OFF", 0.0), ("true", 1.0), ("False", 0.0), (True, 1.0), (0, 0.0), ("1", 1.0), (1.0, 1.0)]
)
def test_a_switch_is_turned_by_words_and_numbers(given, number):
    assert validated("trial.enabled", given) == number


@pytest.mark.parametrize("given", ["2", "0.5", "yes please", "", "nan"])
def test_a_switch_is_nothing_between_on_and_off(given):
    with pytest.raises(UsageError, match="is a switch"):
        validated("trial.enabled", given)


def test_an_unknown_name_is_refused_with_the_nearest_ones():
    with pytest.raises(UnknownName, match=r"'trial\.eror_above'.*trial\.error_above"):
        validated("trial.eror_above", 1)


@pytest.mark.parametrize("far", ["nope", "foo"])
def test_a_name_that_is_near_none_says_where_they_are_listed(far):
    with pytest.raises(UnknownName, match=r"list them with: python -m engine thresholds") as refused:
        validated(far, 5)
    assert "nearest" not in str(refused.value)


def test_a_snapshot_has_every_threshold_and_cannot_be_changed():
    taken = snapshot({"trial.error_above": 4.0, "gone.error_above": 1.0}, 7)

    assert taken.version == 7
    assert (taken["trial.error_above"], taken["trial.enabled"], taken[BLOCK_ABOVE.key]) == (4.0, 1.0, 5.0)
    assert taken.values.keys() == SPECS.keys()
    with pytest.raises(TypeError):
        taken.values["trial.error_above"] = 5.0


def test_a_switch_says_that_it_is_one():
    assert SPECS["trial.enabled"].is_switch
    assert SPECS["trial.enabled"].unit == ON_OFF
    assert not SPECS["trial.error_above"].is_switch
