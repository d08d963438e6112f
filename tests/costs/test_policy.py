"""Policies by age: the search finds what a walk through every month of every policy finds, and says what is right for small files."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.costs.cheapest import RULE_OF_THUMB, Advice, cheapest, policies
from engine.costs.line import Category, total
from engine.costs.policy import Cohort, Holding, Policy, ReadsByAge, classes_by_name, risk_of
from engine.costs.presets import AWS_2026, TEXTBOOK, preset
from engine.errors import UsageError
from tests.costs.workloads import evenly, policy_lines

BOOK = preset(AWS_2026)
CLASSES = classes_by_name(BOOK)
DAY_FILE = 22_528
TWO_YEARS = evenly(23, 12, objects=20, size=20 * DAY_FILE)


@st.composite
def holdings(draw) -> Holding:
    cohorts = draw(
        st.lists(
            st.builds(
                Cohort, st.integers(-8, 20), st.integers(1, 400), st.integers(0, 2**36), st.sampled_from([Decimal(1), Decimal("0.5")])
            ),
            min_size=1,
            max_size=4,
        )
    )
    reads = ReadsByAge(((0, Decimal(draw(st.integers(0, 30)))), (draw(st.integers(1, 9)), Decimal(draw(st.integers(0, 3))))))
    return Holding(tuple(cohorts), draw(st.integers(1, 9)), reads)


@settings(max_examples=12)
@given(holdings(), st.sampled_from([None, Decimal(0)]))
def test_the_search_finds_what_brute_force_finds(holding, most_wait):
    ages = (1, 3, 7)
    found = cheapest(BOOK, holding, ages=ages, most_wait=most_wait)
    walked = {policy: total(policy_lines(BOOK, holding, policy)) for policy in policies(CLASSES, ages=ages, most_wait=most_wait)}
    rounding = Decimal("1e-7")  # the walk rounds each line, the search rounds once

    assert abs(found.cost - walked[found.policy]) <= rounding
    assert abs(found.cost - min(walked.values())) <= rounding
    assert abs(found.stay - walked[Policy()]) <= rounding
    assert abs(found.compact - walked[Policy(1)]) <= rounding
    assert found.tried == len(walked)


def test_day_files_stay_in_standard_and_moving_them_as_they_are_costs_many_times_more():
    holding = Holding(TWO_YEARS, 12)
    found = cheapest(BOOK, holding)
    moved = total(policy_lines(BOOK, holding, RULE_OF_THUMB))
    stayed = total(policy_lines(BOOK, holding, Policy()))

    assert found.advice is Advice.COMPACT
    assert abs(found.by_rule - moved) < Decimal("1e-7")
    assert 3 < moved / stayed < 10


def test_at_a_thousand_times_the_size_moving_pays():
    found = cheapest(BOOK, Holding(evenly(23, 12, objects=20, size=20_000 * DAY_FILE), 12))

    assert found.advice is Advice.MOVE
    assert found.policy.moves
    assert 0 < found.cost < min(found.stay, found.compact)


def test_data_that_is_read_every_day_stays_in_standard_however_old_it_is():
    daily = ReadsByAge(((0, Decimal(30)),))
    found = cheapest(BOOK, Holding(evenly(23, 12, objects=20, size=20_000 * DAY_FILE), 12, daily))

    assert found.policy.moves == ()


def test_whoever_cannot_wait_is_given_no_archive():
    holding = Holding(evenly(23, 12, objects=20, size=20_000 * DAY_FILE), 12)
    patient, impatient = cheapest(BOOK, holding), cheapest(BOOK, holding, most_wait=Decimal(0))

    assert patient.risk.restore_hours > 0
    assert impatient.risk.restore_hours == 0
    assert patient.cost <= impatient.cost


def test_leaving_a_class_too_early_is_charged():
    holding = Holding((Cohort(0, 1, 2**30),), 4)
    early = policy_lines(BOOK, holding, Policy(warm_at=1, warm="glacier_instant", cold_at=2, cold="deep_archive"))

    charged = [line for line in early if line.category is Category.EARLY_DELETE]
    assert [line.amount for line in charged] == [Decimal("0.008")]  # 60 of its 90 days, one GB


def test_the_risk_is_what_deleting_and_reading_everything_would_cost():
    holding = Holding((Cohort(12, 1, 2**30),), 1)
    risk = risk_of(BOOK, holding, Policy(warm_at=1, warm="glacier_flexible"))

    assert risk.restore_hours == 5
    assert risk.early_delete == pytest.approx(Decimal("0.0036") * 3, rel=Decimal("1e-4"))
    assert risk.read_everything == pytest.approx(Decimal("0.01"), rel=Decimal("0.02"))


def test_a_policy_says_in_words_what_it_does():
    assert Policy().words == "stay in Standard as it is"
    assert Policy(1).words == "stay in Standard, compact closed months first"
    assert Policy(1, 3, "standard_ia").words == "compact closed months first, then standard_ia from 3 months on"


def test_the_textbooks_prices_know_three_classes_and_no_risk():
    found = cheapest(preset(TEXTBOOK), Holding(TWO_YEARS, 12))

    assert found.policy.moves == ((1, "glacier"),)  # nothing but the price of a GB speaks against it
    assert found.risk.early_delete == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Policy(warm_at=3),
        lambda: Policy(warm_at=3, warm="standard_ia", cold_at=3, cold="deep_archive"),
        lambda: Policy(compact_at=4, warm_at=3, warm="standard_ia"),
        lambda: ReadsByAge(((1, Decimal(1)),)),
        lambda: Cohort(1, 0, 1),
        lambda: Holding(TWO_YEARS, 0),
    ],
    ids=["no class", "cold before warm", "moved before compacted", "no first age", "no objects", "no months"],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(UsageError):
        wrong()
