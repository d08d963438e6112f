"""Each rule finds what is wrong, names its cause, and finds nothing once that is over."""

from datetime import timedelta

import pytest

from engine.alerts.evaluation import ALERT_RULES
from engine.clock import nepal_date, nepal_time
from engine.drifting import blank
from engine.errors import SourceUnavailable
from engine.pipeline.guard import Breaker
from engine.pipelines import PIPELINES
from storage import breakers, costs, drift, jobs, marks, notifications, runners, schedules, speed_layer
from storage.status import AlertSeverity, CostPurpose, CostWork, DriftCause, DriftLabel, GateVerdict, JobOutcome, RunType, SlotOutcome
from tests.conftest import REPOSITORY
from tests.pipelines.house import DAILY, SUNDAY, crossed, daily_bytes, numbers

NEXT = SUNDAY + timedelta(days=7)
ALERT = {"key": "an alert", "session": SUNDAY, "rule": "moving_average", "symbol": "NABIL", "state": "firing", "began_us": 1, "fired_us": 1}
ALERT |= {"score": 6.0, "bound": 5.0, "contract": 1, "rate_paisa": 50_000, "suppressed": 0, "members": 0}


@pytest.fixture
def house(watched, free):
    watched.house.clock.at = nepal_time(NEXT, 20)  # a week later, in the evening
    return watched.house


def slot(house, outcome: SlotOutcome, **values) -> None:
    row = {"pipeline": DAILY, "day": NEXT, "due_at": nepal_time(NEXT, 18), "outcome": outcome, "reason": "no file", "run_id": None}
    with house.runtime.database.transaction() as connection:
        schedules.ensure(connection, DAILY, since=NEXT)
        schedules.write_slots(connection, [row | {"updated_at": house.clock.now()} | values])


@pytest.mark.parametrize("rule", ALERT_RULES.values(), ids=lambda rule: rule.name)
def test_every_rule_says_what_it_means_and_leads_to_a_page_that_is_there(rule):
    assert rule.says.endswith(".")
    assert (REPOSITORY / "pages" / f"{rule.page}.py").is_file()
    assert f"`{rule.name}`" in (REPOSITORY / "docs" / "monitoring.md").read_text(encoding="utf-8")


def test_a_failed_run_names_its_date_and_run_until_it_is_mended(watched, house):
    house.put(NEXT, b"no file of the exchange")
    run = house.run(NEXT)
    watched.look()
    found = watched.open()["run_failed"]
    house.session(NEXT, 5)
    house.run(NEXT)
    watched.look()

    assert (found["title"], found["page"], found["query"]) == (f"{DAILY} of {NEXT} failed", "run", {"id": str(run["id"])})
    assert found["severity"] == AlertSeverity.ERROR
    assert "run_failed" not in watched.open()


def test_a_blocked_session_says_once_of_which_date_it_is_and_what_was_wrong(watched, house):
    house.put(NEXT, daily_bytes(crossed(numbers(5), *range(40))))
    house.run(NEXT)
    watched.look()
    found = watched.open()["session_blocked"]

    assert found["title"] == f"{DAILY} of {NEXT} is blocked"
    assert found["detail"].startswith("40 of 120 lines (33.3 %) are set aside")


def test_a_session_that_never_came_is_told_also_where_no_schedule_had_promised_it(watched, house):
    house.announce({NEXT: True})
    house.clock.advance(timedelta(days=1))
    run = house.run(NEXT)
    watched.look()

    assert watched.open()["run_failed"]["query"] == {"id": str(run["id"])}
    slot(house, SlotOutcome.SOURCE_EMPTY)
    watched.look()
    assert set(watched.open()) & {"run_failed", "session_late"} == {"session_late"}
    slot(house, SlotOutcome.SOURCE_EMPTY, run_id=run["id"])
    watched.look()
    assert (watched.open()["session_late"]["page"], watched.open()["session_late"]["query"]) == ("run", {"id": str(run["id"])})


def test_a_session_that_has_drifted_is_told_until_a_person_says_what_it_was(watched, house):
    report = blank() | {"session": NEXT, "cause": DriftCause.ALARM, "headline": "Rows: far fewer.", "explained": {"rows": {}}}
    report |= {"basis": None, "run_id": 1, "alarms_per_month": 1.0, "threshold_version": 0, "reported_at": house.clock.now()}
    with house.runtime.database.transaction() as connection:
        drift.write_report(connection, report)
    watched.look()
    found = watched.open()["drift_alarm"]
    house.services.label_drift(NEXT, DriftLabel.MARKET, reason="a quiet day")
    watched.look()

    assert (found["title"], found["detail"]) == (f"The session of {NEXT} has drifted", "Rows: far fewer.")
    assert (found["page"], found["query"]) == ("drift", {"session": str(NEXT)})
    assert "drift_alarm" not in watched.open()


def test_a_session_past_its_deadline_is_late_until_it_is_loaded(watched, house):
    slot(house, SlotOutcome.SOURCE_EMPTY)
    watched.look()

    assert watched.open()["session_late"]["title"] == f"{DAILY} of {NEXT} is late"
    assert watched.open()["session_late"]["detail"] == "It was to be loaded by 19:00 Nepal time: no file"
    house.session(NEXT, 5)
    house.run(NEXT)
    watched.look()
    assert "session_late" not in watched.open()


def test_a_slot_that_passed_without_a_runner_is_told_even_when_it_was_caught_up_at_once(watched, house):
    house.session(NEXT, 5)
    with house.runtime.database.transaction() as connection:
        number = house.services._queue(connection, PIPELINES[DAILY], NEXT, RunType.CATCHUP).run_id
    house.work()
    slot(house, SlotOutcome.LATE, run_id=number)
    watched.look()

    assert watched.open()["slot_missed"]["detail"] == f"Run {number} catches it up."
    house.clock.advance(timedelta(hours=2))
    watched.look()
    assert "slot_missed" not in watched.open()


def test_an_open_circuit_is_told_with_its_reason_until_it_closes(watched, house):
    for _ in range(4):
        Breaker(house.runtime.database, house.clock, "files").failed(0, SourceUnavailable("no answer"))
    watched.look()

    assert watched.open()["circuit_open"]["subject"] == "files"
    house.services.reset_breaker("files", reason="mended")
    watched.look()
    assert "circuit_open" not in watched.open()
    assert house.read(breakers.every)[0]["state"] == "closed"


def test_a_backup_that_does_not_come_is_overdue(watched, free):
    watched.house.settings = watched.house.settings.model_copy(update={"backup_minutes": 15})
    watched.house.restart()
    watched.evaluator.runtime = watched.house.runtime
    watched.house.clock.advance(timedelta(hours=1))
    watched.look()

    assert watched.open()["backup_overdue"]["page"] == "safety"


def test_a_backup_that_came_due_while_the_machine_was_off_is_overdue_only_when_its_runner_does_not_make_it(watched, free):
    house = watched.house
    house.settings = house.settings.model_copy(update={"backup_minutes": 15})
    house.restart()
    watched.evaluator.runtime = house.runtime
    house.clock.advance(timedelta(hours=9))
    start = house.clock.now()
    with house.runtime.database.transaction() as connection:
        runners.add(connection, id="morning", host="h", pid=1, started_at=start, heartbeat_at=start, beats=0, scheduling=True)
    watched.look()
    at_start = "backup_overdue" in watched.open()
    house.clock.advance(timedelta(minutes=11))
    with house.runtime.database.transaction() as connection:
        runners.beat(connection, "morning", at=house.clock.now(), run_id=None)
    watched.look()

    assert (at_start, "backup_overdue" in watched.open()) == (False, True)


def test_a_backup_of_nothing_new_is_not_overdue_nor_is_one_the_moment_something_is_written(watched, house, tmp_path):
    house.settings = house.settings.model_copy(update={"backup_minutes": 15})
    house.restart()
    watched.evaluator.runtime = house.runtime
    with house.runtime.database.transaction() as connection:
        number = jobs.request(connection, "backup", by="test", at=house.clock.now())
        mark = marks.newest(connection).as_json()
    jobs.claim(house.runtime.database, holder="x", at=house.clock.now(), only=number)
    with house.runtime.database.transaction() as connection:
        ended = {"outcome": JobOutcome.SUCCEEDED, "at": house.clock.now(), "message": "done"}
        jobs.finish(connection, number, holder="x", figures={"mark": mark, "backup": str(tmp_path)}, **ended)
    overdue = []
    for minutes in (600, 1, 10):
        house.clock.advance(timedelta(minutes=minutes))
        watched.look()
        overdue.append("backup_overdue" in watched.open())
        if minutes == 600:
            house.services.run(DAILY, NEXT)  # the first write since

    assert overdue == [False, False, True]


def test_a_job_that_failed_is_told_with_what_it_said(watched, house):
    with house.runtime.database.transaction() as connection:
        number = jobs.request(connection, "drill", by="test", at=house.clock.now())
    jobs.claim(house.runtime.database, holder="x", at=house.clock.now(), only=number)
    with house.runtime.database.transaction() as connection:
        ended = {"outcome": JobOutcome.FAILED, "at": house.clock.now(), "figures": {}, "message": "two files differ"}
        jobs.finish(connection, number, holder="x", **ended)
    watched.look()

    assert watched.open()["job_failed"]["detail"] == "two files differ"


@pytest.mark.parametrize(
    ("before", "last", "sessions", "told"),
    [
        (10, 16, 30, True),  # of 1,000 rows flagged: more than one and a half times as many
        (10, 15, 30, False),
        (1, 3, 30, False),  # three times as many, and 0.2 % of the rows: nobody would see it
        (10, 16, 19, False),  # too few sessions to say so
    ],
)
def test_quality_gets_worse_where_many_more_rows_are_flagged_than_before(watched, monkeypatch, before, last, sessions, told):
    rows = [
        {"loaded": 1_000, "quarantined": 0, "warned": last if at >= sessions - 10 else before, "verdict": GateVerdict.FLAGGED}
        for at in range(sessions)
    ]
    monkeypatch.setattr("engine.alerts.rules.quality.judged", lambda *_, **__: rows)
    watched.look()

    assert ("quality_worse" in watched.open()) is told
    if told:
        detail = "1.6 % of the rows of the last 10 sessions, 1.0 % before; 0 of them blocked."
        assert watched.open()["quality_worse"]["detail"] == detail


def test_a_time_that_passed_without_a_runner_and_that_nobody_caught_up_is_told_until_it_is(watched, house):
    slot(house, SlotOutcome.MISSED)
    watched.look()
    found = watched.open()["slot_missed"]
    slot(house, SlotOutcome.RAN)
    watched.look()

    assert (found["page"], found["detail"]) == ("pipelines", "no file")
    assert "slot_missed" not in watched.open()


def test_open_alerts_of_the_stream_are_one_alert_a_rule_and_session(watched, house):
    with house.runtime.database.transaction() as connection:
        speed_layer.set_alerts(connection, [ALERT, ALERT | {"key": "another", "symbol": "NICA"}])
    watched.look()
    found = watched.open()["stream_rule"]

    assert (found["subject"], found["detail"][:6]) == (f"moving_average {SUNDAY}", "2 open")
    for key in ("an alert", "another"):
        house.services.acknowledge_alert(key)
    watched.look()
    assert "stream_rule" not in watched.open()


def test_a_month_whose_forecast_exceeds_its_budget_is_told_before_the_money_is_spent(watched, house):
    for day in (SUNDAY, SUNDAY + timedelta(days=1)):  # on which less than the budget is spent; what the month will come to is more
        house.clock.at = nepal_time(day, 20)
        with house.runtime.database.transaction() as connection:
            spent = {"work": CostWork.RUN, "name": DAILY, "purpose": CostPurpose.FIRST, "book_id": 1, "compute_nano": 10**9}
            costs.add_to_day(connection, {"day": day, **spent})
    watched.look()
    found = watched.open()["budget_exceeded"]

    assert (found["subject"], found["title"]) == ("2024-06", "The bill of June 2024 will exceed its budget of 5.00 USD")
    assert found["detail"] == "29.00 USD by the end of June, 2.00 USD of it so far. Most of it is compute of daily_prices: 29.00 USD."
    house.services.set_threshold("cost.monthly_budget_usd", 40, reason="it is worth it")
    watched.look()
    assert "budget_exceeded" not in watched.open()


def test_a_channel_whose_last_message_was_given_up_is_told_to_the_others(watched, house):
    row = {"channel": "desk", "kind": "fired", "severity": "error", "title": "t", "body": "b"}
    with house.runtime.database.transaction() as connection:
        notifications.add(connection, key="k", at=house.clock.now(), due_at=house.clock.now(), **row)
        connection.execute(notifications.notifications.update().values(state="given_up", ended_at=house.clock.now(), note="refused"))
    watched.look()

    assert watched.open()["channel_unreachable"]["detail"] == "refused"


def test_the_daily_run_is_reported_once_to_those_who_want_it(watched, house):
    watched.channels('[[channel]]\nname = "boss"\nurl = "json://b"\nwants = ["report"]\n[[channel]]\nname = "desk"\nurl = "json://a"\n')
    house.session(NEXT, 5)
    with house.runtime.database.transaction() as connection:
        house.services._queue(connection, PIPELINES[DAILY], NEXT, RunType.SCHEDULED)
    house.work()
    watched.look()
    watched.look()

    reports = [row for row in house.read(notifications.recent) if row["kind"] == "report"]
    assert [row["channel"] for row in reports] == ["boss"]
    assert reports[0]["title"] == f"{DAILY} of {nepal_date(house.clock.now())} succeeded"
    assert "120 rows" in reports[0]["body"]
