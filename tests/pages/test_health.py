"""What is wrong right now: each fact, its place in the order, and what is no problem."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from engine.circuits import CircuitReport
from engine.clock import nepal_time
from engine.market.calendar import TradingCalendar
from engine.monitoring.deadlines import Deadline, DeadlineState
from engine.pipelines import PIPELINES
from pages.ui import format as say
from pages.ui.health import Facts, Severity, weigh
from pages.ui.views import BackfillView, Machine, ScheduleView, SlotView
from pages.ui.waiting_data import Held
from storage.dates import DateVerdict
from storage.status import BackfillMode, BackfillState, CircuitState, OnFailure, RunStatus, SlotOutcome, Verdict

TODAY = date(2025, 6, 3)  # a Tuesday; the trading week is Sunday to Thursday
NOW = nepal_time(TODAY, 20)
CALENDAR = TradingCalendar()
DAYS = [TODAY - timedelta(days=number) for number in range(20, -1, -1)]


def session(day: date) -> DateVerdict:
    return DateVerdict(day, Verdict.SESSION, RunStatus.SUCCEEDED, "a new session", day, 341, day.toordinal())


def closed(day: date) -> DateVerdict:
    return DateVerdict(day, Verdict.NO_SESSION, RunStatus.SKIPPED, "weekend", None, None, day.toordinal())


def missing(day: date, status: RunStatus | None = None) -> DateVerdict:
    return DateVerdict(day, Verdict.MISSING, status, "no run yet", None, None, day.toordinal() if status else None)


def failed(day: date, status: RunStatus = RunStatus.FAILED) -> DateVerdict:
    return DateVerdict(day, Verdict.FAILED, status, "the header was never seen", None, None, 7)


def held(day: date) -> Held:
    return Held(day, 5, "a tenth of its lines is set aside", None, None, None, None)


def facts(*changed: DateVerdict, **others) -> Facts:
    known = {day: session(day) if CALENDAR.expected(day).trading else closed(day) for day in DAYS}
    known |= {verdict.day: verdict for verdict in changed}
    accepted = [verdict.day for verdict in known.values() if verdict.verdict is Verdict.SESSION]
    calm = Facts(
        pipeline="daily_prices",
        now=NOW,
        today=TODAY,
        calendar=CALENDAR,
        due=PIPELINES["daily_prices"].due,
        verdicts=list(known.values()),
        slots=(),
        newest_session=max(accepted, default=None),
        source_span=(DAYS[0], TODAY),
        machine=Machine(heartbeat_at=NOW, runners=1, alive=1, queued=0, running=0),
        schedule=ScheduleView("daily_prices", DAYS[0], paused=False, paused_at=None, paused_by=None),
        backfill=None,
        waiting=(),
        embedded=True,
    )
    return replace(calm, **others)


def headlines(given: Facts) -> list[str]:
    return [problem.headline for problem in weigh(given).problems]


def test_when_every_date_is_as_it_should_be_nothing_is_a_problem():
    health = weigh(facts())

    assert health.problems == ()
    assert len(health.accepted) == health.sessions == 15


def test_a_closed_day_is_neither_a_success_nor_a_failure_nor_missing():
    given = facts(closed(date(2025, 6, 1)))

    assert weigh(given).sessions == 14
    assert headlines(given) == []


def test_a_failed_date_links_to_its_run():
    (problem,) = weigh(facts(failed(date(2025, 6, 1)))).problems

    assert (problem.severity, problem.headline, problem.detail) == (Severity.BAD, "Sun 1 Jun 2025 failed", "the header was never seen")
    assert (problem.page, problem.query) == ("run.py", {"id": "7"})


def test_a_failure_on_a_day_that_the_calendar_calls_closed_is_seen_too():
    assert headlines(facts(failed(date(2025, 5, 31)))) == ["Sat 31 May 2025 failed"]


def test_a_failed_date_that_runs_again_asks_for_nothing():
    health = weigh(facts(failed(date(2025, 6, 1), RunStatus.QUEUED)))

    assert [problem.severity for problem in health.problems] == [Severity.NOTE]
    assert health.failed == ()


def test_a_crash_is_seen_though_an_earlier_version_of_the_session_is_in_the_lake():
    crash = replace(session(date(2025, 6, 1)), status=RunStatus.CRASHED)

    assert headlines(facts(crash)) == ["Sun 1 Jun 2025 crashed"]


def test_freshness_counts_sessions_and_not_days():
    health = weigh(facts(missing(date(2025, 6, 1)), missing(date(2025, 6, 2)), missing(TODAY)))

    assert [verdict.day.day for verdict in health.behind] == [1, 2, 3]
    assert [problem.headline for problem in health.problems] == ["The lake is 3 sessions behind"]


@pytest.mark.parametrize(("hour", "behind"), [(17, 0), (18, 1)])
def test_a_session_counts_as_due_from_its_scheduled_time_on(hour, behind):
    assert len(weigh(facts(missing(TODAY), now=nepal_time(TODAY, hour))).behind) == behind


def test_a_source_that_has_ended_is_named_as_the_reason_for_being_behind():
    (problem,) = weigh(facts(missing(TODAY), source_span=(DAYS[0], date(2025, 6, 2)))).problems

    assert problem.detail == "The source's last file is of Mon 2 Jun 2025."


@pytest.mark.parametrize("status", [None, RunStatus.FAILED])
def test_a_gap_between_sessions_is_missing_and_neither_behind_nor_failed(status):
    (problem,) = weigh(facts(replace(missing(date(2025, 6, 1), status), reason="the source has no file"))).problems

    assert problem.headline == "1 expected session is not in the lake"
    assert problem.detail == "Sun 1 Jun 2025: the source has no file."


def test_what_lies_before_the_first_run_is_not_missing():
    given = facts(*(missing(day) for day in DAYS[:10]))

    assert headlines(given) == []
    assert weigh(given).missing == ()


def test_dates_that_are_queued_are_on_their_way():
    assert headlines(facts(missing(date(2025, 6, 2), RunStatus.QUEUED), missing(TODAY, RunStatus.RUNNING))) == []


def test_a_dead_runner_comes_before_everything_and_says_what_waits():
    dead = Machine(heartbeat_at=NOW - timedelta(hours=1), runners=1, alive=0, queued=3, running=0)

    first, second = weigh(facts(failed(date(2025, 6, 1)), machine=dead)).problems

    assert (first.headline, second.headline) == ("No runner is alive", "Sun 1 Jun 2025 failed")
    assert first.detail == "Last sign of life 1 h ago. 3 runs cannot go on. The console starts one by itself within seconds."


def test_a_runner_that_has_only_just_been_started_is_no_problem():
    starting = Machine(heartbeat_at=None, runners=0, alive=0, queued=95, running=0, starting=True)

    assert headlines(facts(machine=starting)) == []


def test_the_newest_date_comes_first_whatever_is_wrong_with_it():
    blocked = [
        Held(day, 3, f"the session of {day} is blocked: 29 of 293 lines are set aside.", None, None, None, None) for day in DAYS[2:4]
    ]

    problems = weigh(facts(failed(TODAY), failed(DAYS[0]), held=blocked)).problems

    assert [problem.headline for problem in problems] == [
        "Tue 3 Jun 2025 failed",
        "Sat 17 May 2025 is blocked",
        "Fri 16 May 2025 is blocked",
        "Wed 14 May 2025 failed",
    ]
    assert problems[1].detail == "29 of 293 lines are set aside."


def test_an_external_runner_is_started_by_a_person():
    dead = Machine(heartbeat_at=None, runners=0, alive=0, queued=0, running=0)

    (problem,) = weigh(facts(machine=dead, embedded=False)).problems

    assert "python -m engine runner" in problem.detail


def test_a_paused_schedule_says_who_paused_it_and_when():
    paused = ScheduleView("daily_prices", DAYS[0], paused=True, paused_at=nepal_time(TODAY, 9, 30), paused_by="asha")

    (problem,) = weigh(facts(schedule=paused)).problems

    assert problem.detail == "Since 3 Jun 2025 09:30 by asha: no new date is run by itself."


@pytest.mark.parametrize(
    ("state", "severities"),
    [(BackfillState.RUNNING, []), (BackfillState.PAUSED, [Severity.WARN]), (BackfillState.STOPPED, [Severity.BAD])],
)
def test_a_backfill_needs_a_person_only_when_it_stands_still(state, severities):
    backfill = BackfillView(
        1, "daily_prices", DAYS[0], TODAY, BackfillMode.MISSING, OnFailure.STOP, 1, state, 21, "console", NOW, None, "2025-06-01 failed"
    )  # fmt: skip

    assert [problem.severity for problem in weigh(facts(backfill=backfill)).problems] == severities


def test_a_late_session_is_counted_and_is_no_problem():
    late = SlotView(date(2025, 6, 2), datetime.fromisoformat("2025-06-02T12:15+00:00"), SlotOutcome.LATE, "2 h after its time", 5)
    health = weigh(facts(slots=(late,)))

    assert health.late == (late,)
    assert health.problems == ()


@pytest.mark.parametrize(("late", "said"), [(timedelta(seconds=4), []), (timedelta(minutes=11), ["The lake is 1 session behind"])])
def test_a_session_that_came_due_just_now_is_behind_only_when_no_runner_has_queued_it_in_time(late, said):
    assert headlines(facts(missing(TODAY), now=nepal_time(TODAY, 18) + late)) == said


def test_an_empty_lake_is_not_behind():
    nothing = facts(*(missing(day) for day in DAYS), newest_session=None)

    assert headlines(nothing) == []
    assert weigh(nothing).sessions == 0


def test_an_archive_that_ended_long_ago_keeps_its_sessions_and_says_how_far_behind_it_is():
    since_then = [missing(day) for day in DAYS[6:]]
    health = weigh(facts(*since_then, source_span=(DAYS[0], DAYS[5])))

    assert [verdict.day for verdict in health.accepted] == [day for day in DAYS[:6] if CALENDAR.expected(day).trading]
    assert [problem.headline for problem in health.problems] == ["The lake is 11 sessions behind"]


@pytest.mark.parametrize(
    ("outcome", "hours", "said"),
    [
        (SlotOutcome.DUE, 2, ["Mon 2 Jun 2025 is late: it was due 2 h ago"]),
        (SlotOutcome.MISSED, 2, ["Mon 2 Jun 2025 is late: it was due 2 h ago"]),
        (SlotOutcome.DUE, 0.5, []),
        (SlotOutcome.PAUSED, 2, []),
        (SlotOutcome.HOLIDAY, 2, []),
        (SlotOutcome.RAN, 2, []),
    ],
)
def test_a_slot_that_is_an_hour_late_and_has_no_end_is_named(outcome, hours, said):
    slot = SlotView(date(2025, 6, 2), NOW - timedelta(hours=hours), outcome, "no runner was alive at its time", None)

    assert headlines(facts(slots=(slot,))) == said


def overdue(day: date, run_id: int | None = None) -> Deadline:
    return Deadline(day, nepal_time(day, 19), DeadlineState.LATE, "not loaded, 5 min after: no file", None, run_id)


@pytest.mark.parametrize(("run_id", "page"), [(None, "service_levels.py"), (7, "run.py")])
def test_a_session_past_its_deadline_is_the_first_thing_that_is_said_and_said_once(run_id, page):
    day = DAYS[-1]
    slot = SlotView(day, NOW - timedelta(hours=2), SlotOutcome.DUE, "no file", None)
    given = facts(missing(day), held=(held(DAYS[0]),), slots=(slot,), overdue=(overdue(day, run_id),))
    first, second = weigh(given).problems

    assert (first.severity, first.page, first.detail) == (Severity.BAD, page, "not loaded, 5 min after: no file")
    assert first.headline == f"{say.day(day)} is late: it was to be in the lake by 19:00"
    assert second.headline.endswith("is blocked")


def test_what_has_failed_today_stands_before_what_is_blocked_since_long_and_is_not_late_besides():
    day = DAYS[-1]

    assert headlines(facts(failed(day), held=(held(DAYS[0]),), overdue=(overdue(day),))) == [
        f"{say.day(day)} failed",
        f"{say.day(DAYS[0])} is blocked",
    ]


def test_a_source_that_is_left_alone_is_the_worst_and_stands_for_what_waits_for_it():
    circuit = CircuitReport("files", CircuitState.OPEN, NOW, 4, 4, 4, timedelta(minutes=10), NOW + timedelta(seconds=30), 3, ())
    (problem,) = weigh(facts(circuit=circuit)).problems

    assert (problem.severity, problem.headline, problem.page) == (Severity.BAD, "The circuit of source files is open", "pipelines.py")
    assert problem.detail.endswith("3 runs wait for it.")


def test_a_source_that_is_being_probed_is_said_to_be():
    circuit = CircuitReport("files", CircuitState.HALF_OPEN, NOW, 4, 4, 4, timedelta(minutes=10), NOW + timedelta(seconds=60), 0, ())

    assert headlines(facts(circuit=circuit)) == ["The circuit of source files is probing"]
