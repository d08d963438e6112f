"""The whole span of real exchange files, each date a full run: every session once, exact, and the same again."""

import csv
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks.parts.held_out import held_out
from engine.billing.forecast import history
from engine.billing.prices import in_force
from engine.billing.reading import by_day, by_layer, by_run, by_session, by_stage, total
from engine.cli import reading
from engine.clock import nepal_date
from engine.costs.forecast import FEWEST_DAYS
from engine.costs.line import Category
from engine.query import query
from engine.rebuild import rebuild_gold
from storage.status import BackfillMode, Outcome, Verdict
from tests.pipelines.house import DAILY, House

SINCE, UNTIL = date(2024, 3, 4), date(2025, 12, 31)
Totals = tuple[int, int, Decimal, int]  # rows, shares, turnover in NPR, trades
KINDS = {"session": Verdict.SESSION, "stale_repeat": Verdict.NO_SESSION}


@pytest.fixture(scope="module")
def span(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, int]]:
    """A home that has taken every file, and the backfill that did it."""
    house = House(tmp_path_factory.mktemp("span"), source=real_data)
    yield house, house.backfill(SINCE, UNTIL)
    house.runtime.database.close()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def sums(house: House, view: str) -> dict[date, Totals]:
    """Return rows, shares, turnover and trades of each session, summed in SQL."""
    statement = f"SELECT session, count(*) n, sum(volume) v, sum(turnover) t, sum(trades) d FROM {view} GROUP BY session"  # noqa: S608, a view's name
    return {row["session"]: (row["n"], int(row["v"]), row["t"], int(row["d"])) for row in query(house.runtime, statement).to_pylist()}


@pytest.fixture(scope="module")
def in_the_files(real_data: Path) -> dict[date, Totals]:
    """What the rows of each session's own file add up to."""
    return {
        date.fromisoformat(row["file_date"]): (
            int(row["rows"]),
            int(row["shares"]),
            Decimal(row["turnover"]),
            int(row["transactions"]),
        )
        for row in rows_of(real_data / "labels" / "file_labels.csv")
        if row["kind"] == "session"
    }


@pytest.fixture(scope="module")
def let_through(span, in_the_files: dict[date, Totals]) -> dict[date, Totals]:
    """What the files' rows add up to without those that the gate set aside."""
    left = dict(in_the_files)
    for row in query(span[0].runtime, "SELECT session, raw FROM quarantined_rows").to_pylist():
        cells = next(csv.reader([row["raw"]]))
        volume, turnover, trades = (Decimal(cells[place].replace(",", "")) for place in (8, 10, 11))  # of the first layout
        rows, shares, value, done = left[row["session"]]
        left[row["session"]] = (rows - 1, shares - int(volume), value - turnover, done - int(trades))
    return left


@pytest.fixture(scope="module")
def published(real_data: Path) -> dict[date, Totals]:
    """The exchange's own totals of each session that it published them for."""
    return {
        date.fromisoformat(row["businessDate"]): (
            int(row["tradedScrips"]),
            int(row["totalTradedShares"]),
            Decimal(row["totalTurnover"]),
            int(row["totalTransactions"]),
        )
        for row in rows_of(real_data / "control" / "market_summary.csv")
    }


def test_668_files_are_414_sessions_and_254_days_without(span):
    house, backfill_id = span
    counts = reading.backfill(house.runtime, backfill_id)

    found = {name: counts[name] for name in ("dates", "session", "no_session", "failed", "missing", "loaded")}
    assert found == {"dates": 668, "session": 414, "no_session": 254, "failed": 0, "missing": 0, "loaded": 414}


def test_every_file_is_what_the_labels_say(span, real_data):
    house, _ = span
    labels = rows_of(real_data / "labels" / "file_labels.csv")
    newest = {row["date"]: row for row in reading.run_list(house.runtime, limit=1000)}
    layouts = {row["partition"]: row["layout"] for row in query(house.runtime, "SELECT partition, layout FROM run ORDER BY id").to_pylist()}

    def told(label: dict[str, str]) -> tuple[Any, ...]:
        day = date.fromisoformat(label["file_date"])
        return day, KINDS[label["kind"]], date.fromisoformat(label["carries_session"]), label["schema"], int(label["rows"])

    assert len(labels) == 668
    for expected in map(told, labels):
        run = newest[expected[0]]
        assert (run["date"], run["verdict"], run["session_date"], layouts[run["date"]], run["rows"]) == expected


def test_the_sessions_are_those_of_the_labels(span, real_data):
    house, _ = span

    assert house.accepted() == [date.fromisoformat(row["session"]) for row in rows_of(real_data / "labels" / "sessions.csv")]


@pytest.mark.parametrize("view", ["silver_prices", "prices"])
def test_rows_shares_turnover_and_trades_are_exactly_those_of_the_files(span, let_through, view):
    assert sums(span[0], view) == let_through


def test_the_gate_sets_three_rows_aside_and_blocks_no_session(span):
    aside = query(span[0].runtime, "SELECT session, symbol, checks FROM quarantined_rows ORDER BY session, symbol").to_pylist()
    verdicts = query(span[0].runtime, "SELECT verdict, count(*) n FROM quality_report GROUP BY verdict").to_pylist()

    assert [(row["session"], row["symbol"], row["checks"]) for row in aside] == [
        (date(2024, 12, 1), "KRBL", "positive_prices"),
        (date(2025, 2, 11), "LBBLD89", "high_not_below_low"),
        (date(2025, 2, 11), "MFLD85", "high_not_below_low"),
    ]
    assert {row["verdict"]: row["n"] for row in verdicts} == {"passed": 73, "flagged": 341}


def test_every_line_of_every_file_is_accounted_for(span):
    law = "physical = header + blank + loaded + quarantined + duplicates"
    counted = query(span[0].runtime, f"SELECT count(*) n, sum(loaded) l, sum(quarantined) q FROM quality_report WHERE {law}")  # noqa: S608

    assert counted.to_pylist() == [{"n": 414, "l": 131_369, "q": 3}]


def test_the_record_of_each_session_has_exactly_the_totals_of_its_file(span, let_through):
    statement = "SELECT session, rows, volume, turnover_paisa, trades FROM trading_session"
    found = {
        row["session"]: (row["rows"], row["volume"], Decimal(row["turnover_paisa"]) / 100, row["trades"])
        for row in query(span[0].runtime, statement).to_pylist()
    }

    assert found == let_through


def test_rows_shares_and_trades_are_the_exchanges_own_on_all_87_sessions_that_it_published(span, published):
    found = sums(span[0], "prices")

    assert len(published) == 87
    assert {session: (*found[session][:2], found[session][3]) for session in published} == {
        session: (*totals[:2], totals[3]) for session, totals in published.items()
    }


def test_turnover_is_the_exchanges_own_but_for_what_the_files_themselves_are_off(span, published):
    found = sums(span[0], "prices")
    off = {session: found[session][2] - totals[2] for session, totals in published.items() if found[session][2] != totals[2]}

    # The rows of these four files do not add up to the published total; the difference stands in the files as they came.
    assert off == {
        date(2025, 8, 12): Decimal("0.05"),
        date(2025, 8, 24): Decimal("-0.40"),
        date(2025, 10, 30): Decimal("-0.40"),
        date(2025, 11, 2): Decimal("0.04"),
    }


def test_what_is_served_is_what_is_in_silver(span):
    columns = "session, symbol, open, high, low, close, last_price, vwap, previous_close, turnover, volume, trades"
    differing = query(
        span[0].runtime,
        f"SELECT count(*) n FROM (FROM silver_prices SELECT {columns} EXCEPT FROM prices SELECT {columns})",  # noqa: S608, our own names
    )

    assert differing.to_pylist() == [{"n": 0}]
    assert [len(sums(span[0], view)) for view in ("silver_prices", "prices")] == [414, 414]


def test_gold_has_the_rows_of_silver(span):
    counted = query(span[0].runtime, "SELECT (SELECT count(*) FROM silver_prices) s, (SELECT count(*) FROM gold_features) g").to_pylist()

    assert counted == [{"s": 131_369, "g": 131_369}]


def test_gold_carried_from_day_to_day_is_gold_computed_at_once(span):
    checked = rebuild_gold(span[0].runtime, publish=False)

    assert (checked["sessions"], checked["differing_sessions"]) == (414, 0)
    assert checked["cells"] > 2_000_000


def test_the_backfill_costs_cents_and_most_of_that_for_its_many_small_files(span):
    house, _ = span
    today = nepal_date(house.clock.now())
    runs, days = (total(house.read(read, today, today)) for read in (by_run, by_day))
    stages, sessions = total(house.read(by_stage, today, today)), total(house.read(by_session, SINCE, UNTIL))

    assert (runs.number, runs.rows, runs.unmeasured) == (668, 131_369, 0)
    assert runs.total == days.total == stages.total == sessions.total  # a file of a closed day repeats a session, and is charged to it
    assert Decimal("0.005") < runs.total < Decimal("0.10")
    assert runs.line(Category.REQUESTS) > runs.total / 2
    assert runs.usage.puts == len(house.catalog())


def test_the_layers_hold_every_byte_of_the_lake(span):
    house, _ = span
    layers = {entry.label: entry.cost for entry in house.read(by_layer, house.read(in_force))}
    files = [file for file in house.runtime.lake.folder.rglob("*.*") if file.is_file()]

    assert sum(cost.usage.bytes_written for cost in layers.values()) == sum(file.stat().st_size for file in files)
    assert sum(cost.number for cost in layers.values()) == len(files)
    assert {"bronze", "parsed", "silver", "gold", "feature_state", "findings"} <= layers.keys()


def test_the_second_half_of_the_span_comes_as_it_is_forecast_from_the_first(span):
    split = SINCE + (UNTIL - SINCE) / 2
    measured = {layer: days for layer, days in span[0].read(history).items() if len(days) >= FEWEST_DAYS}
    layers = {layer: held_out({layer: days}, split=split) for layer, days in measured.items()}
    whole = held_out(measured, split=split)

    assert set(layers) == {"bronze", "parsed", "silver", "gold", "feature_state", "findings"}
    assert all(abs(one.error) < 0.10 for one in layers.values())
    assert abs(whole.error) < 0.03
    assert whole.within


def test_a_line_a_layer_foresees_the_second_half_better_than_one_line_through_all(span):
    measured = span[0].read(history)
    together: dict[date, int] = {}
    for days in measured.values():
        for day, size in days.items():
            together[day] = together.get(day, 0) + size
    by_layer, by_one = (held_out(each, split=SINCE + (UNTIL - SINCE) / 2) for each in (measured, {"all": together}))

    assert abs(by_layer.error) < abs(by_one.error)
    assert by_layer.high - by_layer.low < by_one.high - by_one.low


def test_a_second_backfill_finds_nothing_to_do(span):
    house, _ = span
    catalog = house.catalog()
    again = reading.backfill(house.runtime, house.backfill(SINCE, UNTIL))

    assert (again["runs"], again["already_done"], again["state"]) == (0, 668, "done")
    assert house.catalog() == catalog


def test_every_date_again_changes_no_byte_and_no_version(span):
    house, _ = span
    since = date(2025, 10, 1)  # a quarter is enough to show it
    catalog, prices, content = house.catalog(), house.prices(), house.lake_content()
    again = reading.backfill(house.runtime, house.backfill(since, UNTIL, mode=BackfillMode.ALL))

    assert (again["runs"], again[Outcome.LOADED], again[Outcome.REPLACED]) == (92, 0, 0)
    assert again[Outcome.UNCHANGED] == again["session"] > 50
    assert house.catalog() == catalog
    assert house.prices() == prices
    assert house.lake_content() == content


def test_real_data_never_say_that_they_are_simulated(span):
    rows = reading.sessions(span[0].runtime, DAILY, SINCE, UNTIL)

    assert {tuple(row) for row in rows} == {("date", "verdict", "reason", "session_date", "rows", "run_id")}
