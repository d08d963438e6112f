"""The simulated market with nothing going wrong: determinism, layout, the exchange's rules, reference data."""

import csv
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from engine.clock import FakeClock, nepal_time
from engine.market.daily_file import parse
from engine.market.rules import rules_on
from engine.sources.simulated import DEFAULT_FAULTS, NO_FAULTS, SimulatedExchange
from engine.sources.source import Source

SEED = 9
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PINNED = {
    date(2024, 1, 1): "ea3c9aa01778d5dd2fa2a6a4e1f7902cb6bb6ad958c0de8479729342aac87e9a",
    date(2025, 3, 26): "da496037b9606713fc9259b8e1a950f7b094eacd6cbdbab8fe11fba6d17e401e",
    date(2026, 11, 18): "5af23d5783a45402943975b0f8604b660e3fe788698179e786000102e95a3a09",  # with bad rows
}
REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = """
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from engine.clock import FakeClock
from engine.sources.simulated import SimulatedExchange

exchange, day = SimulatedExchange(seed=4, clock=FakeClock(datetime(2025, 1, 1, tzinfo=UTC))), date(2024, 8, 7)
faults = [sorted(exchange.truth(day + timedelta(days=n)).faults) for n in range(60)]
print(exchange.daily_file(day).sha256)
print(sha256(repr(exchange.ticks(day).to_pydict()).encode()).hexdigest())
print(sha256(repr(faults).encode()).hexdigest())
"""


def exchange(*, seed: int = SEED, now: datetime = NOW, **how) -> SimulatedExchange:
    return SimulatedExchange(seed=seed, clock=FakeClock(now), **{"faults": NO_FAULTS, **how})


@pytest.fixture(scope="module")
def market() -> SimulatedExchange:
    return exchange()


@pytest.fixture(scope="module")
def sessions(market) -> list[date]:
    """The three hundred sessions from 2025-06-01 on: both trading weeks, both price bands."""
    return [day for day in market.reference().index if day >= date(2025, 6, 1)][:300]


@pytest.fixture(scope="module")
def prices(market, sessions) -> pa.Table:
    """All rows of those sessions, in order of session and symbol."""
    tables = []
    for day in sessions:
        rows = parse(market.daily_file(day).content, "file").rows
        tables.append(rows.append_column("session", pa.repeat(pa.scalar(day), rows.num_rows)))
    return pa.concat_tables(tables)


def paisa(prices: pa.Table, column: str) -> np.ndarray:
    return np.rint(prices[column].cast(pa.float64()).to_numpy() * 100).astype(np.int64)


def test_it_is_a_source(market):
    source: Source = market

    assert (source.name, source.simulated) == ("simulated", True)


def test_the_bytes_of_a_seed_never_change():
    found = {day: exchange(faults=DEFAULT_FAULTS).daily_file(day).sha256 for day in PINNED}

    assert found == PINNED


def test_two_fresh_processes_write_the_same_bytes():
    runs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True, cwd=REPOSITORY, env={"PYTHONHASHSEED": salt}
        ).stdout
        for salt in ("1", "2")
    ]

    assert [len(line) for line in runs[0].split()] == [64, 64, 64]
    assert runs[0] == runs[1]


def test_another_seed_is_another_market():
    assert exchange(seed=1).daily_file(date(2024, 3, 4)).content != exchange(seed=2).daily_file(date(2024, 3, 4)).content


def test_the_order_of_asking_does_not_matter():
    days = [date(2024, 5, 1) + timedelta(days=n) for n in range(40)]
    forward, backward = exchange(), exchange()
    asked_forward = {day: forward.daily_file(day).content for day in days}
    asked_backward = {day: backward.daily_file(day).content for day in reversed(days)}

    assert asked_forward == asked_backward


def test_bytes_do_not_depend_on_todays_date():
    early = exchange(now=datetime(2024, 7, 1, tzinfo=UTC))
    early.reference()

    assert early.daily_file(date(2024, 6, 20)).content == exchange().daily_file(date(2024, 6, 20)).content


def test_a_file_is_published_at_a_quarter_past_three():
    day = date(2026, 11, 20)

    assert exchange(now=nepal_time(day, 15, 14)).daily_file(day) is None
    assert exchange(now=nepal_time(day, 15, 15)).daily_file(day) is not None


@pytest.mark.parametrize("day", [date(2023, 12, 31), date(2026, 11, 24), date(2031, 1, 1)])
def test_there_is_no_file_before_the_epoch_or_in_the_future(market, day):
    assert market.daily_file(day) is None


def test_the_span_ends_with_the_last_published_date():
    before, after = exchange(now=nepal_time(date(2026, 11, 20), 12)), exchange(now=nepal_time(date(2026, 11, 20), 16))

    assert before.span() == (date(2024, 1, 1), date(2026, 11, 19))
    assert after.span() == (date(2024, 1, 1), date(2026, 11, 20))


def test_the_span_is_empty_before_the_first_file():
    assert exchange(now=datetime(2023, 6, 1, tzinfo=UTC)).span() is None


def test_every_calendar_day_has_a_file(market):
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(200)]

    assert all(market.daily_file(day) is not None for day in days)


def test_sessions_follow_the_trading_week_of_the_date(market):
    assert {day.weekday() for day in market.reference().index if day < date(2026, 4, 6)} == {6, 0, 1, 2, 3}
    assert {day.weekday() for day in market.reference().index if day >= date(2026, 4, 6)} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("day", "layout"), [(date(2025, 3, 24), "v1_21col"), (date(2025, 3, 26), "v2_22col"), (date(2025, 3, 27), "v3_24col")]
)
def test_the_layout_changes_on_the_dates_of_the_real_site(market, day, layout):
    assert parse(market.daily_file(day).content, "file").layout == layout


def test_a_file_looks_like_the_real_ones(market):
    file = market.daily_file(date(2026, 11, 20))
    header, *rows = csv.reader(file.content.decode("ascii").splitlines())

    assert file.name == "2026_11_20.csv"
    assert header[:8] == ["S.No", "Symbol", "Conf.", "Open", "High", "Low", "Close", "LTP"]
    assert [row[0] for row in rows] == [str(n) for n in range(1, len(rows) + 1)]
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    assert {row[2] for row in rows} == {"-"}
    assert b',"1,' in file.content
    assert any("/" in row[1] for row in rows)


def test_nothing_in_a_healthy_file_is_rejected(market, sessions):
    assert [day for day in sessions[:60] if parse(market.daily_file(day).content, "file").rejected.num_rows] == []


def test_prices_stay_inside_the_band_of_the_date(prices):
    previous = paisa(prices, "previous_close")
    band = np.array([int(rules_on(day).band_pct) for day in prices["session"].to_pylist()])
    known = previous > 0

    for column in ("open", "high", "low", "close"):
        assert np.all(np.abs(paisa(prices, column) - previous)[known] * 100 <= (band * previous)[known])


def test_some_price_reaches_beyond_the_old_band_under_the_new_one(prices):
    previous, low = paisa(prices, "previous_close"), paisa(prices, "low")
    beyond = (previous > 0) & ((previous - low) * 100 > 10 * previous)

    assert {day >= date(2026, 4, 20) for day in prices["session"].filter(pa.array(beyond)).to_pylist()} == {True}


def test_shares_trade_on_ten_paisa_and_funds_on_one(prices):
    is_fund = pc.starts_with(prices["symbol"], "XSF").to_numpy(zero_copy_only=False)
    close = paisa(prices, "close")

    assert np.all(close[~is_fund] % 10 == 0)
    assert np.any(close[is_fund] % 10 != 0)


def test_funds_trade_near_ten_rupees(prices):
    funds = paisa(prices.filter(pc.starts_with(prices["symbol"], "XSF")), "close")

    assert len(funds) > 1_000
    assert np.all((funds > 500) & (funds < 2_000))


def test_open_and_close_lie_between_low_and_high(prices):
    low, high = paisa(prices, "low"), paisa(prices, "high")

    for column in ("open", "close"):
        assert np.all((low <= paisa(prices, column)) & (paisa(prices, column) <= high))


def test_vwap_is_turnover_over_volume(prices):
    exact = paisa(prices, "turnover") / prices["volume"].to_numpy()

    assert np.all(np.abs(paisa(prices, "vwap") - exact) <= 0.5)


def test_volume_goes_with_the_size_of_the_move(prices):
    equities = prices.filter(pc.match_substring_regex(prices["symbol"], "^X[A-Z]{4}$"))
    moved = np.abs(paisa(equities, "change")) * 100 > 3 * paisa(equities, "previous_close")
    volume = equities["volume"].to_numpy()

    assert volume[moved].mean() > 1.2 * volume[~moved].mean()


def test_derived_columns_follow_from_the_others(prices):
    close, previous, high, low = (paisa(prices, name) for name in ("close", "previous_close", "high", "low"))
    known = previous > 0

    assert np.array_equal(paisa(prices, "change"), close - previous)
    assert np.array_equal(paisa(prices, "range"), high - low)
    assert np.all(np.abs(paisa(prices, "change_pct") - (close - previous) * 10_000 / np.maximum(previous, 1))[known] <= 0.5)


def test_limits_of_the_year_hold_todays_prices(prices):
    assert np.all(paisa(prices, "high_52w") >= paisa(prices, "high"))
    assert np.all(paisa(prices, "low_52w") <= paisa(prices, "low"))


def test_averages_are_those_of_the_symbols_own_closes(market):
    symbol, days = "XBKAA", [day for day in market.reference().index if day >= date(2025, 1, 1)]
    closes, at = [], {}
    for day in days[:140]:
        rows = parse(market.daily_file(day).content, "file").rows
        own = rows.filter(pc.equal(rows["symbol"], symbol))
        if own.num_rows:
            at[len(closes)] = own["average_120d"][0].as_py()
        closes.append(own["close"][0].as_py() if own.num_rows else closes[-1])
    last = max(at)

    assert abs(at[last] - sum(closes[last - 119 : last + 1]) / 120) <= Decimal("0.005")


def test_previous_close_is_the_last_close_unless_a_book_closure_lies_between(market, prices):
    closures = market.reference().book_closures
    last: dict[str, tuple[date, Decimal]] = {}
    unexplained, restated = [], 0
    for day, symbol, close, previous in zip(
        *(prices[name].to_pylist() for name in ("session", "symbol", "close", "previous_close")), strict=True
    ):
        before = last.get(symbol)
        if before and before[1] != previous:
            restated += 1
            if not any(before[0] < closure <= day for closure in closures.get(symbol, ())):
                unexplained.append((day, symbol))
        last[symbol] = (day, close)

    assert restated > 100
    assert unexplained == []


def test_a_listing_starts_with_a_previous_close_of_nought_and_once_only(prices):
    first = prices.filter(pc.equal(prices["previous_close"], Decimal(0)))

    assert first.num_rows >= 10
    assert len(set(first["symbol"].to_pylist())) == first.num_rows


def test_securities_are_delisted(prices, sessions):
    early, late = (
        set(prices.filter(pc.equal(prices["session"], pa.scalar(day)))["symbol"].to_pylist()) for day in (sessions[0], sessions[-1])
    )

    assert len({symbol for symbol in early - late if len(symbol) == 5}) >= 5


def test_the_index_ends_a_session_by_the_level_of_the_date(market):
    reference = market.reference()
    halts = {day: entry for day, entry in reference.index.items() if abs(entry.change_pct) > 5}

    assert len(halts) >= 3
    for day, entry in halts.items():
        assert abs(abs(entry.change_pct) - float(rules_on(day).day_halt_pct)) < 0.15
        assert reference.control[day].trades < 1_000
        assert reference.control[day].symbols < 280


def test_an_ordinary_session_has_thousands_of_trades(market):
    trades = sorted(totals.trades for totals in market.reference().control.values())

    assert 4_000 < trades[len(trades) // 20] < trades[-1] < 20_000


def test_control_totals_are_the_sums_of_the_file(market, sessions):
    for day in sessions[::30]:
        rows, totals = parse(market.daily_file(day).content, "file").rows, market.reference().control[day]

        assert (pc.sum(rows["turnover"]).as_py(), pc.sum(rows["volume"]).as_py()) == (totals.turnover, totals.shares)
        assert (pc.sum(rows["trades"]).as_py(), rows.num_rows) == (totals.trades, totals.symbols)


def test_every_symbol_is_in_the_list_of_securities(market, prices):
    assert set(prices["symbol"].to_pylist()) <= set(market.reference().securities)


def test_everything_says_that_it_is_simulated(market):
    assert all(each.symbol.startswith("X") and each.name.startswith("Simulated") for each in market.reference().securities.values())


def test_without_faults_the_announced_calendar_is_right(market):
    reference = market.reference()
    announced = {day for day, entry in reference.calendar.items() if entry.trading and day <= date(2026, 11, 23)}

    assert announced == set(reference.index)


def test_reference_is_kept_until_the_next_file_is_published():
    clock = FakeClock(nepal_time(date(2024, 2, 5), 15))
    source = SimulatedExchange(seed=SEED, clock=clock, faults=NO_FAULTS)
    before = source.reference()
    again = source.reference()
    clock.advance(timedelta(minutes=30))

    assert again is before
    assert source.reference().index.keys() - before.index.keys() == {date(2024, 2, 5)}
