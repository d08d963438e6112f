"""A tape against the official rows: equal fields, and the right cause for each that is not."""

import numpy as np
import pytest

from engine.reconcile_words import of_silent, says
from engine.stream.contracts import first_id
from engine.stream.reconcile import Cause, Evidence, OfficialDay, Verdict, reconciled, tape_rows
from engine.stream.replay import replayed
from engine.stream.ticks import Symbols, Ticks, joined
from tests.stream.tapes import DAY, limits, random_tape, symbols, tape


def replay_of(ticks, names=None):
    return replayed(DAY, ticks, names or symbols(), limits())


def official_of(ticks, names=None, **known):
    """The official rows of a day on which exactly these trades were made."""
    replay = replay_of(ticks, names)
    return OfficialDay(tape_rows(replay.days, replay.symbols.names), **known)


def compared(ticks, official):
    return reconciled(replay_of(ticks), ticks, official)


def without(ticks, *places):
    return ticks.take(np.delete(np.arange(len(ticks)), places))


def changed(ticks, place, **columns):
    new = {name: getattr(ticks, name).copy() for name in ("contract", "time", "symbol", "quantity", "rate")}
    for name, value in columns.items():
        new[name][place] = value
    return Ticks(**new)


@pytest.fixture(scope="module")
def day():
    return random_tape(5, 2000, seconds=3600)


def the_one(found):
    """Return the one symbol that is not exact."""
    (result,) = [one for one in found.results if not one.exact]
    return result


def test_the_same_trades_are_exact(day):
    found = compared(day, official_of(day))

    assert found.verdict is Verdict.EXACT
    assert (found.exact, found.missing_by_ids, found.missing_by_total) == (4, 0, 0)
    assert says(found) == "All seven fields of all 4 symbols are exact, and all 2,000 trades are there."


def test_a_trade_that_never_came_is_lost_and_seen_by_its_hole(day):
    found = compared(without(day, 700), official_of(day))

    assert found.verdict is Verdict.DIFFERS
    assert the_one(found).causes == {Cause.LOST: 1}
    assert set(the_one(found).differing) >= {"volume", "turnover", "trades"}
    assert (found.missing_by_ids, found.missing_by_total, found.tail) == (1, 1, 0)


def test_the_last_trade_that_never_came_is_seen_by_the_total_alone(day):
    found = compared(without(day, len(day) - 1), official_of(day))

    assert (found.missing_by_ids, found.missing_by_total, found.tail) == (0, 1, 1)
    assert found.verdict is Verdict.DIFFERS


def test_a_trade_that_came_twice_is_counted_and_changes_nothing(day):
    found = compared(joined([day, day.take(slice(40, 41))]), official_of(day))

    assert found.verdict is Verdict.EXACT
    assert found.set_aside == {"duplicate": 1}


def test_two_trades_under_one_contract_are_named_where_the_first_is_wrong(day):
    wrong = changed(day, 40, rate=day.rate[40] + 1000)
    twice = joined([wrong.take(slice(0, 41)), day.take(slice(40, None))])

    assert the_one(compared(twice, official_of(day))).causes == {Cause.DUPLICATE: 1}


def test_a_trade_that_came_late_is_the_cause(day):
    late = joined([without(day, 3), day.take(slice(3, 4))])

    found = compared(late, official_of(day))

    assert the_one(found).causes == {Cause.LATE: 1}
    assert found.set_aside == {"late": 1}


def test_a_trade_that_was_set_aside_is_the_cause(day):
    out_of_hours = changed(day, 1000, time=day.time[0] - 7200 * 1_000_000)

    found = compared(out_of_hours, official_of(day))

    assert the_one(found).causes == {Cause.QUARANTINED: 1}


def test_what_was_set_aside_explains_no_more_than_it_was(day):
    late_and_lost = joined([without(day, *np.flatnonzero(day.symbol == 1)[[2, 300]]), day.take(np.flatnonzero(day.symbol == 1)[[2]])])

    assert the_one(compared(late_and_lost, official_of(day))).causes == {Cause.LATE: 1, Cause.LOST: 1}


def test_a_trade_with_another_price_is_another_value(day):
    found = compared(changed(day, 900, rate=day.rate[900] + 10), official_of(day))

    assert the_one(found).causes == {Cause.OTHER: 0}
    assert "turnover" in the_one(found).differing
    assert "trades" not in the_one(found).differing


def test_a_trade_under_an_id_of_its_own_is_one_too_many(day):
    more = joined([day, changed(day.take(slice(1999, 2000)), 0, contract=first_id(DAY) + 1_002_001)])

    found = compared(more, official_of(day))

    assert the_one(found).causes == {Cause.TOO_MANY: 1}
    assert found.verdict is Verdict.DIFFERS


def test_a_symbol_that_is_not_on_the_tape_leaves_the_others_exact(day):
    found = compared(day.take(day.symbol != 2), official_of(day))

    assert found.verdict is Verdict.EXACT_FOR_PRESENT
    assert [one.symbol for one in found.absent] == ["HIDCL"]
    assert found.causes == {Cause.ABSENT: (1, int((day.symbol == 2).sum()))}
    assert "HIDCL altogether" in says(found)


def test_a_day_of_which_half_is_missing_is_never_called_reconciled(day):
    found = compared(day.take(slice(0, 900)), official_of(day))

    assert found.verdict is Verdict.INCOMPLETE
    assert "900 of 2,000 trades (45.0 %)" in says(found)


def test_the_exchanges_own_total_counts_where_it_is_known(day):
    found = compared(day, official_of(day, trades=2003))

    assert (found.verdict, found.missing_by_total) == (Verdict.EXACT_FOR_PRESENT, 3)


def test_without_official_rows_there_is_nothing_to_compare_with(day):
    found = compared(day, OfficialDay({}))

    assert found.verdict is Verdict.NOT_POSSIBLE
    assert found.missing_by_total is None


def test_a_symbol_without_an_official_row_is_the_gates_doing_or_not(day):
    rows = dict(official_of(day).rows)
    del rows["NICA"]

    assert the_one(compared(day, OfficialDay(rows))).causes == {Cause.UNOFFICIAL: 0}
    refused = compared(day, OfficialDay(rows, refused=frozenset({"NICA"})))
    assert the_one(refused).causes == {Cause.REFUSED: 0}
    assert refused.verdict is Verdict.EXACT


def test_prices_of_a_symbol_whose_previous_close_was_restated_are_a_corporate_action(day):
    rows = dict(official_of(day).rows)
    rows["NABIL"] = rows["NABIL"] | {name: rows["NABIL"][name] * 10 // 11 for name in ("open", "high", "low", "close")}

    assert the_one(compared(day, OfficialDay(rows))).causes == {Cause.OTHER: 0}
    assert the_one(compared(day, OfficialDay(rows, restated=frozenset({"NABIL"})))).causes == {Cause.RESTATED: 0}


def test_a_price_that_odd_lots_alone_made_is_not_the_tapes():
    ticks = tape((1, "NABIL", 50_000, 3), (2, "NICA", 20_000))
    rows = dict(official_of(ticks).rows)
    rows["NABIL"] = rows["NABIL"] | dict.fromkeys(("open", "high", "low", "close"), 50_000)

    found = compared(ticks, OfficialDay(rows))

    assert the_one(found).causes == {Cause.ODD_LOTS: 0}
    assert found.verdict is Verdict.EXACT


def test_a_close_that_the_exchange_averaged_is_explained_in_those_months_only(day):
    averaged = Ticks(day.contract + (20_250_601 - 20_240_717) * 10**8, day.time + 319 * 86_400_000_000, day.symbol, day.quantity, day.rate)
    session = DAY.replace(year=2025, month=6, day=1)
    names = Symbols(symbols().names)
    replay = replayed(session, averaged, names, limits())
    rows = {symbol: dict(row) | {"close": row["close"] + 7} for symbol, row in tape_rows(replay.days, names.names).items()}

    found = reconciled(replay, averaged, OfficialDay(rows))

    assert found.causes == {Cause.AVERAGED: (4, 0)}
    assert found.verdict is Verdict.EXACT
    assert "(averaged close: 4)" in says(found)
    assert reconciled(replay_of(day), day, OfficialDay(rows)).verdict is Verdict.DIFFERS


def in_partitions(ticks, *places):
    """Give the trades at `places` the ids of partition 02, all others those of 01 and 03, each without holes."""
    contract = ticks.contract.copy()
    mine = np.isin(np.arange(len(ticks)), places)
    for partition, which in ((1, ~mine & (ticks.symbol < 2)), (2, mine), (3, ~mine & (ticks.symbol >= 2))):
        contract[which] = first_id(DAY) + partition * 1_000_000 + 1 + np.arange(which.sum())
    return changed(ticks, slice(None), contract=contract)


def test_a_partition_of_which_no_trade_came_is_seen_by_the_official_total_alone_and_it_is_said_by_what(day):
    whole = in_partitions(day, *range(100, 113))
    official, here = official_of(whole), without(whole, *range(100, 113))

    by_rows, by_ids = compared(here, official), compared(here, OfficialDay({}))
    by_exchange = compared(here, OfficialDay(official.rows, trades=2000))

    assert [found.missing_by_ids for found in (by_rows, by_ids)] == [0, 0]
    assert [found.tail for found in (by_rows, by_exchange, by_ids)] == [13, 13, None]
    assert [found.silent for found in (by_rows, by_ids)] == [[2], [2]]
    assert [found.evidence for found in (by_exchange, by_rows, by_ids)] == list(Evidence)
    assert of_silent(by_rows).startswith("Of partition 02 no trade is there: some of the 13 that no id tells of may be of it")
    assert "The ids cannot tell whether there was any" in of_silent(by_ids)


def test_where_nothing_is_missing_a_partition_without_a_trade_had_none(day):
    whole = in_partitions(day)
    found = compared(whole, official_of(whole))

    assert (found.verdict, found.silent) == (Verdict.EXACT, [2])
    assert of_silent(found) == "Of partition 02 no trade is there, and by the sum of the official rows there was none."
