"""The gate of `daily_prices`: bad rows are set aside and kept, good ones go on, a session that is bad as a whole waits for a person."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.pipelines.daily_prices import daily_prices
from storage import dead_letters, lake, quality, runs, sessions, thresholds
from storage.dead_letters import LetterFilter
from storage.status import CheckStatus, GateVerdict, Label, LetterState, Outcome, RunStatus, Verdict
from tests.pipelines.house import DAILY, HIGH, LOW, SUNDAY, House, crossed, daily_bytes, numbers

NEXT_SUNDAY, NEXT_MONDAY = SUNDAY + timedelta(days=7), SUNDAY + timedelta(days=8)
SYMBOL, CLOSE, PREVIOUS = 1, 6, 9
OWN_DATE = "The session of its own date: 120 symbols, 3,000 trades."  # what the rows say, whatever became of the session


def published(house: House, rows: list[list[str]]) -> Any:
    """Publish next Sunday's session and run it."""
    house.put(NEXT_SUNDAY, daily_bytes(rows))
    return house.run(NEXT_SUNDAY)


def letters(house: House, **chosen: Any) -> list[Any]:
    return list(reversed(house.read(dead_letters.page, LetterFilter(**chosen))))


def results(house: House, run: Any) -> dict[str, Any]:
    return {row["check_id"]: row for row in house.read(quality.results_of, run["id"])}


@pytest.fixture
def one_bad(week: House) -> Any:
    """The run of a session with one row whose high is below its low."""
    return published(week, crossed(numbers(5), 7))


def test_a_bad_row_is_set_aside_and_the_others_are_served(week, one_bad):
    served = [row[1] for row in week.prices() if row[0] == NEXT_SUNDAY]

    assert (one_bad["status"], one_bad["outcome"]) == (RunStatus.SUCCEEDED, Outcome.LOADED)
    assert len(served) == 119
    assert "S007" not in served
    assert week.table("silver", NEXT_SUNDAY).num_rows == week.table("gold", NEXT_SUNDAY).num_rows == 119


def test_what_was_set_aside_is_kept_with_its_raw_line_its_rule_and_its_values(week, one_bad):
    (letter,) = letters(week)
    whole = week.read(dead_letters.one, letter["id"])

    assert (letter["state"], letter["line"], letter["symbol"], letter["reason"]) == (LetterState.OPEN, 9, "S007", "high_not_below_low")
    assert bytes(whole["raw"]).decode().split(",")[SYMBOL] == "S007"
    assert whole["parsed"]["symbol"] == "S007"
    assert whole["checks"][0]["observed"] < whole["checks"][0]["bound"]
    assert week.table("quarantine", NEXT_SUNDAY)["line"].to_pylist() == [9]


def test_every_line_is_accounted_for(week):
    rows = crossed(numbers(5), 7)
    rows[3][8] = "many"
    run = published(week, [*rows[:60], rows[5], *rows[60:]])
    report = week.read(quality.report_of, run["id"])
    parts = {name: report[name] for name in ("physical", "header", "blank", "loaded", "quarantined", "duplicates")}

    assert parts == {"physical": 122, "header": 1, "blank": 0, "loaded": 118, "quarantined": 2, "duplicates": 1}
    assert [(letter["symbol"], letter["reason"]) for letter in letters(week)] == [
        ("S003", "not_a_number"),
        ("S007", "high_not_below_low"),
    ]


def test_a_warned_row_passes_with_a_flag(week):
    rows = numbers(5)
    rows[7][12] = "9.99"  # the published change
    run = published(week, rows)
    report, result = week.read(quality.report_of, run["id"]), results(week, run)["change_matches"]

    assert (report["verdict"], report["warned"], report["quarantined"]) == (GateVerdict.FLAGGED, 1, 0)
    assert (result["status"], result["warned"], result["sample"][0]["symbol"]) == (CheckStatus.WARNED, 1, "S007")
    assert [row[1] for row in week.prices() if row[0] == NEXT_SUNDAY].count("S007") == 1


def test_a_value_that_is_missing_does_not_pass_in_silence(week):
    rows = numbers(5)
    rows[7][3] = "-"
    run = published(week, rows)

    assert [letter["reason"] for letter in letters(week)] == ["values_present"]
    assert results(week, run)["open_inside_range"]["applicable"] == 119


def replaced(monkeypatch: pytest.MonkeyPatch, stage: str, function: Any) -> Any:
    """Put another function in the place of a stage's; return the one that it had."""
    own = daily_prices.stages[stage]
    monkeypatch.setitem(daily_prices.stages, stage, replace(own, function=function, attempts=1))
    return own.function


def test_what_was_set_aside_stands_before_anything_good_is_written(week, monkeypatch):
    def dies(**_inputs: Any) -> None:
        raise RuntimeError("killed here")

    replaced(monkeypatch, "silver", dies)
    run = published(week, crossed(numbers(5), 7))

    assert (run["status"], run["error_stage"]) == (RunStatus.FAILED, "silver")
    assert [letter["symbol"] for letter in letters(week)] == ["S007"]
    assert week.table("quarantine", NEXT_SUNDAY).num_rows == 1
    assert week.read(lake.current, "silver", NEXT_SUNDAY) is None


def test_the_same_file_again_doubles_no_letter_and_writes_nothing(week, one_bad):
    catalog = week.catalog()
    again = week.run(NEXT_SUNDAY)

    assert again["outcome"] == Outcome.UNCHANGED
    assert week.catalog() == catalog
    assert len(letters(week)) == 1


@pytest.fixture
def blocked(week: House) -> Any:
    """The run of a session of which a tenth is bad."""
    return published(week, crossed(numbers(5), *range(12)))


def test_a_session_of_which_too_much_is_bad_waits_for_a_person(week, blocked):
    report = week.read(quality.report_of, blocked["id"])

    assert (blocked["status"], blocked["error_type"], blocked["verdict"]) == (RunStatus.FAILED, "SessionBlocked", Verdict.FAILED)
    assert "12 of 120 lines (10.0 %) are set aside, more than the 5 % of gate.block_above" in blocked["error_message"]
    assert (report["verdict"], len(letters(week))) == (GateVerdict.BLOCKED, 12)
    assert NEXT_SUNDAY not in week.accepted()


def test_an_approved_session_passes_without_its_bad_rows_and_says_who(week, blocked):
    submitted = week.services.approve(blocked["id"], reason="the debentures of that day are known to be wrong")
    week.work()
    run, report = week.found(submitted.run_id), week.read(quality.report_of, submitted.run_id)

    assert (run["status"], run["outcome"], run["from_stage"]) == (RunStatus.SUCCEEDED, Outcome.LOADED, "quality")
    assert (report["verdict"], report["approved_by"], report["quarantined"]) == (GateVerdict.FLAGGED, "test", 12)
    assert (run["verdict"], run["session_date"], run["reason"]) == (Verdict.SESSION, NEXT_SUNDAY, OWN_DATE)
    assert (week.date(NEXT_SUNDAY).verdict, week.date(NEXT_SUNDAY).reason) == (Verdict.SESSION, run["reason"])
    assert week.read(sessions.one, NEXT_SUNDAY)["rows"] == 108
    assert {letter["state"] for letter in letters(week)} == {LetterState.OPEN}


def test_a_rejected_session_stays_out(week, blocked):
    week.services.reject(blocked["id"], reason="half a file")

    assert NEXT_SUNDAY not in week.accepted()
    assert week.run(NEXT_SUNDAY)["error_type"] == "SessionBlocked"


@pytest.mark.parametrize("stage", ["silver", "gold", "loaded", "report"])
def test_a_rerun_from_the_stage_that_failed_makes_the_date_a_session(week, monkeypatch, stage):
    def dies(**_inputs: Any) -> None:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patched:
        replaced(patched, stage, dies)
        failed = published(week, numbers(5))
    run = week.rerun(failed["id"], from_stage=stage)

    assert (failed["verdict"], run["verdict"], week.date(NEXT_SUNDAY).verdict) == (Verdict.FAILED, Verdict.SESSION, Verdict.SESSION)
    assert "killed" not in week.date(NEXT_SUNDAY).reason


def test_a_replay_counts_as_a_try_of_the_letters_that_were_asked_for_alone(week):
    published(week, crossed(numbers(5), 7, 8))
    first, second = letters(week)
    for _ in range(2):
        week.services.replay_letters([first["id"]])
        week.work()

    assert {letter["id"]: letter["tries"] for letter in letters(week)} == {first["id"]: 2, second["id"]: 0}


def test_a_file_letter_is_closed_when_the_session_comes_with_another_file(week):
    week.put(NEXT_SUNDAY, b"not a table")
    week.run(NEXT_SUNDAY)
    before = [letter["state"] for letter in letters(week)]
    week.session(NEXT_MONDAY, 5)
    run = week.run(NEXT_MONDAY, book_to=NEXT_SUNDAY)

    assert (before, run["session_date"]) == ([LetterState.OPEN], NEXT_SUNDAY)
    assert [(letter["state"], letter["resolved_run_id"]) for letter in letters(week)] == [(LetterState.REPLAYED, run["id"])]


def test_a_session_behind_a_blocked_one_goes_on(week, blocked):
    week.session(NEXT_MONDAY, 6)

    assert week.run(NEXT_MONDAY)["status"] == RunStatus.SUCCEEDED


def test_a_corrected_row_is_in_the_session_as_a_new_version(week, one_bad):
    before = week.read(lake.current, "silver", NEXT_SUNDAY)
    (letter,) = letters(week)
    cells = bytes(week.read(dead_letters.one, letter["id"])["raw"]).decode().split(",")
    cells[HIGH] = f"{float(cells[LOW]) + 2:.2f}"
    submitted = week.services.edit_and_replay(letter["id"], ",".join(cells))
    week.work()

    assert week.found(submitted.run_id)["outcome"] == Outcome.REPLACED
    assert week.read(sessions.one, NEXT_SUNDAY)["rows"] == 120
    assert letters(week)[0]["state"] == LetterState.EDITED
    assert week.read(lake.current, "quarantine", NEXT_SUNDAY) is None
    assert week.runtime.lake.holds(before)


def test_a_finding_that_a_person_calls_a_false_alarm_passes_the_next_time(week):
    rows = numbers(5)
    rows[7][HIGH] = rows[7][CLOSE] = rows[7][3] = f"{float(rows[7][PREVIOUS]) * 1.2:.2f}"
    run = published(week, rows)
    week.services.label(NEXT_SUNDAY, "S007", "price_band", Label.FALSE_ALARM, run["id"])
    again = week.rerun(run["id"], from_stage="quality")

    assert results(week, run)["price_band"]["failed"] == 1
    assert (results(week, again)["price_band"]["failed"], results(week, again)["price_band"]["explained"]) == (0, 1)
    assert week.read(sessions.one, NEXT_SUNDAY)["rows"] == 120
    assert letters(week)[0]["state"] == LetterState.REPLAYED


def test_a_turned_threshold_lets_the_row_through_when_its_date_is_run_again(week):
    rows = numbers(5)
    rows[7][HIGH] = rows[7][CLOSE] = f"{float(rows[7][PREVIOUS]) * 1.12:.2f}"
    first = published(week, rows)
    version = week.services.set_threshold("price_band.error_above", 5, reason="a wider band while the rule is being revised")
    again = week.rerun(first["id"], from_stage="quality")

    assert [(row["failed"], row["error_above"]) for row in (results(week, run)["price_band"] for run in (first, again))] == [
        (1, 0.05),
        (0, 5.0),
    ]
    assert week.read(quality.report_of, again["id"])["threshold_version"] == again["threshold_version"] == version
    assert results(week, first)["price_band"]["fingerprint"] != results(week, again)["price_band"]["fingerprint"]
    assert week.read(sessions.one, NEXT_SUNDAY)["rows"] == 120


def test_a_run_is_judged_by_the_thresholds_that_it_was_claimed_with(week, monkeypatch):
    def parse_and_turn(**inputs: Any) -> Any:
        week.services.set_threshold("gate.block_above", 50, reason="while a run is held")
        return parsed(**inputs)

    parsed = replaced(monkeypatch, "parsed", parse_and_turn)
    run = published(week, crossed(numbers(5), *range(12)))

    assert (run["threshold_version"], run["error_type"]) == (0, "SessionBlocked")
    assert week.read(thresholds.version) > 0


def test_a_session_that_is_booked_elsewhere_leaves_no_findings_behind(week, one_bad):
    week.run(NEXT_SUNDAY, book_to=NEXT_SUNDAY - timedelta(days=2))

    assert week.read(lake.current, "findings", NEXT_SUNDAY) is None
    assert week.read(lake.current, "quarantine", NEXT_SUNDAY) is None


def test_the_newest_run_of_the_date_has_a_row_for_every_check(week, one_bad):
    run = week.read(runs.newest_of, DAILY, NEXT_SUNDAY)
    found = results(week, run)

    assert found["control_totals"]["status"] == CheckStatus.NOT_APPLICABLE
    assert found["control_totals"]["reason"] == f"no totals were published for {NEXT_SUNDAY}"
    assert found["price_band"]["status"] == CheckStatus.PASSED
    assert found["high_not_below_low"]["status"] == CheckStatus.FAILED
