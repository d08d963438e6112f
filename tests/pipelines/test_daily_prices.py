"""The daily pipeline from file to served price: which session a file becomes, and what stays when it changes."""

import gzip
from datetime import date, timedelta

import pytest

from engine.pipelines import carry
from engine.rebuild import rebuild_gold
from storage import lake, metrics, monitoring, runs, sessions
from storage.status import BackfillMode, Outcome, RunStatus, StageStatus, Verdict
from tests.pipelines.house import DAILY, SUNDAY, V1, House, daily_bytes, days_from, numbers

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (SUNDAY + timedelta(days=n) for n in range(1, 6))
NEXT_SUNDAY, NEXT_MONDAY, NEXT_TUESDAY = (SUNDAY + timedelta(days=n) for n in (7, 8, 9))
NEXT_FRIDAY = SUNDAY + timedelta(days=12)


def statuses(house: House, run_id: int) -> dict[str, str]:
    return {row["stage"]: row["status"] for row in house.read(runs.stages_of, run_id)}


def gold_is_what_a_rebuild_makes(house: House) -> bool:
    checked = rebuild_gold(house.runtime, publish=False)
    return checked["sessions"] == len(house.accepted()) > 0 and checked["differing_sessions"] == 0


def served_sessions(house: House) -> set[date]:
    return {row[0] for row in house.prices()}


def test_a_week_of_files_is_five_sessions_and_a_repeat(week):
    assert week.accepted() == days_from(SUNDAY, 5)
    assert [week.date(day).verdict for day in (THURSDAY, FRIDAY)] == [Verdict.SESSION, Verdict.NO_SESSION]
    assert week.date(FRIDAY).session_date == THURSDAY
    assert gold_is_what_a_rebuild_makes(week)


def test_the_sums_of_a_day_count_the_rows_that_its_runs_have_loaded_and_none_that_were_there(house):
    house.session(SUNDAY, 1)
    run = house.run(SUNDAY)
    totals = {row["status"]: row["rows"] for row in house.read(monitoring.totals)}
    house.rerun(run["id"])

    assert totals == {RunStatus.SUCCEEDED: len(house.prices())} != {RunStatus.SUCCEEDED: 0}
    assert {row["status"]: row["rows"] for row in house.read(monitoring.totals)} == totals


def test_a_closed_day_without_a_file_is_no_session(week):
    saturday = week.date(FRIDAY + timedelta(days=1))

    assert (saturday.verdict, saturday.status) == (Verdict.NO_SESSION, RunStatus.SKIPPED)
    assert "no file" in saturday.reason


def test_the_stages_behind_a_repeat_are_skipped(week):
    assert statuses(week, week.date(FRIDAY).run_id) == {
        "check_source": StageStatus.SUCCEEDED,
        "bronze": StageStatus.SUCCEEDED,
        "parsed": StageStatus.SUCCEEDED,
        "quality": StageStatus.SKIPPED,
        "silver": StageStatus.SKIPPED,
        "gold": StageStatus.SKIPPED,
        "loaded": StageStatus.SKIPPED,
        "report": StageStatus.SKIPPED,
    }


def test_a_session_without_its_own_file_is_booked_from_the_next_closed_days_file(house):
    house.sessions(4)
    house.session(FRIDAY, 4)  # Thursday's file never came
    house.backfill(SUNDAY, FRIDAY)

    thursday, friday = house.date(THURSDAY), house.date(FRIDAY)
    assert (thursday.verdict, thursday.session_date, thursday.rows) == (Verdict.SESSION, THURSDAY, 120)
    assert (friday.verdict, friday.session_date) == (Verdict.NO_SESSION, THURSDAY)
    assert thursday.run_id == friday.run_id
    assert "2024-06-07" in thursday.reason
    assert served_sessions(house) == set(days_from(SUNDAY, 5))
    assert gold_is_what_a_rebuild_makes(house)


def test_a_partial_file_fails_and_the_whole_one_comes_late(house):
    house.sessions(4)
    house.put(THURSDAY, daily_bytes(numbers(4, range(9))))
    house.backfill(SUNDAY, THURSDAY)
    partial = house.read(runs.newest_of, DAILY, THURSDAY)
    house.session(FRIDAY, 4)
    house.run(FRIDAY)

    assert (partial["error_type"], partial["verdict"], partial["rows"]) == ("PartialFile", Verdict.FAILED, 9)
    assert partial["evidence"]
    assert (house.date(THURSDAY).verdict, house.date(THURSDAY).rows) == (Verdict.SESSION, 120)


def test_a_trading_days_file_that_holds_the_day_before_is_booked_there(week):
    week.session(NEXT_MONDAY, 5)  # Sunday's numbers under Monday's name
    week.backfill(NEXT_SUNDAY, NEXT_MONDAY)

    assert week.date(NEXT_SUNDAY).verdict is Verdict.SESSION
    monday = week.date(NEXT_MONDAY)
    assert (monday.verdict, monday.session_date) == (Verdict.MISSING, NEXT_SUNDAY)
    assert "has not come" in monday.reason


def test_when_the_days_own_numbers_come_after_all_the_late_session_stays(week):
    week.session(NEXT_MONDAY, 5)
    week.backfill(NEXT_SUNDAY, NEXT_MONDAY)
    week.session(NEXT_MONDAY, 6)
    run = week.run(NEXT_MONDAY)

    assert (run["session_date"], run["outcome"]) == (NEXT_MONDAY, Outcome.LOADED)
    assert [week.date(day).verdict for day in (NEXT_SUNDAY, NEXT_MONDAY)] == [Verdict.SESSION, Verdict.SESSION]
    assert week.accepted()[-2:] == [NEXT_SUNDAY, NEXT_MONDAY]
    assert gold_is_what_a_rebuild_makes(week)


def unclear(week: House) -> House:
    """Publish on a Friday, after a week without files, numbers half of which follow the last session."""
    rows = numbers(5)
    week.put(NEXT_FRIDAY, daily_bytes([[*row[:9], f"{float(row[9]) * 2:.2f}", *row[10:]] for row in rows][:60] + rows[60:]))
    assert week.run(NEXT_FRIDAY)["error_type"] == "UnbookedFile"
    return week


def test_a_file_that_may_be_one_of_several_sessions_waits_for_a_person(week):
    run = unclear(week).read(runs.newest_of, DAILY, NEXT_FRIDAY)

    assert (run["status"], run["verdict"]) == (RunStatus.FAILED, Verdict.FAILED)
    assert "Book it by hand" in run["reason"]
    assert week.accepted() == days_from(SUNDAY, 5)


def test_a_person_books_the_file_and_the_session_says_who(week):
    run = unclear(week).run(NEXT_FRIDAY, book_to=NEXT_MONDAY)

    assert (run["status"], run["session_date"]) == (RunStatus.SUCCEEDED, NEXT_MONDAY)
    assert week.read(sessions.one, NEXT_MONDAY)["booked_by"] == "test"
    assert week.date(NEXT_MONDAY).verdict is Verdict.SESSION
    assert week.date(NEXT_FRIDAY).verdict is Verdict.NO_SESSION
    assert any(item["name"] == "booking" for item in run["evidence"])


def test_a_booking_stands_when_the_date_is_run_again_without_one(week):
    unclear(week).run(NEXT_FRIDAY, book_to=NEXT_MONDAY)
    again = week.run(NEXT_FRIDAY)

    assert (again["session_date"], again["outcome"]) == (NEXT_MONDAY, Outcome.UNCHANGED)
    assert week.read(sessions.one, NEXT_MONDAY)["booked_by"] == "test"


@pytest.mark.parametrize(("first", "second"), [(NEXT_SUNDAY, NEXT_TUESDAY), (NEXT_TUESDAY, NEXT_SUNDAY)])
def test_booking_elsewhere_moves_the_session_and_its_gold_is_what_a_rebuild_makes(week, first, second):
    week.session(NEXT_MONDAY, 6)
    week.session(NEXT_TUESDAY + timedelta(days=1), 8)
    unclear(week).run(NEXT_FRIDAY, book_to=first)
    week.run(NEXT_MONDAY, book_to=NEXT_MONDAY)
    week.run(NEXT_TUESDAY + timedelta(days=1), book_to=NEXT_TUESDAY + timedelta(days=1))
    moved = week.run(NEXT_FRIDAY, book_to=second)

    assert (moved["outcome"], moved["session_date"]) == (Outcome.LOADED, second)
    assert week.accepted()[5:] == [*sorted([second, NEXT_MONDAY]), NEXT_TUESDAY + timedelta(days=1)]
    assert first not in served_sessions(week)
    assert week.read(lake.current, "silver", first) is None
    assert len(week.read(lake.versions, "silver", first)) == 1
    assert gold_is_what_a_rebuild_makes(week)


def test_after_a_booking_has_moved_a_cold_process_goes_on_with_the_right_features(week):
    unclear(week).run(NEXT_FRIDAY, book_to=NEXT_SUNDAY)  # the first of its week: its feature state is stored
    week.run(NEXT_FRIDAY, book_to=NEXT_TUESDAY)
    week.restart()
    week.session(NEXT_FRIDAY + timedelta(days=2), 9)
    week.run(NEXT_FRIDAY + timedelta(days=2), book_to=NEXT_FRIDAY + timedelta(days=2))

    assert gold_is_what_a_rebuild_makes(week)


def test_an_unknown_layout_fails_naming_the_columns_and_its_bytes_stay(week):
    content = daily_bytes(numbers(5), header=V1.replace("Close,", "Closing Price,", 1).split(","))
    week.put(NEXT_SUNDAY, content)
    run = week.run(NEXT_SUNDAY)

    assert (run["status"], run["error_type"], run["error_stage"]) == (RunStatus.FAILED, "UnknownLayout", "parsed")
    assert "'Closing Price'" in run["reason"]
    assert "'Close'" in run["reason"]
    assert week.runtime.lake.read_bytes(week.read(lake.current, "bronze", NEXT_SUNDAY)) == content


def test_a_torn_file_fails_and_its_bytes_stay(week):
    content = daily_bytes(numbers(5))[:-700]
    week.put(NEXT_SUNDAY, content)
    run = week.run(NEXT_SUNDAY)

    assert (run["error_type"], run["verdict"]) == ("UnreadableFile", Verdict.FAILED)
    assert week.runtime.lake.read_bytes(week.read(lake.current, "bronze", NEXT_SUNDAY)) == content
    assert statuses(week, run["id"])["silver"] == StageStatus.UPSTREAM_FAILED


def test_a_file_that_cannot_be_used_is_not_tried_again(week):
    week.put(NEXT_SUNDAY, b"")
    run = week.run(NEXT_SUNDAY)

    assert [row["number"] for row in week.read(runs.attempts_of, run["id"])] == [1]


def corrected(number: int) -> bytes:
    """Return the file of a session with another volume, and turnover, of its first symbol."""
    rows = numbers(number)
    rows[0][8], rows[0][10] = "77,777", f"{77_777 * float(rows[0][7]):,.2f}"
    return daily_bytes(rows)


def test_changed_input_makes_a_new_version_and_keeps_the_old(week):
    before = week.read(lake.current, "silver", TUESDAY)
    week.put(TUESDAY, corrected(2))
    run = week.run(TUESDAY)

    versions = week.read(lake.versions, "silver", TUESDAY)
    assert run["outcome"] == Outcome.REPLACED
    assert [(row["is_current"], row["run_id"]) for row in versions] == [(True, run["id"]), (False, 3)]
    assert week.runtime.lake.holds(before)
    assert max(row[10] for row in week.prices() if row[0] == TUESDAY) == 77_777
    assert gold_is_what_a_rebuild_makes(week)


def test_changed_input_of_an_old_session_changes_the_gold_behind_it(week):
    later = week.read(lake.current, "gold", THURSDAY)
    rows = numbers(1)
    rows[0][6] = "150.00"
    week.put(MONDAY, daily_bytes(rows))
    week.run(MONDAY)

    assert week.read(lake.current, "gold", THURSDAY).sha256 != later.sha256
    assert gold_is_what_a_rebuild_makes(week)


def test_the_same_input_again_writes_nothing_and_says_so(week):
    catalog, prices, before = week.catalog(), week.prices(), week.date(WEDNESDAY)
    run = week.run(WEDNESDAY)

    assert (run["status"], run["outcome"]) == (RunStatus.SUCCEEDED, Outcome.UNCHANGED)
    assert run["reason"] == before.reason
    assert week.catalog() == catalog
    assert week.prices() == prices
    assert sum(row["bytes_written"] or 0 for row in week.read(runs.stages_of, run["id"])) == 0


def test_every_date_again_writes_nothing(week):
    catalog, prices = week.catalog(), week.prices()
    week.restart()
    week.backfill(SUNDAY, FRIDAY, mode=BackfillMode.ALL)

    assert week.catalog() == catalog
    assert week.prices() == prices


def test_a_rerun_from_a_stage_takes_over_what_the_stages_before_made(week):
    first = week.read(runs.newest_of, DAILY, WEDNESDAY)
    run = week.rerun(first["id"], from_stage="gold")

    reused = {row["stage"]: row["reused_from"] for row in week.read(runs.stages_of, run["id"])}
    assert [stage for stage, origin in reused.items() if origin == first["id"]] == ["check_source", "bronze", "parsed", "quality", "silver"]
    assert [stage for stage, origin in reused.items() if origin is None] == ["gold", "loaded", "report"]
    assert (run["outcome"], run["verdict"], run["rerun_of"]) == (Outcome.UNCHANGED, Verdict.SESSION, first["id"])


def test_sessions_that_come_newest_first_and_with_gaps_give_the_same_gold(house, tmp_path):
    order = [11, 4, 8, 1, 9, 0, 2, 10, 7, 3]  # days of a fortnight, none of them closed
    other = House(tmp_path / "other")
    for number, day in enumerate(sorted(order)):
        for home in (house, other):
            home.session(SUNDAY + timedelta(days=day), number)
    for day in order:
        house.run(SUNDAY + timedelta(days=day), book_to=SUNDAY + timedelta(days=day))
    other.backfill(SUNDAY, SUNDAY + timedelta(days=13))

    assert house.accepted() == other.accepted() == [SUNDAY + timedelta(days=day) for day in sorted(order)]
    for dataset in ("silver", "gold", "feature_state"):
        found = {key: sha for key, sha in house.lake_content().items() if key[0] == dataset}
        assert found == {key: sha for key, sha in other.lake_content().items() if key[0] == dataset}
    assert house.prices() == other.prices()
    assert gold_is_what_a_rebuild_makes(house)


def test_the_feature_state_is_stored_once_a_week(week):
    for number, day in enumerate(days_from(NEXT_SUNDAY, 5), start=5):
        week.session(day, number)
    week.backfill(NEXT_SUNDAY, NEXT_FRIDAY)

    # An ISO week begins on Monday, so that the very first session has a week of its own.
    assert [version.partition for version in week.read(lake.snapshot, "feature_state")] == [SUNDAY, MONDAY, NEXT_MONDAY]


def test_a_cold_process_goes_on_bit_for_bit(week, tmp_path):
    warm = House(tmp_path / "warm", source=week.source)
    for number, day in enumerate(days_from(NEXT_SUNDAY, 5), start=5):
        week.session(day, number)
        week.restart()
        week.run(day)
    warm.backfill(SUNDAY, NEXT_FRIDAY)

    assert {key: sha for key, sha in week.lake_content().items() if key[0] == "gold"} == {
        key: sha for key, sha in warm.lake_content().items() if key[0] == "gold"
    }


def test_stored_states_that_were_lost_are_replayed_from_the_first_session(week, monkeypatch):
    monkeypatch.setattr(carry, "MOST_REPLAYED", 2)
    with week.runtime.database.transaction() as connection:
        for version in lake.snapshot(connection, "feature_state"):
            lake.withdraw(connection, "feature_state", version.partition, at=week.clock.now())
    week.restart()
    week.session(NEXT_SUNDAY, 5)
    week.run(NEXT_SUNDAY)
    gold = {key: sha for key, sha in week.lake_content().items() if key[0] == "gold"}
    rebuild_gold(week.runtime, publish=True)

    assert {key: sha for key, sha in week.lake_content().items() if key[0] == "gold"} == gold
    assert gold_is_what_a_rebuild_makes(week)


def test_rows_that_cannot_be_read_are_kept_and_counted(week):
    rows = numbers(5)
    rows[3][8] = "many"
    rows.append(rows[5])
    week.put(NEXT_SUNDAY, daily_bytes(rows))
    run = week.run(NEXT_SUNDAY)

    rejected = week.table("rejected", NEXT_SUNDAY).to_pylist()
    assert [(row["symbol"], row["defect"]) for row in rejected] == [("S003", "not_a_number"), ("S005", "duplicate")]
    measured = {row["name"]: row["value"] for row in week.read(metrics.of_run, run["id"])}
    assert (measured["quarantined_rows"], measured["duplicate_rows"]) == (1, 1)
    assert (run["status"], run["rows"]) == (RunStatus.SUCCEEDED, 119)


def test_a_mended_file_has_no_rejected_rows_any_more(week):
    rows = numbers(5)
    rows[3][8] = "many"
    week.put(NEXT_SUNDAY, daily_bytes(rows))
    week.run(NEXT_SUNDAY)
    week.session(NEXT_SUNDAY, 5)
    week.run(NEXT_SUNDAY)

    assert week.read(lake.current, "rejected", NEXT_SUNDAY) is None
    assert len(week.read(lake.versions, "rejected", NEXT_SUNDAY)) == 1


def test_the_report_measures_the_session(week):
    run = week.read(runs.newest_of, DAILY, TUESDAY)
    measured = {row["name"]: row["value"] for row in week.read(metrics.of_run, run["id"])}
    table = week.table("silver", TUESDAY)

    assert measured["rows"] == 120
    assert measured["turnover"] == float(sum(table["turnover"].to_pylist()))
    assert measured["advancing"] + measured["declining"] <= 120
    returns = sorted(value for value in week.table("gold", TUESDAY)["log_return"].to_pylist() if value is not None)
    assert measured["log_return_p50"] == pytest.approx(100 * returns[(len(returns) + 1) // 2 - 1])
    assert measured["log_return_p05"] <= measured["log_return_p50"] <= measured["log_return_p95"]
    assert "empty_last_price" not in measured  # this layout has no such column


@pytest.mark.parametrize(("empty", "status"), [(6, RunStatus.SUCCEEDED), (30, RunStatus.FAILED)])
def test_how_many_cells_of_a_column_are_empty_is_measured_also_of_a_file_that_the_gate_holds_back(empty, status, week):
    rows = numbers(5)
    for row in rows[:empty]:
        row[7] = "-"  # the average price
    week.put(NEXT_SUNDAY, daily_bytes(rows))
    run = week.run(NEXT_SUNDAY)
    measured = {row["name"]: (row["value"], row["unit"]) for row in week.read(metrics.of_run, run["id"])}

    assert run["status"] == status
    assert measured["empty_vwap"] == (100 * empty / 120, "%")
    assert measured["empty_close"] == (0.0, "%")


def test_a_file_that_turns_into_a_repeat_takes_its_own_session_out(week):
    week.session(THURSDAY, 3)  # the exchange was closed after all: Thursday's file now repeats Wednesday
    week.run(THURSDAY)

    assert week.accepted() == days_from(SUNDAY, 4)
    assert week.date(THURSDAY).verdict is Verdict.NO_SESSION
    assert THURSDAY not in served_sessions(week)
    assert gold_is_what_a_rebuild_makes(week)


def test_a_session_stays_accepted_while_a_changed_file_cannot_be_used(week):
    week.put(TUESDAY, gzip.compress(b"nothing"))
    run = week.run(TUESDAY)

    assert run["status"] == RunStatus.FAILED
    assert TUESDAY in week.accepted()
    assert week.date(TUESDAY).verdict is Verdict.FAILED
