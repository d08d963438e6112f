"""Every page in every state of the gallery: it is drawn, and it says the one thing that a person must see in that state."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import delete, update
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

from engine.clock import FakeClock, nepal_time
from pages.ui import format as say
from pages.ui.shared import forget
from storage import schedules, sessions
from storage.audit import recent as audited
from storage.status import RunStatus, Verdict
from storage.tables import DateState
from tests.pages.conftest import text_of, use
from tests.pages.gallery import BEFORE, LAST, NOW, PIPELINE, SESSIONS, STATES

PAGES = (
    "overview.py",
    "runs.py",
    "run.py",
    "pipelines.py",
    "quality.py",
    "service_levels.py",
    "logs.py",
    "thresholds.py",
    "safety.py",
    "stream.py",
    "alerts.py",
    "replay_lab.py",
    "rebuild.py",
    "reconcile.py",
    "drift.py",
    "costs.py",
)
MUST_SEE = {
    "empty": ["Nothing has run yet", "Backfill all of them"],
    "healthy": ["Nothing is wrong", "30 of 30", "up to date", "alive"],
    "one_failed": ["Mon 2 Jun 2025 failed", "29 of 30", "Opening Price", "Rerun 1 failed date"],
    "newest_failed": ["Tue 3 Jun 2025 failed", "1 behind"],
    "backfill_failing": ["1 date of backfill 1 failed already", "See the failures"],
    "waiting": ["waits for the file of Tue 3 Jun 2025", "no file dated 2025-06-03 yet"],
    "crashed": ["Mon 2 Jun 2025 crashed", "its runner died under it 3 times"],
    "backfill_running": ["Backfill 1", "23 of 41 dates", "Pause", "Cancel"],
    "backfill_stopped": ["Backfill 1 stopped at a failure", "Resume"],
    "unsafe": ["1 file of the lake is damaged", "Backup needs a person", "the disk is full", "Restore drill needs a person"],
    "runner_dead": ["No runner is alive", "1 run cannot go on", "not alive"],
    "paused": ["The schedule is paused", "Resume it"],
    "source_down": ["The circuit of source simulated is open", "4 calls in a row failed", "1 run waits for it"],
    "many_runs": ["Nothing is wrong"],
    "flagged": ["Nothing is wrong"],
    "held": ["Tue 3 Jun 2025 is blocked", "The version of run 71 is still served until a person decides."],
    "labelled": ["Nothing is wrong"],
    "tuned": ["Nothing is wrong"],
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_drawn_in_every_state_and_says_that_the_data_are_simulated(page, state, open_store, visit):
    open_store(state)

    app = visit(page)

    assert not app.exception
    assert "SIMULATED" in text_of(app)
    assert "Simulated exchange" in text_of(app)


@pytest.mark.parametrize("state", STATES)
def test_the_overview_says_what_matters_in_a_state(state, open_store, visit):
    open_store(state)

    said = text_of(visit("overview.py"))

    assert [sentence for sentence in MUST_SEE[state] if sentence not in said] == []


def test_while_sessions_are_behind_not_all_is_on_time_and_one_number_says_how_many(open_store, visit):
    store = open_store("healthy")
    with store.database.transaction() as connection:
        for day in SESSIONS[-3:]:
            sessions.forget(connection, day)
        connection.execute(delete(DateState.__table__).where(DateState.__table__.c.day.in_(SESSIONS[-3:-1])))
        connection.execute(update(DateState.__table__).where(DateState.__table__.c.day == LAST).values(status="queued", verdict=None))

    app = visit("overview.py")

    tiles = {metric.label: metric for metric in app.metric}
    assert "The lake is 3 sessions behind" in text_of(app)
    assert tiles["Freshness"].value == "3 behind"
    assert tiles["Sessions in the lake"].delta == "3 behind"
    assert f"sessions up to {say.day(SESSIONS[-4])}: in the lake" in tiles["Sessions in the lake"].help


@pytest.mark.parametrize(("seconds", "said"), [(5, "starting"), (30, "not alive")])
def test_a_console_that_has_only_just_begun_does_not_call_its_runner_dead(seconds, said, open_store, visit, monkeypatch):
    store = open_store("runner_dead")
    use(replace(store.runtime, opened_at=NOW - timedelta(seconds=seconds)), monkeypatch)

    app = visit("overview.py")

    assert [tile.value for tile in app.metric if tile.label == "Runner"] == [said]
    assert ("No runner is alive" in text_of(app)) is (said == "not alive")


def test_sessions_that_a_backfill_brought_long_after_were_not_on_time(open_store, visit):
    open_store("empty").history()  # and no slot of a schedule

    (tile,) = (metric for metric in visit("overview.py").metric if metric.label == "Sessions in the lake")

    assert tile.delta == "none on time, all afterwards"


def test_nothing_that_needs_attention_is_hidden(open_store, visit):
    store = open_store("healthy")
    for day in SESSIONS[-8:]:
        store.run(day, RunStatus.FAILED, verdict=Verdict.FAILED, reason="broken")

    app = visit("overview.py")

    (more,) = app.expander
    assert more.label == "and 3 more"
    assert sum("failed** · broken" in said.value for said in more.markdown) == 3


def test_what_stands_beside_every_page_says_which_day_it_is_in_nepal(open_store, visit, monkeypatch):
    store = open_store("healthy")
    before = visit("logs.py").sidebar.caption[-1].value
    use(replace(store.runtime, clock=FakeClock(nepal_time(NOW.date() + timedelta(days=1), 0))), monkeypatch)

    assert (before, visit("logs.py").sidebar.caption[-1].value) == ("Tue 3 Jun, 20:00 in Nepal", "Wed 4 Jun, 00:00 in Nepal")


@pytest.mark.parametrize("part", ["schedule", "source"])
def test_what_a_time_that_comes_changes_on_the_pipelines_page_is_drawn_anew_by_itself(part, open_store, visit, monkeypatch):
    open_store("healthy")
    moving = []
    monkeypatch.setattr(f"pages.ui.pipeline.{part}", lambda *_: moving.append(ThreadState.get().fragment_id))
    visit("pipelines.py")

    assert all(moving)
    assert moving


def test_a_calm_overview_asks_for_nothing(open_store, visit):
    open_store("healthy")

    app = visit("overview.py")

    assert not app.error
    assert not app.warning
    assert "Rerun" not in text_of(app)


def test_the_ledger_says_why_a_date_did_not_run(open_store, visit):
    open_store("paused")

    app = visit("pipelines.py")

    ledger = app.dataframe[-1].value
    assert ledger["Outcome"][0] == ["paused"]
    assert set(ledger["Outcome"].explode()) == {"paused", "ran", "holiday"}


def test_the_ledger_of_a_year_shows_what_was_brought_in_before_the_schedule_began(open_store, visit):
    open_store("healthy")

    app = visit("pipelines.py", ledger_dates="2025")

    ledger = app.dataframe[-1].value
    brought_in = ledger["Why"].str.startswith("brought in by ")
    assert len(ledger) == 71
    assert set(ledger["Outcome"][brought_in].explode()) == {"backfilled"}
    assert set(ledger["Outcome"].explode()) == {"ran", "holiday", "backfilled"}


def test_the_pipelines_page_draws_the_graph_with_how_each_stage_ended(open_store, visit):
    open_store("one_failed")

    said = text_of(visit("pipelines.py"))

    assert "check_source --> bronze" in said
    assert "parsed<br/>✕ failed" in said


def test_the_pipelines_page_says_which_sessions_wait_for_their_features(open_store, visit):
    store = open_store("healthy")
    before = text_of(visit("pipelines.py"))
    forget()
    with store.database.transaction() as connection:
        sessions.leave_behind(connection, LAST, date.max)

    assert "still have the features of before" not in before
    assert "1 session from " in text_of(visit("pipelines.py"))


def test_the_pipelines_page_says_what_holds_up_the_sessions_that_wait(open_store, visit):
    store = open_store("healthy")
    with store.database.transaction() as connection:
        sessions.leave_behind(connection, LAST, date.max)
        connection.execute(update(DateState.__table__).values(status=RunStatus.FAILED))

    (said,) = visit("pipelines.py").warning
    assert said.value.startswith("1 session from ")
    assert "run one of them again" in said.value


def test_pausing_and_resuming_the_schedule_is_done_shown_and_audited(open_store, visit):
    store = open_store("healthy")
    app = visit("pipelines.py")

    app.button(key="schedule_pause").click().run()
    paused = text_of(app)
    app.button(key="schedule_resume").click().run()

    assert "Paused by console" in paused
    assert "Pause the schedule" in text_of(app)
    assert not app.exception
    with store.database.reading() as connection:
        assert not schedules.one(connection, PIPELINE)["paused"]
        assert [row["command"] for row in audited(connection)] == ["resume_schedule", "pause_schedule"]


def test_pausing_a_running_backfill_offers_to_resume_it(open_store, visit):
    open_store("backfill_running")
    app = visit("overview.py")

    app.button(key="backfill_pause").click().run()

    assert [toast.value for toast in app.toast] == ["Backfill 1 is paused; runs that have begun are finished."]
    assert app.button(key="backfill_resume").label == "Resume"


def test_rerunning_the_failed_dates_asks_first_and_says_which(open_store, visit):
    open_store("one_failed")
    app = visit("overview.py")

    app.button(key="rerun_failed").click().run()

    assert f"1 date will run again: Mon {BEFORE.day} Jun 2025. That takes about 84 ms." in text_of(app)


def test_starting_the_first_backfill_takes_all_that_the_source_holds(open_store, visit):
    store = open_store("empty")
    app = visit("overview.py")

    app.button(key="first_step").click().run()

    assert not app.exception
    assert "0 of 520 dates" in "\n".join(progress.text for progress in app.progress)
    with store.database.reading() as connection:
        assert [row["command"] for row in audited(connection)] == ["backfill"]


def test_closing_the_circuit_by_hand_asks_why_and_is_done_shown_and_audited(open_store, visit):
    store = open_store("source_down")
    app = visit("pipelines.py")
    before = text_of(app)

    app.button(key="breaker_reset_yes").click().run()
    unasked = [error.value for error in app.error]
    app.text_input(key="breaker_reason").input("the provider says so")
    app.button(key="breaker_reset_yes").click().run()

    assert ":red-badge[:material/power_off: open]" in before
    assert "say why" in unasked[0]
    assert not app.exception
    assert "breaker_reset_yes" not in [button.key for button in app.button]
    with store.database.reading() as connection:
        (row,) = audited(connection)
    assert (row["command"], row["parameters"]) == ("reset_breaker", {"source": "simulated", "reason": "the provider says so"})


def test_a_circuit_that_never_failed_is_said_to_be_closed_and_offers_nothing(open_store, visit):
    open_store("healthy")

    app = visit("pipelines.py")

    assert "breaker_reset_yes" not in [button.key for button in app.button]
    assert ":green-badge[:material/check_circle: closed]" in text_of(app)


def test_a_deep_link_opens_its_run(open_store, visit):
    open_store("one_failed")

    said = text_of(visit("run.py", id="72"))

    assert "Opening Price" in said


def test_a_link_to_a_run_that_does_not_exist_says_so(open_store, visit):
    open_store("healthy")

    app = visit("run.py", id="999999")

    assert not app.exception
    assert "999999" in text_of(app)


def test_a_clicked_tile_opens_its_run_and_coming_back_stays(open_store, visit):
    open_store("backfill_running")
    app = visit("overview.py")
    app.session_state["tiles_1_0"] = {"selection": {"selected": [{"data_indices": [4]}], "areas": []}}

    opened = text_of(app.run())
    app.switch_page("overview.py")
    back = text_of(app.run())

    assert "Run 5" in opened
    assert "23 of 41 dates" in back
