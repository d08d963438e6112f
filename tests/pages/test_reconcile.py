"""The Reconcile page: a day that is exact, one that differs with its causes, one that has no official rows yet."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from engine import tapes
from engine.stream.logs import log_of
from engine.stream.sources import ticks_of
from engine.stream.work import StreamProcess
from pages.ui.shared import forget
from tests.pages.conftest import text_of
from tests.pages.console import busy_home, commands, execute_queued, open_console

DAY = date(2025, 6, 1)
WITH_BAD_ROWS = date(2025, 6, 2)


@pytest.fixture
def console(tmp_path_factory, tmp_path, monkeypatch):
    """A console on the simulated exchange whose last dates were run."""
    runtime = open_console(busy_home(tmp_path_factory, tmp_path), monkeypatch)
    yield runtime
    runtime.database.close()


@pytest.fixture
def tape_of(monkeypatch):
    """Let the tape be another than the one that is there."""

    def put(change) -> None:
        read = tapes.read_tape
        monkeypatch.setattr(tapes, "read_tape", lambda runtime, day: change(read(runtime, day)))
        forget()

    return put


def tiles(app) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def without(tape: tapes.Tape, *symbols: str) -> tapes.Tape:
    codes = [tape.symbols.names.index(symbol) for symbol in symbols]
    return replace(tape, ticks=tape.ticks.take(~np.isin(tape.ticks.symbol, codes)))


def grid(app):
    return next(frame.value for frame in app.dataframe if "Turnover" in frame.value)


def test_a_day_whose_trades_add_up_is_exact_and_shows_every_symbol(console, visit):
    app = visit("reconcile.py", session=DAY.isoformat())

    said = text_of(app)
    assert not app.exception
    assert "Simulated exchange" in said
    assert "are exact" in app.success[0].value
    assert tiles(app)["Trades missing"] == "0"
    assert tiles(app)["Complete"] == "100%"
    assert "Nothing differs." in said


def test_a_symbol_whose_official_row_was_set_aside_is_told_from_one_that_has_none(console, visit):
    """On that day four rows could not be read, and a fifth had lost its symbol."""
    app = visit("reconcile.py", session=WITH_BAD_ROWS.isoformat())

    assert "1 symbol differs; 298 of 298 on both sides are exact (official row set aside: 4)" in app.error[0].value.replace("\\", "")
    assert sorted(grid(app)["Cause"]) == ["no official row", *["official row set aside"] * 4]


def test_a_trade_that_was_lost_names_its_symbol_and_fields(console, visit, tape_of):
    tape_of(lambda tape: replace(tape, ticks=tape.ticks.take(np.delete(np.arange(len(tape.ticks)), 2000))))

    app = visit("reconcile.py", session=DAY.isoformat())

    (row,) = grid(app).to_dict("records")
    assert "1 symbol differs" in app.error[0].value
    assert row["Cause"] == "trades lost (1)"
    assert " → " in row["Trades"]
    assert tiles(app)["Trades missing"] == "1"


def test_symbols_that_are_not_on_the_tape_are_listed_and_the_others_exact(console, visit, tape_of):
    gone = tapes.read_tape(console, DAY).symbols.names[:2]
    tape_of(lambda tape: without(tape, *gone))

    app = visit("reconcile.py", session=DAY.isoformat())
    listed = list(grid(app)["Symbol"])
    app.selectbox(key="show").set_value("all").run()

    assert "2 symbols altogether" in app.warning[0].value
    assert listed == sorted(gone)
    assert len(grid(app)) > 200
    assert app.query_params["show"] == "all"


def test_one_symbol_of_the_address_shows_its_fields(console, visit):
    symbol = tapes.read_tape(console, DAY).symbols.names[0]

    app = visit("reconcile.py", session=DAY.isoformat(), symbol=symbol)

    assert list(grid(app)["Symbol"]) == [symbol]
    assert list(grid(app)["Cause"]) == ["exact"]


def test_a_tape_that_died_early_is_called_incomplete_and_not_reconciled(console, visit, tape_of):
    tape_of(lambda tape: replace(tape, ticks=tape.ticks.take(slice(0, 900))))

    app = visit("reconcile.py", session=DAY.isoformat())

    assert "it died early" in app.error[0].value
    assert "not a reconciliation" in app.error[0].value


def test_before_its_rows_are_loaded_a_day_shows_what_the_ids_say_and_one_click_brings_them(console, visit):
    app = visit("reconcile.py", session="2025-03-10")

    said = text_of(app)
    assert not app.exception
    assert "no official rows of 2025-03-10" in said
    assert "serves nothing: its daily pipeline was not run" in said
    assert not app.metric

    app.button(key="promote_batch").click().run()
    execute_queued(console)

    assert "out of the daily file of" in text_of(visit("reconcile.py", session="2025-03-10"))


def streamed(console) -> None:
    """Let the stream work on a session to its end, as fast as it goes."""
    run_id = commands(console).start_stream(DAY).run_id
    StreamProcess(console, log_of(console), lambda speed: ticks_of(console, speed=speed)).serve(run_id)
    forget()


def test_late_trades_of_the_stream_are_the_cause_until_one_click_replays_the_gap(console, visit):
    streamed(console)

    app = visit("reconcile.py", session=DAY.isoformat())
    causes = {cause.rpartition(" (")[0] for cause in grid(app)["Cause"]}
    missing = int(tiles(app)["Trades missing"])

    assert not app.exception
    assert "What the stream received and serves" in text_of(app)
    assert causes == {"trades came late"}
    assert f"has {missing} trades that came late" in text_of(app)

    app.button(key="replay_gap").click().run()

    assert not app.exception
    assert tiles(app)["Trades missing"] == "0"
    assert "are exact" in app.success[0].value
    assert "there is no gap to replay" in text_of(app)
    assert not [button for button in app.button if button.key == "replay_gap"]


def test_the_sources_own_tape_is_there_beside_what_the_stream_received(console, visit):
    streamed(console)

    app = visit("reconcile.py", session=DAY.isoformat(), of="tape")

    assert "the source's own tape" in text_of(app)
    assert tiles(app)["Trades missing"] == "0"


def test_a_session_that_was_never_streamed_says_so_and_compares_the_tape(console, visit):
    app = visit("reconcile.py", session=DAY.isoformat(), of="stream")

    assert f"The stream has not worked on {DAY}." in text_of(app)
    assert tiles(app)["Complete"] == "100%"
