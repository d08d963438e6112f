"""The Stream page: whether it works, on which session, how far, and what can be done."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from engine.stream.ticks import SECOND
from pages.ui import stream_data, stream_view
from pages.ui.shared import forget
from pages.ui.stream_words import speed_word
from storage import dead_letters, moves, runs, speed_layer
from storage.audit import recent as audited
from storage.dead_letters import Letter, LetterFilter
from storage.status import ACTIVE, LetterKind
from storage.tables import Price, TickDay
from tests.pages.conftest import text_of
from tests.pages.gallery import NOW, TODAY
from tests.pages.gallery_stream import ELEVEN, SESSION, STREAM_STATES

MUST_SEE = {
    "empty": ["The stream has not worked yet", "Start a session…"],
    "stream_queued": ["waits: no runner is alive", "Stop"],
    "stream_working": [
        "works: 13:00:00 in Nepal",
        "Ticks a second 1,234",
        "12 duplicate",
        "8 late",
        "Open alerts 2",
        "Pause",
        "37 trades held",
    ],
    "stream_paused": ["is paused at 13:00:00", "Resume"],
    "stream_source_away": ["waits for its source", "The exchange did not answer. Asked again in 4 s."],
    "stream_silent": ["is silent", "last sign of life was 1 min ago", "A runner starts it again"],
    "stream_rescued": ["died 2 times in a row and is started again", "It goes on in 8 s"],
    "stream_stopped": ["was stopped at 13:00:00", "Go on", "nobody works"],
    "stream_ended": ["is over", "5,280 of 5,300 records accepted", "100% of the session", "Start a session…"],
    "stream_failed": ["failed at 13:00:00", "the file names a session of another day", "Go on"],
}


@pytest.mark.parametrize("state", MUST_SEE)
def test_the_page_says_what_matters_in_a_state(state, open_store, visit):
    open_store(state)

    app = visit("stream.py")
    said = text_of(app)

    assert not app.exception
    assert [sentence for sentence in MUST_SEE[state] if sentence not in said] == []


@pytest.mark.parametrize("page", ["overview.py", "runs.py", "pipelines.py", "alerts.py"])
@pytest.mark.parametrize("state", STREAM_STATES)
def test_other_pages_are_drawn_while_the_stream_is_in_any_state(page, state, open_store, visit):
    open_store(state)

    assert not visit(page).exception


@pytest.mark.parametrize(
    ("button", "command", "column", "value"),
    [("stream_pause", "pause_stream", "paused", True), ("stream_stop", "stop_stream", "paused", False)],
)
def test_a_button_is_done_shown_and_audited(button, command, column, value, open_store, visit):
    store = open_store("stream_working")
    app = visit("stream.py")

    app.button(key=button).click().run()

    assert not app.exception
    with store.database.reading() as connection:
        assert [row["command"] for row in audited(connection)] == [command]
        assert speed_layer.state(connection, SESSION)[column] is value
    assert ("is stopping" if button == "stream_stop" else "is paused") in text_of(app)


def test_the_speed_is_changed_by_a_click_and_shown_as_it_is_whoever_changed_it(open_store, visit):
    store = open_store("stream_working")
    app = visit("stream.py")

    app.segmented_control(key="stream_speed").set_value("max").run()

    assert app.toast[0].value.endswith("goes as fast as it goes.")
    with store.database.transaction() as connection:
        assert speed_layer.state(connection, SESSION)["speed"] is None
        speed_layer.change(connection, SESSION, speed=25.0)
    forget()
    again = visit("stream.py")

    assert again.segmented_control(key="stream_speed").value == speed_word(25.0)
    assert [row["command"] for row in _audit(store)] == ["set_stream_speed"]


def _audit(store):
    with store.database.reading() as connection:
        return audited(connection)


def test_a_stopped_session_goes_on_with_the_speed_that_it_had(open_store, visit):
    store = open_store("stream_stopped")
    app = visit("stream.py")

    app.button(key="stream_go_on").click().run()

    assert not app.exception
    with store.database.reading() as connection:
        run_id = runs.active_of(connection, moves.STREAM, SESSION)
        assert runs.one(connection, run_id)["status"] in ACTIVE
        assert speed_layer.state(connection, SESSION)["speed"] == 60.0


def test_a_session_that_the_address_names_and_nobody_knows_is_said_to_be_unknown(open_store, visit):
    open_store("stream_working")

    app = visit("stream.py", session=(TODAY - timedelta(days=300)).isoformat())

    assert not app.exception
    assert "The stream never worked on" in text_of(app)


def test_a_session_without_a_trade_says_so(open_store, visit):
    store = open_store("stream_queued")
    store.runner()

    said = text_of(visit("stream.py"))

    assert "is queued" in said
    assert "No trade of this session has been accepted yet." in said


def test_before_continuous_trading_the_page_says_what_it_waits_for(open_store, visit):
    store = open_store("stream_working")
    with store.database.transaction() as connection:
        speed_layer.change(connection, SESSION, newest_us=ELEVEN - 15 * 60 * SECOND, held=9)
        connection.exec_driver_sql("DELETE FROM tick_day")

    said = text_of(visit("stream.py"))

    assert "is in the pre-open: 10:45:00 in Nepal" in said
    assert f"Continuous trading begins at 11:00; until then nothing is traded, some 14.0 s more at {speed_word(60.0)}" in said
    assert "Held until a later one comes: 9 trades." in said


def test_every_reason_for_which_something_was_set_aside_has_its_link(open_store, visit):
    store = open_store("stream_working")
    aside = {"late": 8, "duplicate": 12, "malformed": 3, "future": 2, "out_of_hours": 1}
    with store.database.transaction() as connection:
        speed_layer.change(connection, SESSION, aside=aside)

    said = text_of(visit("stream.py"))

    assert "Set aside 26" in said
    assert [reason for reason in ("8 late", "12 duplicate", "3 malformed", "2 future", "1 out of hours") if reason not in said] == []


def test_movers_are_ranked_against_the_close_before():
    known = [
        stream_data.Mover(name, close, close, close, close, 10, turnover, 1, before)
        for name, close, turnover, before in (("UP", 110, 5, 100), ("DOWN", 90, 9, 100), ("FLAT", 100, 7, 100), ("NEW", 100, 8, None))
    ]

    assert [mover.symbol for mover in stream_view.ranked(known, "Gainers")] == ["UP"]
    assert [mover.symbol for mover in stream_view.ranked(known, "Losers")] == ["DOWN"]
    assert [mover.symbol for mover in stream_view.ranked(known, "Most traded")] == ["DOWN", "NEW", "FLAT", "UP"]


def test_closes_that_the_daily_pipeline_brings_later_are_those_that_movers_are_measured_against(open_store):
    store = open_store("stream_working")
    with store.database.transaction() as connection:
        connection.execute(update(TickDay).values(previous_close_paisa=None))
    before = {mover.symbol: mover.change_pct for mover in stream_data.movers(SESSION)}
    forget()
    symbol = min(before)
    with store.database.transaction() as connection:
        connection.execute(insert(Price).values(session=SESSION, symbol=symbol, previous_close_paisa=10_000))
    after = {mover.symbol: mover.change_pct for mover in stream_data.movers(SESSION)}

    assert set(before.values()) == {None}
    assert after[symbol] is not None


def test_bars_of_five_minutes_hold_what_those_of_one_do(open_store):
    open_store("stream_working")

    ones, fives = stream_data.candles(SESSION, "ADBL", 60), stream_data.candles(SESSION, "ADBL", 300)

    assert (len(ones), len(fives)) == (120, 24)
    assert sum(bar.volume for bar in fives) == sum(bar.volume for bar in ones)
    assert fives[0].prices == (500.0, 507.0, 498.0, 505.0)


def test_the_market_by_minute_adds_up_every_symbol(open_store):
    open_store("stream_working")

    first = stream_data.minutes(SESSION, 600)[0]

    assert (first.trades, first.symbols) == (15, 5)
    assert first.turnover_npr == sum(200 * (500 + 10 * place) for place in range(5))


def test_a_corrected_bar_counts_once_and_with_its_newest_revision(open_store):
    store = open_store("stream_working")
    with store.database.transaction() as connection:
        (bar, *_) = speed_layer.bars_of(connection, SESSION, "ADBL")
        speed_layer.add_bars(connection, {name: [value] for name, value in (dict(bar) | {"revision": 1, "trades": 5}).items()})

    assert stream_data.minutes(SESSION, 601)[0].trades == 17
    assert stream_data.candles(SESSION, "ADBL", 60)[0].trades == 5


def test_the_daily_figures_do_not_count_sessions_of_the_stream(open_store, visit):
    open_store("stream_alone")

    app = visit("overview.py")
    said = text_of(app)

    assert not app.exception
    assert "Nothing has run yet" in said
    assert "Backfill all of them" in said
    assert "The session of" in said  # the stream in a line of its own
    assert "Last runs" not in said


def test_records_of_the_stream_are_no_dead_letters_of_the_daily_pipeline(open_store, visit):
    open_store("stream_working")

    said = text_of(visit("overview.py"))

    assert "Open dead letters" not in said
    assert "2 open alerts" in said


def test_a_process_of_the_stream_is_no_runner(open_store, visit):
    store = open_store("stream_working")
    with store.database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM runner WHERE kind = 'runner'")

    assert "of the session, and no runner is alive" in text_of(visit("stream.py"))
    assert "Runner not alive" in text_of(visit("overview.py"))


def test_the_run_of_a_session_shows_its_events_and_leads_to_the_stream(open_store, visit):
    store = open_store("stream_stopped")
    with store.database.reading() as connection:
        run_id = runs.recent(connection, pipeline=moves.STREAM, limit=1)[0]["id"]

    app = visit("run.py", id=str(run_id))
    said = text_of(app)

    assert not app.exception
    assert "The session on the Stream page" in said
    assert "Rerun…" not in said
    assert list(app.dataframe[0].value["Event"]) == ["run queued", "run claimed", "run cancelled"]


def test_the_list_of_runs_shows_the_stream_by_itself(open_store, visit):
    open_store("stream_stopped")

    daily, stream = visit("runs.py"), visit("runs.py", pipeline="ticks")

    assert not stream.exception
    assert len(stream.dataframe[0].value) == 1
    assert len(daily.dataframe[0].value) > 1
    assert "The stream" in text_of(stream)
    assert "Backfill…" not in text_of(stream)


def test_dead_letters_of_the_stream_are_listed_by_themselves_and_cannot_be_replayed(open_store, visit):
    open_store("stream_working")

    listed = visit("dead_letters.py", pipeline="ticks")
    one = visit("dead_letters.py", letter="1")

    assert len(listed.dataframe[0].value) == 2
    assert listed.button(key="replay_all").disabled
    assert not one.exception
    assert "The session in the stream" in text_of(one)
    assert "Replay" not in text_of(one)


def test_what_is_a_trade_is_offered_to_be_taken_in_and_what_is_none_to_be_corrected(open_store, visit):
    store = open_store("stream_working")
    trade = {"contractId": 2025060301000014, "stockSymbol": "NABIL", "contractQuantity": 100, "contractRate": 520.0}
    letter = Letter(
        LetterKind.ROW, 14, "NABIL", "late", None, "offset 14: its window was closed when it came", b"{}", trade, SESSION, "intake"
    )
    with store.database.transaction() as connection:
        run = runs.recent(connection, pipeline=moves.STREAM, limit=1)[0]
        dead_letters.add(connection, run, "0" * 64, f"ticks {SESSION}", [letter], at=NOW)
        known = {row["reason"]: row["id"] for row in dead_letters.page(connection, LetterFilter(pipeline=moves.STREAM))}

    late, broken = (visit("dead_letters.py", letter=str(known[reason])) for reason in ("late", "malformed"))

    assert "Take it in…" in text_of(late)
    assert "take it in as it is or corrected, which makes its bar anew" in text_of(late)
    assert "Take it in…" not in text_of(broken)
    assert "correct the record and take it in" in text_of(broken)


def test_a_session_of_which_more_was_set_aside_than_is_listed_says_so_where_it_is_listed_and_where_it_is_counted(open_store, visit):
    store = open_store("stream_ended")
    with store.database.transaction() as connection:
        speed_layer.change(connection, SESSION, aside={"late": 9_000, "duplicate": 3_345})
    forget()

    day = SESSION.isoformat()
    listed = text_of(visit("dead_letters.py", pipeline="ticks", since=day, until=day))

    assert "the first 10,000 of 12,345 records that the stream has set aside; the log keeps all" in listed
    assert "The first 10,000 have a letter; the log keeps all." in text_of(visit("stream.py"))
    assert "the log keeps all" not in text_of(visit("dead_letters.py", pipeline="daily_prices"))
