"""Sessions of a made-up market: what is watched of one, what alarms, what is the market's, and what it is compared with."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from engine.comparing import against_window
from engine.drift.explain import far
from engine.drift.judging import CUSUM, PAGE_HINKLEY, PLACE, SERIES, Z
from engine.drift.limits import (
    BUDGET,
    COUNTS,
    FEWEST,
    MOST_GROSS,
    MOST_TIMES,
    SESSIONS_A_MONTH,
    Backtest,
    Limits,
    beyond,
    floors_of,
    limits,
    spent,
)
from engine.drift.session import sample_of
from engine.drift.watched import WATCHED, Kind
from engine.drift.windows import Restart, declared, reference
from engine.drift_past import Labelled, Past, StoredSample, row_of_sample, usable_history
from engine.drifting import distance_columns, headline, report_of
from engine.thresholds import snapshot
from storage.status import DriftCause, DriftLabel, DriftVerdict
from tests.drift.market import REFERENCE, SYMBOLS, day, silver, walk

CALM = 130  # sessions


@pytest.fixture(scope="module")
def calm() -> Past:
    """What was before session 130 of a market in which nothing ever happened."""
    past = Past(use_declared=False)
    walk(map(silver, range(CALM)), past)
    return past


def after(past: Past, *tables, **turned):
    """Judge sessions behind a past that others use too."""
    own = replace(past, samples=list(past.samples), values=list(past.values), limits=list(past.limits), signed=list(past.signed))
    return walk(tables, own, **turned)


def alarmed(judged) -> set[str]:
    return {SERIES[at][0] for at in judged.alarms}


def test_an_ordinary_session_is_as_usual(calm):
    (judged,) = after(calm, silver(CALM))

    assert (judged.cause, headline(judged)) == (None, "As usual.")


def test_closes_that_leave_the_tick_grid_alarm_at_once_and_are_named(calm):
    (judged,) = after(calm, silver(CALM, off_grid=0.75))

    assert judged.causes["off_grid"] is DriftCause.ALARM
    assert headline(judged).startswith("Closes off the tick grid: 0.")


def test_no_level_of_prices_is_compared(calm):
    prices = {
        name: silver(CALM)[name].to_numpy().astype(float) * 100 * 7
        for name in ("open", "high", "low", "close", "last_price", "vwap", "previous_close")
    }
    volume = silver(CALM)["volume"].to_numpy().astype(float)
    (judged,) = after(calm, silver(CALM, **prices, turnover=prices["vwap"] * volume))

    assert not alarmed(judged) & {"log_return", "gap", "close_location", "off_grid"}


def test_a_fall_of_the_whole_market_is_the_markets_and_no_fault(calm):
    (judged,) = after(calm, silver(CALM, move=-0.05))
    market = next(one for one in judged.measured if (one.feature, one.statistic) == ("market_return", Z))

    assert abs(market.value) > 3
    assert "log_return" not in alarmed(judged)


def test_a_halted_session_is_regime(calm):
    rows = np.arange(len(SYMBOLS)) < 20
    table = silver(CALM, move=0.06).filter(rows)

    (judged,) = after(calm, table)

    assert judged.sample.halted
    assert "rows" in judged.causes
    assert set(judged.causes.values()) == {DriftCause.REGIME}
    assert "halted" in judged.reasons["rows"]


def test_one_column_copied_onto_another_is_named(calm):
    table = silver(CALM)
    (judged,) = after(calm, silver(CALM, close=table["high"].to_numpy().astype(float) * 100))
    found = next(one for one in judged.measured if (one.feature, one.statistic) == ("equal_columns", Z))

    assert found.part == "high=close"
    assert judged.causes["equal_columns"] is DriftCause.ALARM


def test_a_session_that_repeats_the_one_before_is_seen(calm):
    before = silver(CALM - 1)
    (judged,) = after(calm, before.set_column(0, "session", silver(CALM)["session"]))

    assert judged.causes["repeated"] is DriftCause.ALARM


def test_a_missing_sector_is_named(calm):
    kept = np.array([REFERENCE.securities[symbol].sector != "Insurance" for symbol in SYMBOLS])
    (judged,) = after(calm, silver(CALM).filter(kept))
    found = next(one for one in judged.measured if (one.feature, one.statistic) == ("missing_sector", Z))

    assert (found.part, found.observed) == ("Insurance", 1.0)
    assert {"missing_sector", "sector_mix"} <= alarmed(judged)


def why(past: Past, table, feature: str) -> dict:
    """Return why a feature of a session behind a past alarms."""
    (judged,) = after(past, table)
    explained = report_of(judged, past.windows(judged.sample.session), past, REFERENCE, None, silver=table)["explained"]
    return explained[feature]


def test_a_missing_sector_names_its_symbols_and_how_many_there_usually_are(calm):
    table = silver(CALM).filter(np.array([REFERENCE.securities[symbol].sector != "Insurance" for symbol in SYMBOLS]))

    missing, mix = why(calm, table, "missing_sector"), why(calm, table, "sector_mix")

    assert missing["concerned"] == {"rows": 20, "of": 20, "symbols": ("S002", "S005", "S008", "S011", "S014")}
    assert mix["counts"] == [{"group": "Insurance", "rows": 0, "usual": 20.0}]


def test_a_rate_names_the_rows_that_it_counts_those_of_the_largest_turnover_first(calm):
    table = silver(CALM, off_grid=0.3)
    off = (np.round(table["close"].to_numpy().astype(float) * 100) % 10 != 0).nonzero()[0]
    turnover = table["turnover"].to_numpy().astype(float)

    about = why(calm, table, "off_grid")["concerned"]

    assert (about["rows"], about["of"]) == (len(off), len(SYMBOLS))
    assert about["symbols"][0] == SYMBOLS[max(off, key=lambda at: turnover[at])]


def test_sectors_far_from_their_own_past_are_named_with_what_lies_far(calm):
    volume = silver(CALM)["volume"].to_numpy().astype(float)
    volume[::3] *= 9  # of every bank
    (judged,) = after(calm, silver(CALM, volume=volume))

    named = [one.group for one in far(judged.sample, calm.windows(day(CALM)).of("sectors"), "sectors")]

    assert "Banks: volume" in named


def test_symbols_that_are_not_listed_are_no_sector_that_could_be_missing(calm):
    table = sample_of(silver(CALM), calm.samples, replace(REFERENCE, securities={}))

    assert not [key for key in table.levels if key.startswith("missing_sector:")]


def test_a_decimal_slip_names_the_symbols_that_drive_it(calm):
    wrong = silver(CALM)["close"].to_numpy().astype(float) * 100
    wrong[[3, 17, 30, 44, 51, 8]] *= 10
    (judged,) = after(calm, silver(CALM, close=wrong))
    windows = calm.windows(judged.sample.session)
    report = report_of(judged, windows, calm, REFERENCE, None)

    assert "log_return" in report["explained"]
    named = {one["group"] for one in report["explained"]["log_return"]["symbols"]}
    assert len(named & {SYMBOLS[at] for at in (3, 17, 30, 44, 51, 8)}) >= 3


def test_an_alarm_that_goes_on_began_when_it_began_and_one_of_another_feature_begins_now(calm):
    (judged,) = after(calm, silver(CALM, off_grid=0.75))

    def since(*features: str) -> date:
        before = {"since": day(CALM - 3), "explained": dict.fromkeys(features, "why")}
        return report_of(judged, calm.windows(day(CALM)), calm, REFERENCE, before)["since"]

    assert (since(*alarmed(judged)), since("rows"), since()) == (day(CALM - 3), day(CALM), day(CALM))


def test_too_few_sessions_are_said_and_never_no_drift():
    judged = walk(map(silver, range(5)))[-1]

    verdicts = set(distance_columns(judged)["verdict"])
    assert verdicts == {DriftVerdict.INSUFFICIENT}
    assert headline(judged) == "Too few sessions before it to compare with."


def test_without_a_history_only_structural_rates_alarm_and_the_rest_is_uncalibrated():
    judged = walk([*map(silver, range(30)), silver(30, off_grid=0.9, move=0.09)])[-1]
    columns = distance_columns(judged)

    assert not judged.limits.calibrated
    assert "off_grid" in alarmed(judged)
    assert all(WATCHED[name].kind is Kind.RATE for name in alarmed(judged))
    assert DriftVerdict.UNCALIBRATED in columns["verdict"]


def test_the_session_itself_is_never_in_its_reference(calm):
    windows = calm.windows(day(CALM))

    assert windows.of("off_grid")[-1].session == day(CALM - 1)
    assert len(windows.of("off_grid")) == 60


def test_a_session_called_faulty_is_compared_with_no_more(calm):
    past = replace(calm, labels={day(CALM - 1): Labelled(DriftLabel.FAULT, frozenset({"off_grid"}))})

    assert past.windows(day(CALM)).of("off_grid")[-1].session == day(CALM - 2)


def test_an_accepted_change_begins_the_reference_of_its_features_anew(calm):
    changed = [silver(CALM + number, off_grid=0.75) for number in range(25)]
    said = {day(CALM): Labelled(DriftLabel.ACCEPTED, frozenset({"off_grid"}))}

    judged = after(replace(calm, labels=said), *changed)

    first, second, last = judged[0], judged[1], judged[-1]
    place = PLACE["off_grid", Z]
    assert "off_grid" in alarmed(first)  # what was before is what shows the change
    assert second.measured[place].value is None
    assert last.measured[place].value is not None
    assert "off_grid" not in alarmed(last)
    assert last.measured[PLACE["log_return", "ks"]].sessions == 60  # of other features it goes on


def test_a_restart_soon_after_another_looks_behind_both():
    sessions = [day(number) for number in range(100)]
    restarts = [Restart(day(40), None, ""), Restart(day(80), None, ""), Restart(day(81), None, "")]

    assert reference(sessions, day(80), restarts, "rows") == (40, 80)
    assert reference(sessions[:81], day(81), restarts, "rows") == (40, 80)
    assert reference(sessions, day(90), restarts, "rows") == (81, 90)


def test_a_fixed_window_calls_no_more_of_the_sessions_after_it_drift_than_the_budget_and_a_wrong_one_at_once(calm):
    window, floors = calm.samples[30:100], floors_of(snapshot({}, 0))
    wrong = sample_of(silver(CALM, off_grid=0.75), calm.samples, REFERENCE)

    def alarms(sample, held) -> bool:
        found, held_to = against_window(sample, held, floors, 1.0)
        return bool(beyond(np.array([np.nan if one.value is None else abs(one.value) for one in found]), held_to).any())

    assert sum(alarms(one, window) for one in calm.samples[100:120]) <= 2
    assert alarms(wrong, window)
    assert not against_window(wrong, window[: FEWEST - 1], floors, 1.0)[1].calibrated


def test_what_adds_up_begins_anew_with_the_reference_of_an_accepted_change(calm):
    changed = [silver(CALM + number, off_grid=0.75) for number in range(3)]
    said = replace(calm, labels={day(CALM): Labelled(DriftLabel.ACCEPTED, frozenset({"off_grid"}))})

    first, second, _ = after(said, *changed)

    assert first.measured[PLACE["off_grid", CUSUM]].value > 3  # it is held against what was before
    assert [second.measured[PLACE["off_grid", name]].value for name in (Z, CUSUM, PAGE_HINKLEY)] == [None, None, None]
    assert second.measured[PLACE["rows", CUSUM]].value is not None
    assert headline(second) == "As usual; too few sessions to compare with: Closes off the tick grid."


def test_changes_of_the_exchanges_rules_restart_what_they_change():
    found = declared(date(2025, 1, 1), date(2025, 12, 31))

    assert found[0].session == date(2025, 3, 20)
    assert found[0].of("off_grid")
    assert not found[0].of("rows")


def test_a_sample_is_read_as_it_was_written(calm):
    kept = sample_of(silver(CALM), calm.samples, REFERENCE)
    (judged,) = after(calm, silver(CALM))
    read = StoredSample(row_of_sample(kept, judged.measured, judged.limits))

    assert (read.session, read.symbols, read.halted) == (kept.session, kept.symbols, kept.halted)
    assert np.array_equal(read.columns, kept.columns, equal_nan=True)
    assert read.levels == pytest.approx(kept.levels, abs=1e-9)


def test_all_statistics_together_keep_to_the_budget():
    random = np.random.default_rng(4)
    values = np.abs(random.standard_t(4, size=(2_000, len(SERIES)))) * random.lognormal(0, 1, len(SERIES))
    past = Backtest(values, np.ones(values.shape, bool))
    nothing = np.zeros(len(SERIES))

    for budget in (0.5, 1.0, 4.0):
        rate = past.alarms(nothing, budget)[120:].any(axis=1).mean()
        assert rate <= budget / SESSIONS_A_MONTH


def test_a_market_that_grows_wilder_and_wilder_keeps_to_the_budget_too():
    random = np.random.default_rng(3)
    wilder = np.exp(np.linspace(0, 1, 800))[:, None]
    values = np.abs(random.normal(size=(800, len(SERIES)))) * wilder
    past = Backtest(values, np.ones(values.shape, bool))

    rate = past.alarms(np.zeros(len(SERIES)), 1.0)[120:].any(axis=1).mean()

    assert rate <= 1 / SESSIONS_A_MONTH  # .10 where only the past is asked


def test_an_alarm_takes_from_the_budget_what_comes_back_over_a_month():
    after = spent(1.0, 1.0, alarmed=True)
    assert after == pytest.approx(1 / SESSIONS_A_MONTH)

    for _ in range(int(SESSIONS_A_MONTH)):
        after = spent(after, 1.0, alarmed=False)
    assert after == 1.0
    assert spent(-1.0, 1.0, alarmed=True) > -1.0  # a fault that stays owes no more than a month
    assert spent(0.25, 0.25, alarmed=True) == pytest.approx(-0.75 + 0.25 / SESSIONS_A_MONTH)


def test_an_alarm_that_a_person_calls_a_fault_takes_nothing_from_the_budget(calm):
    held = np.ones(len(SERIES))
    loud = replace(calm, values=[*calm.values[:-1], held * 50], limits=[*calm.limits[:-1], held])
    said = replace(loud, labels={day(CALM - 1): Labelled(DriftLabel.FAULT, frozenset({"rows"}))})
    floors = floors_of(snapshot({}, 0))

    assert (loud.next_limits(floors, 1.0).values >= said.next_limits(floors, 1.0).values).all()
    assert loud.next_limits(floors, 1.0).values.sum() > said.next_limits(floors, 1.0).values.sum()


def test_the_backtest_has_the_limits_that_were_learnt_day_by_day():
    random = np.random.default_rng(9)
    values = np.abs(random.normal(size=(200, len(SERIES))))
    usable = random.random(values.shape) < 0.97
    thresholds = snapshot({}, 0)
    floors, left, alarms = floors_of(thresholds), 2.0, 0
    held_to = Backtest(values, usable).limits(floors, 2.0)

    for at in range(FEWEST, 200):
        by_day = limits(np.where(usable, values, np.nan)[:at], floors, left)
        assert held_to[at] == pytest.approx(by_day.values, rel=1e-5)
        alarms += bool(beyond(values[at], by_day).any())
        left = spent(left, 2.0, alarmed=bool(beyond(values[at], by_day).any()))
    assert alarms > 2  # or nothing would have been taken of the budget
    assert np.isnan(held_to[FEWEST - 1]).all()


def test_no_limit_lies_below_its_floor_and_a_smaller_budget_lowers_none():
    values = np.abs(np.random.default_rng(2).normal(size=(120, len(SERIES))))
    floors = floors_of(snapshot({}, 0))
    few, many = limits(values, floors * 0.1, 0.5), limits(values, floors * 0.1, 8.0)

    assert (limits(values, floors, 8.0).values >= floors).all()
    assert (few.values >= many.values).all()


def test_what_the_market_did_never_alarms():
    everything = np.full(len(SERIES), 1e9)

    assert not beyond(everything, Limits(np.zeros(len(SERIES)), True, 120))[~COUNTS].any()
    assert {SERIES[at][0] for at in np.flatnonzero(~COUNTS)} == {"market_return", "dispersion", "activity"}


def test_gross_alarms_teach_no_limit_until_they_are_the_rule_or_a_person_says_that_the_market_did_it():
    def usable(gross: Iterable[int], *, market: bool = False) -> list[bool]:
        values, held_to = np.ones((120, 1)), np.ones((120, 1))
        values[list(gross)] = 50
        return usable_history(values, held_to, [True] * 120, [market] * 120)[:, 0].tolist()

    stayed, came_back = range(80, 80 + MOST_GROSS), range(0, 2 * MOST_TIMES, 2)
    for gross in (stayed, came_back):
        assert usable(gross) == [at not in gross for at in range(120)]
        assert all(usable(gross, market=True))
    assert all(usable(range(80, 81 + MOST_GROSS)))
    assert all(usable(range(0, 2 * MOST_TIMES + 2, 2)))


def test_a_fault_that_nobody_speaks_about_goes_on_alarming_for_thirty_sessions_and_is_what_is_usual_soon_after(calm):
    judged = after(calm, *(silver(CALM + number, off_grid=0.8) for number in range(MOST_GROSS + 8)))
    alarms = ["off_grid" in one.causes for one in judged]

    assert all(alarms[:MOST_GROSS])
    assert not any(alarms[-4:])


def test_the_budget_is_a_threshold_in_alarms_a_month():
    assert (BUDGET.key, BUDGET.default, BUDGET.unit) == ("drift.alarms_per_month", 1.0, "alarms a month")


def test_symbols_of_stored_sessions_that_this_process_has_never_seen_have_their_place(calm):
    named = [f"NEW{number}" for number in range(len(SYMBOLS))]
    stored = [replace(one, symbols=tuple(named)) for one in calm.samples[-30:]]

    sample = sample_of(silver(CALM), stored, REFERENCE)

    assert sample.levels["new_symbols"] == 1.0
