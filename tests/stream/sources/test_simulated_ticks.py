"""The simulated stream is damaged as documented, comes in its time, and adds up to its own daily file without the damage."""

from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest

from engine.clock import FakeClock, nepal_time
from engine.errors import SourceMisconfigured
from engine.market.daily_file import parse
from engine.market.money import paisa
from engine.sources.simulated import NO_FAULTS, SimulatedExchange
from engine.stream.alerts import MARKET
from engine.stream.bars import bars_of
from engine.stream.intake import Intake, Reason, microseconds
from engine.stream.replay import replayed
from engine.stream.sources.damage import DEFAULT_TICK_FAULTS, NO_TICK_FAULTS, OWN, Sent, TickFaults
from engine.stream.sources.simulated import SimulatedTicks, ticks_of_table
from engine.stream.ticks import SECOND, Symbols
from engine.stream.trailing import grouped
from engine.thresholds import snapshot
from tests.stream.sources.worlds import drained, sleeper

DAY, HALT, CLOSED = date(2026, 11, 20), date(2025, 3, 12), date(2026, 11, 21)
LATER = nepal_time(DAY + timedelta(days=3), 12)


@cache
def exchange_later(seed=9, symbols=340):
    """The exchange as it is three days later, by a clock that nobody moves: making one takes a second."""
    return SimulatedExchange(seed=seed, clock=FakeClock(LATER), faults=NO_FAULTS, symbols=symbols)


def source(clock=None, *, speed=None, faults=DEFAULT_TICK_FAULTS, seed=9, symbols=340, fresh=False):
    clock = clock or FakeClock(LATER)
    own = fresh or clock.now() != LATER
    exchange = SimulatedExchange(seed=seed, clock=clock, faults=NO_FAULTS, symbols=symbols) if own else exchange_later(seed, symbols)
    return SimulatedTicks(exchange, clock, sleeper(clock), speed=speed, faults=faults)


@pytest.fixture(scope="module")
def sent():
    return source().sent(DAY)


def test_without_the_damage_the_ticks_add_up_to_the_daily_file(sent):
    own = sent.records.ticks.take(np.isin(sent.sent, OWN)).in_order()
    bars = bars_of(grouped(own), 86_400 * SECOND, 10)
    exchange = exchange_later()
    published = parse(exchange.daily_file(DAY).content, "file").rows
    names = [sent.records.symbols.names[code] for code in bars["symbol"].tolist()]
    found = dict(zip(names, zip(*(bars[name].tolist() for name in ("open", "high", "low", "close", "turnover")), strict=True), strict=True))
    prices = [paisa(published[name]).tolist() for name in ("open", "high", "low", "close", "turnover")]

    assert found == dict(zip(published["symbol"].to_pylist(), zip(*prices, strict=True), strict=True))


def test_without_faults_the_ticks_come_as_they_were_traded():
    plain = source(faults=NO_TICK_FAULTS).sent(DAY)
    ticks = plain.records.ticks

    assert (plain.sent == Sent.IN_TIME).all()
    assert np.array_equal(ticks.in_order().contract, ticks.contract)
    assert len(set((plain.records.ingest - ticks.time).tolist())) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("late", Sent.LATE),
        ("out_of_order", Sent.OUT_OF_ORDER),
        ("duplicate", Sent.DUPLICATE),
        ("future", Sent.FUTURE),
        ("malformed", Sent.MALFORMED),
    ],
)
def test_each_fault_comes_as_often_as_it_was_set(fault, kind):
    rate = 1_000  # in 10,000
    damage = source(faults=TickFaults(**{**dict.fromkeys(TickFaults.__slots__, 0), fault: rate})).sent(DAY)
    count = int((np.isin(damage.sent, OWN)).sum())

    assert set(damage.sent.tolist()) == {int(Sent.IN_TIME), int(kind)}
    assert (damage.sent == kind).sum() == pytest.approx(count * rate / 10_000, rel=0.15)


def test_what_goes_wrong_is_what_the_stream_sets_aside(sent):
    intake = Intake(DAY, 5 * SECOND)
    reasons = intake.take(sent.records.ticks, sent.records.ingest).reasons
    found = {kind: {Reason(reason).name for reason in np.unique(reasons[sent.sent == kind]).tolist()} for kind in Sent}

    assert found[Sent.IN_TIME] <= {"ACCEPTED", "LATE", "DUPLICATE"}
    assert found[Sent.OUT_OF_ORDER] == {"ACCEPTED"}
    assert found[Sent.LATE] == {"LATE"}
    assert found[Sent.DUPLICATE] == {"DUPLICATE"}
    assert found[Sent.FUTURE] == {"FUTURE"}
    assert found[Sent.MALFORMED] == {"MALFORMED"}


def test_broken_records_are_broken_in_many_ways(sent):
    broken = source(faults=TickFaults(malformed=500)).sent(DAY).records.unread

    assert len({it.reason.split(":")[0].split(" is ")[0][:40] for it in broken}) >= 6
    assert any(b"\xff" in it.raw for it in broken)


def test_in_a_lull_nothing_is_sent_and_then_all_at_once():
    damage = source(faults=TickFaults(lulls=3, lull_seconds=120, late=0, out_of_order=0)).sent(DAY)
    gaps = np.diff(damage.records.ingest)
    instants, counts = np.unique(damage.records.ingest, return_counts=True)

    assert (gaps >= 100 * SECOND).sum() >= 3
    assert (np.sort(counts)[-3:] > 20).all(), instants[np.argsort(counts)[-3:]]


def test_the_same_seed_and_day_give_the_same_stream_and_others_another():
    first, again, other = source().sent(DAY), source(fresh=True).sent(DAY), source(seed=10).sent(DAY)

    assert np.array_equal(first.records.ingest, again.records.ingest)
    assert first.records.unread == again.records.unread
    assert not np.array_equal(first.sent, other.sent[: len(first.sent)])


def test_a_halted_session_ends_after_forty_minutes():
    halted = source(faults=NO_TICK_FAULTS).sent(HALT).records.ticks

    assert 0 < len(halted) < 1_000
    assert halted.time.max() <= microseconds(nepal_time(HALT, 11, 40))


def test_a_closed_day_has_ended_before_it_began():
    received = source().open(CLOSED, None).poll(10, 1.0)

    assert (len(received.records), received.ended) == (0, True)


def test_todays_session_comes_as_it_happens():
    clock = FakeClock(nepal_time(DAY, 12))
    reader = source(clock, speed=None, symbols=40).open(DAY, None)
    so_far = drained(reader, 0, size=100_000)[0]
    now = microseconds(clock.now())
    following = reader.poll(1_000, 600.0)

    assert len(so_far.records) > 0
    assert so_far.records.ingest.max() <= now < following.records.ingest.min()
    assert following.records.ingest.max() <= microseconds(clock.now())
    assert not following.ended


def test_a_poll_before_anything_is_sent_waits_no_longer_than_it_may():
    clock = FakeClock(nepal_time(DAY, 9))
    received = source(clock, symbols=40).open(DAY, None).poll(10, 2.5)

    assert (len(received.records), received.ended) == (0, False)
    assert clock.now() == nepal_time(DAY, 9) + timedelta(seconds=2.5)


@pytest.mark.parametrize("speed", [1.0, 10.0, 100.0])
def test_a_past_session_is_replayed_at_the_chosen_speed(speed):
    clock = FakeClock(LATER)
    reader = source(clock, speed=speed, faults=NO_TICK_FAULTS, symbols=40).open(DAY, None)
    begun, received = clock.now(), []
    while not received or not received[-1].ended:
        received.append(reader.poll(1_000, 3_600.0))
    ingest = np.concatenate([each.records.ingest for each in received])
    took = (clock.now() - begun).total_seconds()

    assert took == pytest.approx((ingest[-1] - ingest[0]) / SECOND / speed, rel=0.001)


def test_at_full_speed_nothing_is_waited_for():
    clock = FakeClock(LATER)
    drained(source(clock, speed=None, symbols=40).open(DAY, None), 10_000, size=1_000)

    assert clock.now() == LATER


def test_a_replay_of_another_seed_is_not_taken_for_the_one_that_was_begun():
    position = source(symbols=40).open(DAY, None).poll(5, 0.0).position

    with pytest.raises(SourceMisconfigured, match="what there is now is another one"):
        source(seed=10, symbols=40).open(DAY, position)


def alerts_on(day):
    exchange = exchange_later()
    known = Symbols()
    rows = parse(exchange.daily_file(day).content, "file").rows
    before = zip(rows["symbol"].to_pylist(), paisa(rows["previous_close"]).tolist(), strict=True)
    ticks = ticks_of_table(exchange.all_ticks(day), known)
    return replayed(day, ticks, known, snapshot({}, 0), {symbol: close for symbol, close in before if close > 0}).alerts


def test_a_few_things_happen_each_day_that_break_a_rule():
    days = [date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19)]
    found = [[alert.rule for alert in alerts_on(day)] for day in days]

    assert all(1 <= len(rules) <= 6 for rules in found)
    assert {rule for rules in found for rule in rules} == {"moving_average", "trade_burst", "volume_limit"}


def test_on_some_days_the_whole_market_falls_and_comes_near_a_halt_of_the_index():
    [of_symbols] = [alert for alert in alerts_on(date(2026, 11, 9)) if alert.symbol == MARKET]
    [of_index] = [alert for alert in alerts_on(date(2026, 10, 7)) if alert.rule == "index_halt"]

    assert (of_symbols.rule, of_symbols.members >= 10) == ("moving_average", True)
    assert -5 < of_index.score < -4.5
