"""Computing: spot in closed form and drawn, fleets, memory, and the curve of time and cost over vCPUs."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.costs.compute import (
    Fleet,
    Spot,
    billed_hours,
    deadline_risk,
    expected_hours,
    fitted,
    fleet_lines,
    hourly_rate,
    run_cost,
    simulated_hours,
    spot_pays,
    undisturbed,
    unpriced,
)
from engine.costs.line import total
from engine.costs.presets import AWS_2026, TEXTBOOK, preset
from engine.errors import UsageError

BOOK = preset(AWS_2026)


@pytest.mark.parametrize(
    ("work", "spot"),
    [
        ("4", Spot(Decimal("0.3"), Decimal("0.25"))),
        ("4", Spot(Decimal("0.3"), Decimal("0.25"), Decimal(1))),
        ("4", Spot(Decimal("0.3"), Decimal("0.25"), Decimal("1.5"))),  # the last piece is shorter
        ("8", Spot(Decimal("0.05"), Decimal("0.1"), Decimal("0.5"))),
        ("2", Spot(Decimal(1), Decimal(0))),
    ],
)
def test_the_closed_form_is_the_mean_of_the_simulation(work, spot):
    drawn = simulated_hours(float(work), spot, np.random.default_rng(910), trials=40_000)
    error = drawn.std() / len(drawn) ** 0.5

    assert abs(float(expected_hours(Decimal(work), spot)) - drawn.mean()) < 4 * error


def test_the_simulation_is_seeded():
    spot = Spot(Decimal("0.3"), Decimal("0.25"))
    one, other = (simulated_hours(4.0, spot, np.random.default_rng(1), trials=100) for _ in range(2))

    assert (one == other).all()


def test_whole_pieces_follow_the_published_formula():
    rate, restart, piece, work = Decimal("0.2"), Decimal("0.5"), Decimal(2), Decimal(6)

    expected = (work / piece) * ((rate * piece).exp() - 1) * (1 / rate + restart)
    assert expected_hours(work, Spot(rate, restart, piece)) == pytest.approx(expected)


@given(st.decimals("0.01", "1", places=2), st.decimals("0.5", "8", places=1), st.decimals("0", "1", places=2))
def test_interruptions_cost_time_and_checkpoints_give_it_back(rate, work, restart):
    bare = expected_hours(work, Spot(rate, restart))
    saved = expected_hours(work, Spot(rate, restart, work / 4))

    assert work < saved < bare


def test_without_interruptions_spot_takes_as_long_as_it_works():
    assert expected_hours(Decimal(3), Spot()) == 3
    assert undisturbed(Decimal(3), Spot()) == 1


def test_a_job_that_would_never_end_is_refused():
    with pytest.raises(UsageError, match="checkpoints"):
        expected_hours(Decimal(1000), Spot(Decimal(1)))


def test_a_share_a_month_becomes_a_rate_an_hour():
    assert undisturbed(Decimal(730), Spot(hourly_rate(Decimal("0.05")))) == pytest.approx(Decimal("0.95"))


def test_a_deadline_that_leaves_no_time_for_an_interruption_is_missed_as_often_as_one_comes():
    spot = Spot(Decimal("0.1"), Decimal("0.5"))
    risk = deadline_risk(4.0, spot, 4.001, np.random.default_rng(3))

    assert risk == pytest.approx(1 - float(undisturbed(Decimal(4), spot)), abs=0.02)


def test_a_deadline_that_is_never_met_ends_at_once():
    never = Spot(Decimal(1000), Decimal("0.1"))

    assert deadline_risk(4.0, never, 5.0, np.random.default_rng(3)) == 1
    assert deadline_risk(4.0, Spot(), 3.0, np.random.default_rng(3)) == 1
    assert deadline_risk(4.0, Spot(), 5.0, np.random.default_rng(3)) == 0


def test_spot_pays_only_while_its_discount_covers_its_interruptions():
    rough = Spot(Decimal("0.5"), Decimal("0.5"))

    assert spot_pays(Decimal("0.6"), Decimal(1), rough)
    assert not spot_pays(Decimal("0.6"), Decimal(4), rough)


def test_a_mixed_fleet_follows_its_formula():
    spot = Spot(Decimal("0.2"), Decimal("0.1"))
    fleet = Fleet(Decimal(100), Decimal(0), work=Decimal(2), spot_share=Decimal("0.4"), discount=Decimal("0.6"), spot=spot)
    price = BOOK.price("compute.vcpu_hour").amount
    longer = expected_hours(Decimal(2), spot) / 2

    expected = 100 * (Decimal("0.6") * price + Decimal("0.4") * price * Decimal("0.4") * longer)
    assert total(fleet_lines(BOOK, "runs", fleet)) == pytest.approx(expected, abs=Decimal("1e-8"))


def test_memory_is_paid_for():
    small, large = (total(fleet_lines(BOOK, "runs", Fleet(Decimal(10), Decimal(gb)))) for gb in (40, 40_960))

    assert large - small == pytest.approx(Decimal("0.0031155") * (40_960 - 40))


def test_a_book_that_prices_no_memory_says_so():
    assert "memory" in unpriced(preset(TEXTBOOK), Fleet(Decimal(1), Decimal(4)))
    assert unpriced(BOOK, Fleet(Decimal(1), Decimal(4))) is None


def test_a_run_of_seconds_is_billed_a_minute():
    assert billed_hours(BOOK, Decimal(5) / 3600) == Decimal(60) / 3600
    assert billed_hours(preset(TEXTBOOK), Decimal(5) / 3600) == Decimal(5) / 3600


def test_amdahls_law_is_found_again_in_runs_that_follow_it():
    curve = fitted([(n, 30 + 120 / n) for n in (1, 2, 4, 8)])

    assert (curve.serial, curve.parallel) == pytest.approx((30, 120))
    assert curve.seconds(16) == pytest.approx(37.5)
    assert (curve.most, curve.worst) == (8, pytest.approx(0, abs=1e-9))


def test_more_vcpus_take_less_time_and_cost_more_money():
    curve = fitted([(1, 3600), (4, 1800)])
    costs = [run_cost(BOOK, Decimal(curve.seconds(n)), Decimal(n), Decimal(8)) for n in (1, 2, 4, 8, 16)]

    assert curve.seconds(16) < curve.seconds(1)
    assert costs[-1] > costs[0]


@pytest.mark.parametrize("measured", [[(1, 5)], [(1, 5), (1, 7)], [(1, 0), (2, 1)]], ids=["one run", "one count", "no time"])
def test_a_curve_needs_runs_with_two_numbers_of_vcpus(measured):
    with pytest.raises(UsageError):
        fitted(measured)


def test_runs_that_got_slower_with_more_vcpus_are_called_serial():
    curve = fitted([(1, 10), (2, 12), (4, 14)])

    assert curve.parallel == 0
    assert curve.worst > 0.1


@pytest.mark.parametrize("wrong", [{"spot_share": Decimal("1.5")}, {"discount": Decimal(-1)}, {"work": Decimal(-1)}])
def test_a_fleet_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError):
        Fleet(Decimal(1), Decimal(1), **wrong)
