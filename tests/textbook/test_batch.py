"""The textbook chapter's batch pipeline (9.2) fails in these ways; each test, named after its defect, shows that ours does not."""

from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from math import isfinite
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import inspect as inspect_database
from sqlalchemy.exc import IntegrityError

from engine.cli import reading
from engine.clock import nepal_date
from engine.market.daily_file import parse
from engine.pipeline.ledger import reconcile
from engine.pipeline.rescue import Rescuer
from engine.pipelines import PIPELINES
from engine.rebuild import rebuild_gold
from engine.settings import SourceName
from engine.sources.simulated import SimulatedExchange
from engine.sources.simulated.faults import DEFAULT_FAULTS, NO_FAULTS, FaultKind, faults_on
from storage import moves, runs, schedules, sessions
from storage.status import Outcome, RunStatus, RunType, SlotOutcome, Verdict
from tests.pipelines.house import DAILY, SUNDAY, V1, House, daily_bytes, days_from, numbers

REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = import_module("engine.pipelines.daily_prices")
MONDAY, THURSDAY, SATURDAY = (SUNDAY + timedelta(days=n) for n in (1, 4, 6))


def rows_served(house: House, session: date) -> int:
    return len(house.read(sessions.served, session))


def test_b1_b2_duplicates_are_judged_by_session_and_symbol(house):
    house.backfill(SUNDAY, MONDAY)

    assert [rows_served(house, day) for day in (SUNDAY, MONDAY)] == [120, 120]


def test_b3_a_day_that_was_not_published_yet_is_not_done(house):
    (house.source / "daily" / "2024_06_03.csv.gz").unlink()
    missing = house.run(MONDAY)
    house.session(MONDAY, 1)
    found = house.run(MONDAY)

    assert (missing["status"], missing["verdict"]) == (RunStatus.FAILED, Verdict.MISSING)
    assert (found["outcome"], rows_served(house, MONDAY)) == (Outcome.LOADED, 120)


@pytest.mark.parametrize(("column", "cell"), [(3, "inf"), (4, "NaN"), (5, "1e9"), (6, "-"), (9, "abc")])
def test_b4_every_price_is_looked_at_and_none_is_infinite(house, column, cell):
    rows = numbers(0)
    rows[0][column] = cell
    house.put(SUNDAY, daily_bytes(rows))
    house.run(SUNDAY)

    assert (rows_served(house, SUNDAY), house.table("rejected", SUNDAY).num_rows) == (119, 1)


def test_b5_text_is_typed_before_it_is_judged(house):
    house.run(SUNDAY)

    assert house.table("silver", SUNDAY).schema.field("close").type == pa.decimal128(18, 2)


def test_b6_a_daily_run_knows_the_days_before(house):
    for day in days_from(SUNDAY, 5):
        house.restart()
        house.run(day)
    gold, silver = house.table("gold", THURSDAY), house.table("silver", THURSDAY)

    assert gold["daily_return"].null_count == 0
    assert gold["sma_5"].to_pylist() != [float(close) for close in silver["close"].to_pylist()]


def test_b7_a_low_of_zero_gives_no_infinite_range(house):
    rows = numbers(0)
    rows[0][5] = "0.00"
    house.put(SUNDAY, daily_bytes(rows))
    house.run(SUNDAY)

    ranges = house.table("gold", SUNDAY)["range_pct"].to_pylist()
    assert house.table("quarantine", SUNDAY)["symbol"].to_pylist() == ["S000"]
    assert len(ranges) == 119
    assert all(value is None or isfinite(value) for value in ranges)


def test_b8_a_rerun_doubles_no_row(house):
    house.run(SUNDAY)
    house.session(SUNDAY, 9)
    house.run(SUNDAY)

    assert rows_served(house, SUNDAY) == 120


def test_b9_a_correction_touches_its_own_session_alone(house):
    house.backfill(SUNDAY, MONDAY)
    before = house.read(sessions.served, MONDAY)
    house.put(SUNDAY, daily_bytes(numbers(9, range(110))))
    house.run(SUNDAY)

    assert rows_served(house, SUNDAY) == 110
    assert house.read(sessions.served, MONDAY) == before


def test_b10_session_and_symbol_are_the_key_of_the_prices(house):
    inspected = inspect_database(house.runtime.database.pool)

    assert inspected.get_pk_constraint("price")["constrained_columns"] == ["session", "symbol"]


def test_b11_a_crash_between_load_and_bookkeeping_doubles_nothing(house, monkeypatch):
    def crash(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sessions, "serve", crash)  # inside the one transaction that also writes the checkpoint
        with pytest.raises(KeyboardInterrupt):
            house.run(SUNDAY)
    between = (rows_served(house, SUNDAY), house.accepted())
    Rescuer(house.runtime, "another").rescue()
    house.work()

    assert between == (0, [])
    assert (rows_served(house, SUNDAY), house.accepted()) == (120, [SUNDAY])


def test_b12_the_start_is_written_once(house):
    run_id = house.services.run(DAILY, SUNDAY).run_id
    began = house.clock.now()
    moves.claim(house.runtime.database, runner_id="gone", at=began, sequential=[DAILY])
    house.clock.advance(timedelta(minutes=3))
    Rescuer(house.runtime, "another").rescue()
    house.work()

    assert (house.found(run_id)["started_at"], house.found(run_id)["duration_us"]) == (began, 180_000_000)


def test_b13_an_error_has_columns_of_its_own(house):
    house.put(SUNDAY, b"")
    run = house.run(SUNDAY)

    assert (run["error_type"], run["error_stage"]) == ("UnreadableFile", "parsed")
    assert run["error_message"]
    assert "Traceback" in run["error_traceback"]


def test_b14_a_retry_erases_no_failure(house):
    house.put(SUNDAY, b"")
    house.run(SUNDAY)
    house.session(SUNDAY, 0)
    house.run(SUNDAY)

    assert [row["status"] for row in house.read(runs.recent)] == [RunStatus.SUCCEEDED, RunStatus.FAILED]


def test_b15_a_failed_run_does_not_report_the_numbers_of_the_run_before(house):
    house.put(MONDAY, b"")
    house.backfill(SUNDAY, MONDAY)
    succeeded, failed = (house.read(runs.newest_of, DAILY, day) for day in (SUNDAY, MONDAY))

    assert (succeeded["rows"], failed["rows"]) == (120, None)


def test_b16_after_a_failure_only_the_failed_stage_and_what_follows_is_run(house, monkeypatch):
    def fails(*_arguments: object) -> None:
        raise ZeroDivisionError("in gold")

    with monkeypatch.context() as patch:
        patch.setattr(STAGES, "carry_forward", fails)
        failed = house.run(SUNDAY)
    (house.source / "daily" / "2024_06_02.csv.gz").unlink()  # nobody asks the source again
    run = house.rerun(failed["id"], from_stage=failed["error_stage"])

    assert (failed["error_stage"], run["outcome"]) == ("gold", Outcome.LOADED)


def test_b17_the_day_is_nepals_and_a_saturday_invents_nothing(house):
    assert nepal_date(datetime(2024, 1, 14, 20, tzinfo=UTC)) == date(2024, 1, 15)

    run = house.run(SATURDAY)
    assert (run["status"], run["verdict"], house.accepted()) == (RunStatus.SKIPPED, Verdict.NO_SESSION, [])


def test_b18_of_two_runs_of_a_date_at_once_the_database_refuses_one(house):
    house.services.run(DAILY, SUNDAY)

    with pytest.raises(IntegrityError), house.runtime.database.transaction() as connection:
        moves.add(connection, at=house.clock.now(), pipeline=DAILY, partition=SUNDAY, run_type=RunType.MANUAL, requested_by="x")


def test_b19_a_run_whose_process_is_gone_is_found_and_finished(house):
    run_id = house.services.run(DAILY, SUNDAY).run_id
    moves.claim(house.runtime.database, runner_id="gone", at=house.clock.now(), sequential=[DAILY])
    rescued = Rescuer(house.runtime, "another").rescue()
    house.work()

    assert (rescued, house.found(run_id)["status"]) == (1, RunStatus.SUCCEEDED)


def test_b20_a_source_that_does_not_answer_is_asked_again(tmp_path):
    house = House(tmp_path, kind=SourceName.SIMULATED)
    days = days_from(date(2025, 11, 20), 46)
    run = house.run(next(day for day in days if FaultKind.TIMEOUT in faults_on(house.settings.simulated_seed, DEFAULT_FAULTS, day)))

    assert run["status"] == RunStatus.SUCCEEDED
    assert [row["error_type"] for row in house.read(runs.attempts_of, run["id"])] == ["SourceUnavailable"] * 2


def test_b21_the_original_error_is_the_one_that_is_kept(house, monkeypatch):
    def fails(*_arguments: object) -> None:
        raise RuntimeError("the second") from ZeroDivisionError("the first")

    monkeypatch.setattr(STAGES, "carry_forward", fails)
    run = house.run(SUNDAY)

    assert run["error_type"] == "RuntimeError"
    assert "ZeroDivisionError: the first" in run["error_traceback"]


def test_b22_a_new_column_is_named_and_the_next_day_goes_on(house):
    house.put(SUNDAY, daily_bytes([[*row, "1"] for row in numbers(0)], header=[*V1.split(","), "Sentiment"]))
    house.backfill(SUNDAY, MONDAY)

    assert "'Sentiment'" in house.date(SUNDAY).reason
    assert house.date(MONDAY).verdict is Verdict.SESSION


def test_b23_made_up_prices_obey_the_rules_of_real_ones(house):
    exchange = SimulatedExchange(seed=1, clock=house.clock, faults=NO_FAULTS)
    files = [file for day in days_from(date(2025, 12, 1), 14) if (file := exchange.daily_file(day))]
    rows = [row for file in files for row in parse(file.content, file.name).rows.to_pylist()]

    assert len(rows) > 3000
    assert all(0 < row["low"] <= min(row["open"], row["close"]) <= max(row["open"], row["close"]) <= row["high"] for row in rows)


def a_schedule(house: House, at: datetime) -> None:
    house.clock.at = at
    with house.runtime.database.transaction() as connection:
        schedules.ensure(connection, DAILY, since=nepal_date(at))


def test_b24_a_run_that_fails_is_not_started_again_in_a_loop(house):
    house.put(SUNDAY, b"")
    a_schedule(house, datetime(2024, 6, 2, 12, 16, tzinfo=UTC))
    for _ in range(3):
        reconcile(house.runtime, PIPELINES[DAILY])
        house.work()

    assert [row["status"] for row in house.read(runs.recent)] == [RunStatus.FAILED]


def test_b25_days_that_were_missed_are_caught_up(house):
    a_schedule(house, datetime(2024, 6, 2, 6, tzinfo=UTC))
    house.clock.at = datetime(2024, 6, 8, 6, tzinfo=UTC)  # no runner was alive for six days
    reconcile(house.runtime, PIPELINES[DAILY])
    slots = house.read(schedules.slots_between, DAILY, SUNDAY, SATURDAY)
    house.work()

    assert [slot["outcome"] for slot in slots] == [SlotOutcome.MISSED] * 5 + [SlotOutcome.HOLIDAY] * 2
    assert house.accepted() == days_from(SUNDAY, 5)


def test_b26_every_outcome_has_the_same_shape(house):
    house.put(MONDAY, b"")
    ended = [reading.summary(house.runtime, house.run(day)["id"]) for day in (SUNDAY, MONDAY, SATURDAY, SUNDAY)]

    assert len({tuple(summary) for summary in ended}) == 1
    assert [summary["status"] for summary in ended] == [RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.SKIPPED, RunStatus.SUCCEEDED]


def test_b27_no_path_keeps_a_connection(house):
    house.put(MONDAY, b"")
    house.backfill(SUNDAY, SATURDAY)

    assert house.runtime.database.pool.pool.checkedout() == 0


def test_b28_more_symbols_than_any_market_has_are_loaded(house):
    house.put(SUNDAY, daily_bytes([[str(n), f"X{n}", *numbers(0, [0])[0][2:]] for n in range(3_000)]))
    house.run(SUNDAY)

    assert rows_served(house, SUNDAY) == 3_000


def test_b29_a_range_gives_what_its_dates_give_one_by_one(house, tmp_path):
    house.backfill(SUNDAY, THURSDAY)
    other = House(tmp_path / "other", source=house.source)
    for day in days_from(SUNDAY, 5):
        other.run(day)

    assert other.lake_content() == house.lake_content()
    assert rebuild_gold(house.runtime, publish=False)["differing_sessions"] == 0
