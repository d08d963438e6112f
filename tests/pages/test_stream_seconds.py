"""Bars of a second, sliding averages and volatility on the Stream page, read from the session's log."""

import numpy as np
import pytest

from engine.stream.contracts import first_id
from engine.stream.logs import log_of
from engine.stream.records import Records
from engine.stream.ticks import SECOND, Symbols, Ticks
from pages.ui import stream_seconds
from pages.ui.charts import live
from pages.ui.shared import forget
from tests.pages.conftest import text_of
from tests.pages.gallery_stream import ELEVEN, SESSION

TRADES = 400  # of NABIL, one every two seconds, and one after them by which the watermark passes the others


def traded(store, *, first: int = 0, count: int = TRADES) -> None:
    """Append trades of NABIL around NPR 505 to the session's log, whose close before is NPR 500."""
    numbers = np.arange(first, first + count)
    ticks = Ticks(
        first_id(SESSION) + 1_000_000 + numbers + 1,
        ELEVEN + numbers * 2 * SECOND,
        np.zeros(count, np.uint16),
        np.full(count, 100),
        50_000 + 500 * (numbers % 3),
    )
    records = Records(ticks, Symbols(["NABIL"]), ticks.time)
    with store.database.transaction() as connection:
        log_of(store.runtime).append(connection, SESSION, records)


@pytest.fixture
def store(open_store):
    opened = open_store("stream_working")
    traded(opened)
    forget()
    return opened


def test_bars_of_a_second_are_those_of_the_newest_five_minutes(store):
    bars = stream_seconds.candles(SESSION, "NABIL")
    first, last = stream_seconds.shown(SESSION)

    assert (last - first) // SECOND == 299
    assert len(bars) == 150
    assert all(first <= bar.start_us <= last for bar in bars)
    assert {bar.prices[3] for bar in bars} == {500.0, 505.0, 510.0}


def test_what_has_come_since_is_there_when_it_is_looked_at_again(store):
    before = stream_seconds.candles(SESSION, "NABIL")
    traded(store, first=TRADES, count=50)
    forget()

    after = stream_seconds.candles(SESSION, "NABIL")

    assert after[-1].start_us - before[-1].start_us == 100 * SECOND


def test_the_average_and_its_band_are_those_of_the_window_of_the_rule(store):
    end = ELEVEN + 600 * SECOND

    [slid] = stream_seconds.sliding(SESSION, "NABIL", 60, end - 60 * SECOND, end - 60 * SECOND)

    assert slid.average == pytest.approx(505.0)
    assert slid.volatility_pct == pytest.approx(100 * np.std([500, 505, 510]) / 505, rel=1e-6)


def test_the_market_has_its_move_and_volatility_beside_its_sums(store):
    seconds, minutes = stream_seconds.market(SESSION, 1, 600), stream_seconds.market(SESSION, 60, 600)

    assert {span.trades for span in seconds} == {1}
    assert {round(span.move_pct, 2) for span in seconds} == {0.0, 1.0, 2.0}
    assert (minutes[0].trades, minutes[0].turnover_npr) == (15, sum(200 * (500 + 10 * place) for place in range(5)))
    assert minutes[5].volatility == pytest.approx(np.std([0, 1, 2]), abs=0.01)


def test_the_market_in_five_minutes_adds_up_the_minutes(store):
    ones, fives = stream_seconds.market(SESSION, 60, 600), stream_seconds.market(SESSION, 300, 600)

    assert len(fives) == 24
    assert sum(span.trades for span in fives) == sum(span.trades for span in ones)
    assert sum(span.turnover_npr for span in fives) == pytest.approx(sum(span.turnover_npr for span in ones))


def test_the_chart_of_seconds_spans_five_minutes_whatever_was_traded(store):
    span = stream_seconds.shown(SESSION)
    bars = stream_seconds.candles(SESSION, "NABIL")[-3:]
    slid = stream_seconds.sliding(SESSION, "NABIL", 1, *span)

    table = live.candles(bars, span, width=1, previous_close=None, marks=[], slid=slid)["dataset"]["source"]

    assert (table.num_rows, table["volume"].null_count) == (300, 297)
    assert table["at"][0].as_py().count(":") == 2
    assert table["average"].null_count == 0


@pytest.mark.parametrize("width", ["1 s", "1 min", "5 min"])
def test_the_page_draws_each_width_and_says_what_the_lines_are(width, store, visit):
    app = visit("stream.py", symbol="NABIL")

    app.segmented_control(key="width").set_value(width).run()

    assert not app.exception
    assert "average of the trades of the last 300 s" in text_of(app)


def test_where_the_log_cannot_be_read_the_bars_that_are_stored_are_shown_and_why_the_rest_is_not(store, visit):
    with store.database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM tick_segment")

    app = visit("stream.py", symbol="NABIL")

    assert not app.exception
    assert "No sliding average:" in text_of(app)
