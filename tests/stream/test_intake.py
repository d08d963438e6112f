"""What is taken in, in which order it comes out, and why the rest is set aside."""

import numpy as np
import pytest

from engine.stream.contracts import first_id
from engine.stream.intake import Intake, Reason
from engine.stream.ticks import SECOND, Ticks, joined
from tests.stream.tapes import DAY, at, random_tape, tape

LATENESS = 5 * SECOND


def reasons_of(intake, ticks, ingest=None):
    return [Reason(reason).name for reason in intake.take(ticks, ingest).reasons.tolist()]


def test_trades_come_out_in_the_order_of_trading_once_the_watermark_has_passed_them():
    intake = Intake(DAY, LATENESS)
    first = intake.take(tape((3, "NABIL", 100), (1, "NABIL", 101), (2, "NICA", 102)))
    second = intake.take(tape((9, "NABIL", 103), sequences=[4]))

    assert len(first.ticks) == 0
    assert second.ticks.rate.tolist() == [101, 102, 100]
    assert second.watermark == at(4)
    assert intake.close().ticks.rate.tolist() == [103]


def test_trades_of_one_instant_come_out_by_their_contract():
    intake = Intake(DAY, 0)
    intake.take(tape((1, "NABIL", 100), (1, "NABIL", 101), (1, "NABIL", 102), sequences=[3, 1, 2]))

    assert intake.close().ticks.rate.tolist() == [101, 102, 100]


def test_the_closing_brings_out_the_last_trades():
    intake = Intake(DAY, LATENESS)
    intake.take(tape((4 * 3600, "NABIL", 100)))  # 15:00:00

    assert intake.held == 1
    assert len(intake.close().ticks) == 1


def test_a_trade_beyond_the_lateness_is_late_and_one_within_it_is_not():
    intake = Intake(DAY, LATENESS)

    assert reasons_of(intake, tape((10, "NABIL", 100), (5, "NABIL", 101), (4.999, "NABIL", 102))) == ["ACCEPTED", "ACCEPTED", "LATE"]


def test_a_second_copy_is_a_duplicate_in_the_same_batch_and_in_a_later_one():
    intake = Intake(DAY, LATENESS)

    assert reasons_of(intake, tape((1, "NABIL", 100), (1, "NABIL", 100), sequences=[1, 1])) == ["ACCEPTED", "DUPLICATE"]
    assert reasons_of(intake, tape((1, "NABIL", 100), (2, "NABIL", 100), sequences=[1, 2])) == ["DUPLICATE", "ACCEPTED"]


def test_a_late_trade_and_its_copy_are_both_late():
    intake = Intake(DAY, LATENESS)
    intake.take(tape((100, "NABIL", 100), sequences=[9]))

    assert reasons_of(intake, tape((1, "NABIL", 100), (1, "NABIL", 100), sequences=[1, 1])) == ["LATE", "LATE"]
    assert reasons_of(intake, tape((1, "NABIL", 100), sequences=[1])) == ["LATE"]


@pytest.mark.parametrize(("rate", "quantity"), [(0, 100), (-5, 100), (100, 0), (100, -10)])
def test_a_price_or_quantity_not_above_nought_is_malformed(rate, quantity):
    assert reasons_of(Intake(DAY, LATENESS), tape((1, "NABIL", rate, quantity))) == ["MALFORMED"]


def test_a_contract_of_another_day_is_of_another_session():
    ticks = tape((1, "NABIL", 100))
    other = Ticks(ticks.contract + 100 * 1_000_000, ticks.time, ticks.symbol, ticks.quantity, ticks.rate)

    assert reasons_of(Intake(DAY, LATENESS), other) == ["OTHER_SESSION"]


def test_a_trade_before_the_pre_open_is_out_of_hours():
    assert reasons_of(Intake(DAY, LATENESS), tape((-3600, "NABIL", 100))) == ["OUT_OF_HOURS"]


def test_one_trade_stamped_a_day_ahead_harms_no_other():
    intake = Intake(DAY, LATENESS)
    good = random_tape(1, 1000)
    ahead = Ticks(*(np.array(value) for value in ([first_id(DAY) + 3_000_001], [at(86_400)], np.array([0], np.uint16), [100], [5000])))
    mixed = joined([good.take(slice(500)), ahead, good.take(slice(500, None))])

    sorted_ = intake.take(mixed)

    assert sorted_.reasons.tolist() == [0] * 500 + [Reason.FUTURE] + [0] * 500
    assert len(sorted_.ticks) + len(intake.close().ticks) == 1000


def test_a_trade_stamped_later_than_it_was_taken_in_is_of_the_future_even_within_the_session():
    ticks = tape((1, "NABIL", 100), (3000, "NABIL", 101), (2, "NABIL", 102))

    assert reasons_of(Intake(DAY, LATENESS), ticks, np.array([at(1), at(2), at(2)])) == ["ACCEPTED", "FUTURE", "ACCEPTED"]


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_the_size_of_a_batch_changes_nothing(size):
    ticks = random_tape(2, 1000, seconds=120)
    shuffled = ticks.take(np.random.default_rng(3).permutation(1000))  # far beyond the lateness: many are late
    whole, parts = Intake(DAY, LATENESS), Intake(DAY, LATENESS)

    expected = whole.take(shuffled)
    got = [parts.take(shuffled.take(slice(start, start + size))) for start in range(0, 1000, size)]

    assert np.concatenate([part.reasons for part in got]).tolist() == expected.reasons.tolist()
    assert (expected.reasons == Reason.LATE).sum() > 500
    out = joined([*(part.ticks for part in got), parts.close().ticks])
    assert out.contract.tolist() == joined([expected.ticks, whole.close().ticks]).contract.tolist()


def test_holes_in_the_contract_ids_are_counted_and_a_trade_set_aside_is_one():
    intake = Intake(DAY, LATENESS)
    intake.take(tape((1, "NABIL", 100), (100, "NABIL", 100), (2, "NABIL", 100), sequences=[1, 7, 3]))

    [part] = intake.contracts.completeness()

    assert (part.partition, part.received, part.last, part.missing) == (1, 2, 7, 5)


def test_contracts_of_any_partition_are_taken():
    intake = Intake(DAY, LATENESS)
    ticks = tape((1, "NABIL", 100))
    far = Ticks(ticks.contract + 42_000_000, ticks.time, ticks.symbol, ticks.quantity, ticks.rate)

    assert reasons_of(intake, joined([ticks, far])) == ["ACCEPTED", "ACCEPTED"]
    assert [part.partition for part in intake.contracts.completeness()] == [1, 43]
