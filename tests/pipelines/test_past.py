"""Dates behind which newer sessions lie: these are carried once, and until then they are known to wait."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.cli import reading
from engine.pipelines import behind
from engine.pipelines.daily_prices import daily_prices
from engine.rebuild import rebuild_gold
from storage import lake, moves, runs, sessions
from storage.status import BackfillMode, OnFailure, Outcome, RunStatus, RunType
from tests.pipelines.house import DAILY, SUNDAY, House, daily_bytes, days_from, numbers
from tests.shell import inside

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (SUNDAY + timedelta(days=n) for n in range(1, 6))
NEWER = days_from(SUNDAY + timedelta(days=7), 5)
PAST = days_from(SUNDAY, 5)


@pytest.fixture
def newer(house) -> House:
    """A home that has the sessions of the second week, and whose source holds those of the first."""
    for number, day in enumerate((*PAST, *NEWER)):
        house.session(day, number)
    house.session(FRIDAY, 4)
    house.backfill(NEWER[0], NEWER[-1])
    return house


def waiting(house: House) -> int:
    found: int = house.read(sessions.behind)["sessions"]
    return found


def is_right(house: House) -> bool:
    """Say whether no session waits and all of gold is what a rebuild makes."""
    return waiting(house) == 0 and rebuild_gold(house.runtime, publish=False)["differing_sessions"] == 0


def carries(house: House) -> list:
    return [row for row in house.read(runs.recent, limit=100) if row["run_type"] == RunType.CARRY]


def versions(house: House, dataset: str, days) -> list[int]:
    return [len(house.read(lake.versions, dataset, day)) for day in days]


def torn(house: House, day) -> None:
    """Spoil the silver of a session, of which the process remembers nothing."""
    path = house.runtime.lake.folder / house.read(sessions.one, day)["silver_path"]
    path.write_bytes(path.read_bytes()[:-100])
    house.restart()


def test_a_backfill_of_the_past_carries_each_later_session_once(newer, tmp_path):
    other = House(tmp_path / "other", source=newer.source)
    other.backfill(PAST[0], NEWER[-1])
    newer.backfill(PAST[0], PAST[-1])

    assert newer.accepted() == [*PAST, *NEWER]
    assert versions(newer, "gold", [*PAST, *NEWER]) == [1] * 5 + [2] * 4 + [1]  # the fifth has no feature that needs more than five
    assert carries(newer) == []
    for dataset in ("silver", "gold", "feature_state"):
        found = {key: sha for key, sha in newer.lake_content().items() if key[0] == dataset}
        assert found == {key: sha for key, sha in other.lake_content().items() if key[0] == dataset}
    assert is_right(newer)


def test_while_a_backfill_works_what_is_not_right_is_known_to_wait(newer):
    newer.services.backfill(DAILY, PAST[0], PAST[-1])
    newer.work(most=2)
    checked = rebuild_gold(newer.runtime, publish=False)

    assert dict(newer.read(sessions.behind)) == {"sessions": 5, "first": NEWER[0]}
    assert checked["first_differing"] == NEWER
    assert checked["waiting_sessions"] == 5
    assert newer.read(behind.owed) is False  # the backfill goes on, and carries


def test_a_backfill_whose_last_date_has_no_session_has_a_run_that_carries(newer):
    newer.backfill(PAST[0], FRIDAY)
    (carry,) = carries(newer)
    reused = [row["stage"] for row in newer.read(runs.stages_of, carry["id"]) if row["reused_from"]]

    assert (carry["partition"], carry["from_stage"], carry["requested_by"]) == (NEWER[0], "gold", "carry")
    assert (carry["status"], carry["outcome"]) == (RunStatus.SUCCEEDED, Outcome.REPLACED)
    assert reused == ["check_source", "bronze", "parsed", "quality", "silver"]
    assert versions(newer, "gold", NEWER) == [2] * 4 + [1]
    assert is_right(newer)


@pytest.mark.parametrize("command", ["pause_backfill", "cancel_backfill"])
def test_a_backfill_that_is_broken_off_leaves_nothing_behind(newer, command):
    backfill_id = newer.services.backfill(DAILY, PAST[0], PAST[-1])
    newer.work(most=2)
    getattr(newer.services, command)(backfill_id)
    owed = newer.read(behind.owed)
    newer.work()

    assert owed is True
    assert newer.accepted() == [*PAST[:2], *NEWER]
    assert is_right(newer)


def test_a_backfill_that_was_paused_goes_on_and_carries_again(newer):
    backfill_id = newer.services.backfill(DAILY, PAST[0], PAST[-1])
    newer.work(most=2)
    newer.services.pause_backfill(backfill_id)
    newer.work()
    newer.services.resume_backfill(backfill_id)
    newer.work()

    assert newer.accepted() == [*PAST, *NEWER]
    assert is_right(newer)


@pytest.mark.parametrize(("spoiled", "policy"), [(TUESDAY, OnFailure.STOP), (THURSDAY, OnFailure.CONTINUE), (THURSDAY, OnFailure.STOP)])
def test_a_backfill_that_fails_leaves_nothing_behind(newer, spoiled, policy):
    newer.put(spoiled, b"nothing")
    newer.services.backfill(DAILY, PAST[0], PAST[-1], on_failure=policy)
    newer.work()

    assert newer.accepted() == [*(day for day in PAST if day < spoiled), *NEWER]
    assert is_right(newer)


def test_the_queued_last_date_of_a_backfill_may_be_cancelled(newer):
    newer.services.backfill(DAILY, PAST[0], PAST[-1])
    newer.services.cancel(newer.read(runs.active_of, DAILY, THURSDAY))
    newer.work()

    assert newer.accepted() == [*PAST[:4], *NEWER]
    assert is_right(newer)


def test_a_run_of_a_new_date_carries_what_waits(newer):
    backfill_id = newer.services.backfill(DAILY, PAST[0], PAST[-1])
    newer.work(most=2)
    newer.services.pause_backfill(backfill_id)
    today = NEWER[-1] + timedelta(days=3)
    newer.session(today, 10)
    newer.services.run(DAILY, today)
    newer.work(most=1)

    assert newer.accepted()[-1] == today
    assert is_right(newer)


def test_dates_that_are_there_already_are_carried_between_the_dates_of_a_backfill(newer):
    newer.backfill(PAST[0], PAST[-1])
    before = versions(newer, "gold", [*PAST, *NEWER])
    for number, day in enumerate(PAST):
        rows = numbers(number)
        rows[0][6] = "150.00"
        if day in (MONDAY, THURSDAY):
            newer.put(day, daily_bytes(rows))
    newer.backfill(PAST[0], NEWER[1], mode=BackfillMode.MISSING)

    again = [now - then for now, then in zip(versions(newer, "gold", [*PAST, *NEWER]), before, strict=True)]
    assert again[:2] == [0, 1]
    assert set(again) == {0, 1}
    assert is_right(newer)


def test_every_date_again_carries_nothing(newer):
    newer.backfill(PAST[0], PAST[-1])
    catalog = newer.catalog()
    newer.services.backfill(DAILY, PAST[0], NEWER[-1], mode=BackfillMode.ALL)
    newer.work(most=3)

    assert waiting(newer) == 0
    assert newer.catalog() == catalog


@pytest.mark.parametrize("days", [PAST[:1], PAST])
def test_a_run_that_is_cancelled_before_it_is_accepted_leaves_no_gold_of_its_own_behind(newer, monkeypatch, days):
    gold = daily_prices.stages["gold"]

    def cancelled(silver, context):
        made = gold.function(silver, context)
        if context.day == days[-1]:
            with newer.runtime.database.transaction() as connection:
                moves.request_cancel(connection, context.run["id"])
        return made

    monkeypatch.setitem(daily_prices.stages, "gold", replace(gold, function=cancelled))
    newer.services.backfill(DAILY, days[0], days[-1])
    newer.work(most=len(days))
    known = waiting(newer)
    monkeypatch.undo()
    newer.work()

    assert newer.read(runs.newest_of, DAILY, days[-1])["status"] == RunStatus.CANCELLED
    assert known == 5
    assert newer.accepted() == [*days[:-1], *NEWER]
    assert is_right(newer)


def test_a_run_that_goes_on_after_another_has_changed_the_past_sees_it(newer, monkeypatch):
    stopped: list = []
    gold = daily_prices.stages["gold"]

    def told_to_stop(silver, context):
        stopped.append(context.day)
        return gold.function(silver, context)

    backfill_id = newer.services.backfill(DAILY, PAST[0], PAST[-1])
    newer.work(most=2)
    monkeypatch.setitem(daily_prices.stages, "gold", replace(gold, function=told_to_stop))
    newer.execution.stopping = lambda: stopped == [TUESDAY]
    newer.work(most=1)
    monkeypatch.undo()
    newer.restart()
    newer.services.pause_backfill(backfill_id)
    rows = numbers(1)
    rows[0][6] = "150.00"
    newer.put(MONDAY, daily_bytes(rows))
    newer.run(MONDAY)
    newer.services.resume_backfill(backfill_id)
    newer.work()

    assert stopped == [TUESDAY]
    assert newer.accepted() == [*PAST, *NEWER]
    assert is_right(newer)


def test_a_rerun_of_the_last_stages_serves_no_gold_of_another_past(newer):
    first = newer.read(runs.newest_of, DAILY, NEWER[0])
    newer.backfill(PAST[0], PAST[-1])
    newer.rerun(first["id"], from_stage="loaded")

    assert is_right(newer)


def test_a_carry_that_fails_is_not_queued_again_and_the_next_run_mends_all(newer):
    backfill_id = newer.services.backfill(DAILY, PAST[0], PAST[-1])
    newer.work(most=2)
    newer.services.cancel_backfill(backfill_id)
    torn(newer, NEWER[0])
    newer.work()
    (carry,) = carries(newer)
    known, owed, held = waiting(newer), newer.read(behind.owed), newer.read(behind.held_up)
    newer.run(NEWER[0])

    assert held == f"run {carry['id']}, which was to carry them on, has failed: mend what it names, and run any date again"
    assert (carry["status"], carry["error_type"]) == (RunStatus.FAILED, "LakeError")
    assert (known, owed) == (5, False)
    assert is_right(newer)


def test_where_every_waiting_date_has_a_run_the_carry_begins_elsewhere(newer):
    newer.services.backfill(DAILY, PAST[0], PAST[-1])
    newer.work(most=2)
    the_rest = newer.services.backfill(DAILY, PAST[2], NEWER[-1], mode=BackfillMode.ALL)
    newer.services.pause_backfill(the_rest)
    newer.work()

    assert [row["partition"] for row in carries(newer)] == [MONDAY]
    assert is_right(newer)


@pytest.mark.parametrize("command", ["resume_backfill", "cancel_backfill"])
def test_sessions_that_no_run_can_carry_say_which_backfill_holds_them_up_and_go_on_without_it(newer, monkeypatch, command):
    ask = inside(monkeypatch)
    newer.services.backfill(DAILY, PAST[0], PAST[-1])
    newer.work(most=2)
    every = newer.services.backfill(DAILY, PAST[0], NEWER[-1], mode=BackfillMode.ALL)
    working = newer.read(behind.held_up)
    newer.services.pause_backfill(every)
    newer.work()
    known, held = waiting(newer), newer.read(behind.held_up)
    told = [ask(newer, *words).stderr for words in (["backfills"], ["sessions", "--since", str(PAST[0]), "--until", str(NEWER[-1])])]
    counts = reading.backfill(newer.runtime, every)
    getattr(newer.services, command)(every)
    newer.work()

    assert (known, working) == (5, None)
    assert held == f"every date that could carry them on is queued in backfill {every} (paused): resume or cancel it"
    assert [held in said for said in told] == [True, True]
    assert counts["waiting_because"] == held
    assert newer.read(behind.held_up) is None
    assert is_right(newer)


def test_a_plan_counts_the_later_sessions_once(newer):
    past, again = (newer.services.plan_backfill(DAILY, PAST[0], until) for until in (PAST[-1], NEWER[-1]))
    alone = newer.services.plan_backfill(DAILY, NEWER[-1] + timedelta(days=3), NEWER[-1] + timedelta(days=5))

    assert (len(past.taken), past.carried) == (5, 5)
    assert again.carried == 5
    assert alone.carried == 0
    assert past.seconds > alone.seconds == 0  # runs of this clock take no time; what stages took is measured


def test_who_asks_for_features_is_told_that_some_wait(newer, monkeypatch):
    ask = inside(monkeypatch)
    backfill_id = newer.services.backfill(DAILY, PAST[0], FRIDAY)
    newer.work(most=2)
    gold = ask(newer, "sql", "SELECT count(*) AS rows FROM gold_features", "--json")
    silver = ask(newer, "sql", "SELECT count(*) AS rows FROM silver_prices", "--json")
    counts = reading.backfill(newer.runtime, backfill_id)
    newer.work()
    after = ask(newer, "sql", "SELECT count(*) AS rows FROM gold_features", "--json")

    assert "5 sessions wait for features, the first is 2024-06-09" in gold.stderr
    assert (silver.stderr, after.stderr) == ("", "")
    assert (counts["waiting_sessions"], counts["waiting_from"]) == (5, NEWER[0])
    assert "waiting_sessions" not in reading.backfill(newer.runtime, backfill_id)


def test_a_command_that_is_given_again_carries_what_a_killed_one_left(newer, monkeypatch):
    ask = inside(monkeypatch)
    newer.services.backfill(DAILY, PAST[0], FRIDAY)
    newer.work(most=6)  # the last date too, but for the run that carries what lies behind
    known = waiting(newer)
    again = ask(newer, "backfill", DAILY, "--since", str(PAST[0]), "--until", str(FRIDAY), "--wait", "--json")

    assert (known, again.exit_code) == (5, 0)
    assert is_right(newer)


def test_a_date_whose_newest_run_failed_goes_on_saying_so(newer):
    newer.put(NEWER[0], b"nothing")
    failed = newer.run(NEWER[0])
    newer.backfill(PAST[0], FRIDAY)

    assert [row["partition"] for row in carries(newer)] == [NEWER[1]]
    assert newer.date(NEWER[0]).run_id == failed["id"]
    assert is_right(newer)


def test_an_idle_runner_queues_no_carry_beside_a_run_that_may_carry_itself(newer, monkeypatch):
    gold, asked = daily_prices.stages["gold"], []

    def looked_at(silver, context):
        made = gold.function(silver, context)
        asked.append(behind.queue_carry(newer.runtime))  # by another runner, which finds that sessions wait
        return made

    monkeypatch.setitem(daily_prices.stages, "gold", replace(gold, function=looked_at))
    newer.backfill(PAST[0], PAST[-1])

    assert asked == [None] * 5
    assert carries(newer) == []
