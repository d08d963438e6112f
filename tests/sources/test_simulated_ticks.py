"""The simulated trades: they add up to the daily file, and come as the real exchange's do."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from engine.clock import FakeClock, nepal_time
from engine.market.daily_file import parse
from engine.sources.simulated import NO_FAULTS, SimulatedExchange

HALT = date(2025, 3, 12)
FALL = date(2026, 11, 9)  # the whole market falls for some minutes
DAYS = [date(2024, 1, 1), HALT, date(2026, 5, 15), FALL, date(2026, 11, 20)]


def exchange(now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)) -> SimulatedExchange:
    return SimulatedExchange(seed=9, clock=FakeClock(now), faults=NO_FAULTS)


@pytest.fixture(scope="module")
def market() -> SimulatedExchange:
    return exchange()


def bars(ticks: pa.Table) -> dict[str, tuple]:
    """The golden law, told independently: O/H/L/C over trades of at least ten shares, sums over all."""
    found = {}
    for symbol in set(ticks["symbol"].to_pylist()):
        own = ticks.filter(pc.equal(ticks["symbol"], symbol))
        rates = own.filter(pc.greater_equal(own["quantity"], 10))["rate"].to_pylist()
        sums = pc.sum(own["quantity"]).as_py(), pc.sum(own["amount"]).as_py(), own.num_rows
        found[symbol] = (rates[0], max(rates), min(rates), rates[-1], *sums)
    return found


@pytest.mark.parametrize("day", DAYS)
def test_ticks_add_up_to_the_daily_file(market, day):
    rows = parse(market.daily_file(day).content, "file").rows
    columns = ("symbol", "open", "high", "low", "close", "volume", "turnover", "trades")
    published = {symbol: tuple(bar) for symbol, *bar in zip(*(rows[name].to_pylist() for name in columns), strict=True)}

    assert bars(market.ticks(day)) == published


def test_the_board_lot_matters(market):
    ticks = market.ticks(FALL)
    lows = ticks.group_by("symbol").aggregate([("rate", "min")])
    rows = parse(market.daily_file(FALL).content, "file").rows
    published = dict(zip(rows["symbol"].to_pylist(), rows["low"].to_pylist(), strict=True))

    assert any(low < published[symbol] for symbol, low in zip(lows["symbol"].to_pylist(), lows["rate_min"].to_pylist(), strict=True))


def test_amount_is_quantity_times_rate(market):
    ticks = market.ticks(DAYS[-1])

    products = [quantity * rate for quantity, rate in zip(ticks["quantity"].to_pylist(), ticks["rate"].to_pylist(), strict=True)]

    assert ticks["amount"].to_pylist() == products


def test_ticks_come_in_order_of_time_and_contract(market):
    ticks = market.ticks(DAYS[-1])
    keys = list(zip(ticks["time"].to_pylist(), ticks["contract_id"].to_pylist(), strict=True))

    assert keys == sorted(keys)


def test_contract_ids_are_dense_within_a_partition_and_never_run_against_time(market):
    contracts = market.ticks(DAYS[-1])["contract_id"].to_numpy()
    partitions = contracts // 1_000_000

    assert set(partitions.tolist()) == {20261120_01, 20261120_02, 20261120_03, 20261120_04, 20261120_05}
    for partition in np.unique(partitions):
        own = contracts[partitions == partition] % 1_000_000
        assert np.array_equal(own, np.arange(1, len(own) + 1))


def test_trades_lie_within_the_hours_of_the_session(market):
    times = market.ticks(DAYS[-1])["time"].to_pylist()
    matched = [time for time in times if time < nepal_time(DAYS[-1], 11)]

    assert 1 <= len(matched) < 50
    assert all(nepal_time(DAYS[-1], 10, 45) <= time < nepal_time(DAYS[-1], 10, 46) for time in matched)
    assert max(times) < nepal_time(DAYS[-1], 15)


def test_the_last_quarter_of_an_hour_is_the_busiest(market):
    times = market.ticks(DAYS[-1])["time"].to_pylist()
    share = sum(time >= nepal_time(DAYS[-1], 14, 45) for time in times) / len(times)

    assert 0.10 < share < 0.16


def test_a_halted_session_is_soon_over(market):
    assert max(market.ticks(HALT)["time"].to_pylist()) < nepal_time(HALT, 12)


def test_a_running_session_shows_only_what_has_happened(market):
    noon = nepal_time(DAYS[-1], 12)
    so_far = exchange(noon).ticks(DAYS[-1])

    assert 0 < so_far.num_rows < market.ticks(DAYS[-1]).num_rows
    assert so_far.equals(market.ticks(DAYS[-1]).slice(0, so_far.num_rows))
    assert pc.max(so_far["time"]).as_py() <= noon < market.ticks(DAYS[-1])["time"][so_far.num_rows].as_py()


@pytest.mark.parametrize("day", [date(2026, 11, 21), date(2026, 11, 24), date(2023, 6, 1)])
def test_a_closed_a_future_and_a_forgotten_day_have_no_ticks(market, day):
    assert market.ticks(day).num_rows == 0
