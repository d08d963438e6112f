"""The Alerts page: filters in the URL, the market's alerts with their symbols folded under them, acknowledging and silencing."""

from datetime import date, timedelta

import pytest
from sqlalchemy import insert

from engine.services import Services
from pages.ui import alert_data, alert_words
from pages.ui.alert_data import AlertView
from storage import alert_list, speed_layer
from storage.alert_list import AlertFilter
from storage.audit import recent as audited
from storage.status import AlertStanding
from storage.tables import TickAlert
from tests.pages.conftest import text_of
from tests.pages.gallery import NOW
from tests.pages.gallery_stream import SESSION, alert

LISTED = ["Whole market", "NABIL", "UPPER", "HIDCL", "NABIL"]


def symbols(app) -> list[str]:
    return [label.split(" · ")[0] for label in app.dataframe[0].value["Symbol"]]


def test_alerts_are_listed_newest_first_with_what_happened_and_where_they_stand(open_store, visit):
    open_store("stream_working")

    app = visit("alerts.py", on="stream")
    grid = app.dataframe[0].value

    assert not app.exception
    assert symbols(app) == LISTED
    assert list(grid["What"]) == [
        "3 symbols; the farthest 7.2 % off the average of its last 300 s, limit 5 %",
        "5.4 % off the average of its last 300 s, limit 5 %",
        "120,000 shares in one trade, limit 100,000",
        "63 times its usual trades within 10 s, limit 50 times",
        "5.4 % off the average of its last 300 s, limit 5 %",
    ]
    assert [marks[0].split(" ", 1)[1] for marks in grid["State"]] == ["open", "open", "acknowledged", "silenced", "resolved"]
    assert "3 more times within a cooldown" in text_of(app)


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ({"state": "open"}, ["Whole market", "NABIL"]),
        ({"state": "silenced"}, ["HIDCL"]),
        ({"state": "acknowledged"}, ["UPPER"]),
        ({"rule": "trade_burst"}, ["HIDCL"]),
        ({"symbol": "nabil"}, ["↳ NABIL", "NABIL", "NABIL"]),
        ({"session": SESSION.isoformat()}, LISTED),
        ({"before": "upper-1"}, ["HIDCL", "NABIL"]),
    ],
)
def test_the_address_says_what_is_listed(query, listed, open_store, visit):
    open_store("stream_working")

    app = visit("alerts.py", **query)

    assert not app.exception
    assert symbols(app) == listed


def test_an_alert_of_the_whole_market_unfolds_to_its_symbols(open_store, visit):
    open_store("stream_working")

    folded, unfolded = visit("alerts.py", on="stream"), visit("alerts.py", unfold="market-1")

    assert folded.dataframe[0].value["Folded"][0].startswith("▸ 3 symbols")
    assert symbols(unfolded)[:4] == ["Whole market", "↳ NICA", "↳ NABIL", "↳ ADBL"]
    assert unfolded.dataframe[0].value["Folded"][0].startswith("▾ 3 symbols")


def test_several_alerts_are_acknowledged_at_once_and_it_is_audited(open_store, visit):
    store = open_store("stream_working")
    app = visit("alerts.py", state="open")
    app.session_state["alerts_open_____"] = {"selection": {"rows": [0, 1], "columns": [], "cells": []}}
    app.run()

    app.button(key="acknowledge_picked").click().run()

    assert not app.exception
    with store.database.reading() as connection:
        assert [row["parameters"]["key"] for row in audited(connection)] == ["nabil-1", "market-1"]
        assert speed_layer.alert(connection, "nabil-1")["acknowledged_by"] == "console"
    assert "No alert matches" in text_of(app)


def test_what_was_acknowledged_stays_so_when_it_is_resolved_and_says_both(open_store, visit):
    store = open_store("stream_working")
    with store.database.transaction() as connection:
        row = dict(speed_layer.alert(connection, "upper-1"))
        speed_layer.set_alerts(
            connection, [alert("upper-1", "UPPER", minute=50, rule=row["rule"], state="resolved", resolved_us=row["fired_us"] + 1)]
        )

    app = visit("alerts.py", state="acknowledged")
    grid = app.dataframe[0].value

    assert symbols(app) == ["UPPER"]
    assert [mark.split(" ", 1)[1] for mark in grid["State"][0]] == ["acknowledged"]
    assert grid["Lasted"][0] == "0 ms"
    assert symbols(visit("alerts.py", state="resolved")) == ["NABIL"]


def test_a_silence_that_holds_is_listed_with_its_end_and_can_be_lifted(open_store, visit):
    store = open_store("stream_working")
    app = visit("alerts.py", on="stream")
    before = text_of(app)

    app.button(key="lift_1").click().run()

    assert "Trade burst of HIDCL** until 3 Jun 2025 21:00 (in 1 h)" in before
    assert not app.exception
    assert "Nothing is silenced." in text_of(app)
    with store.database.reading() as connection:
        assert [row["command"] for row in audited(connection)] == ["lift_silence"]
    assert alert_data.counts(AlertFilter())[AlertStanding.OPEN][0] == 3


def test_a_silence_over_a_symbol_holds_for_every_rule(open_store):
    store = open_store("stream_working")
    said = {"rule": None, "symbol": "NABIL", "reason": "why", "silenced_by": "a person"}
    with store.database.transaction() as connection:
        speed_layer.silence(connection, until=NOW + timedelta(minutes=5), silenced_at=NOW, **said)

    silenced = alert_data.page(AlertFilter((AlertStanding.SILENCED,)))

    assert [row.symbol for row in silenced] == ["NABIL", "HIDCL"]


def test_when_a_silence_has_expired_its_alerts_are_open_again(open_store):
    store = open_store("stream_working")
    Services(store.runtime, actor="asha").silence_alerts(symbol="NABIL", minutes=5, reason="a new listing")

    def standing(after: timedelta) -> dict[str, str]:
        with store.database.reading() as connection:
            rows = alert_list.by_keys(connection, ["nabil-1", "hidcl-1"], at=NOW + after)
        return {row["symbol"]: row["standing"] for row in rows}

    assert standing(timedelta(minutes=4, seconds=59)) == {"NABIL": "silenced", "HIDCL": "silenced"}
    assert standing(timedelta(minutes=5)) == {"NABIL": "open", "HIDCL": "silenced"}
    assert standing(timedelta(hours=1)) == {"NABIL": "open", "HIDCL": "open"}


def test_where_nothing_ever_alerted_the_page_says_so(open_store, visit):
    open_store("healthy")

    app = visit("alerts.py", on="stream")

    assert not app.exception
    assert "No alert so far" in text_of(app)


def test_pages_of_a_long_list_meet_and_do_not_overlap(open_store):
    store = open_store("stream_paused")
    many = [alert(f"k{number:05}", minute=number // 3) for number in range(120)]
    with store.database.transaction() as connection:
        connection.execute(insert(TickAlert.__table__), many)

    found, before = [], None
    while rows := alert_data.page(AlertFilter(session=SESSION), before=before):
        found += [row.key for row in rows]
        before = rows[-1].key

    assert found == [f"k{number:05}" for number in reversed(range(120))]


def test_a_rule_that_has_no_words_yet_is_told_by_its_figures():
    row = alert("x", rule="new_rule")
    view = AlertView.of(row | {"standing": "open", "acknowledged_by": None, "acknowledged_at": None})

    assert alert_words.what(view, 300) == "5.42 against 5"


def test_a_move_of_the_whole_market_says_which_halt_of_the_index_it_came_near():
    row = alert("x", rule="index_halt", symbol="MARKET") | {"session": date(2025, 6, 3), "score": -3.62, "bound": 3.5}
    view = AlertView.of(row | {"standing": "open", "acknowledged_by": None, "acknowledged_at": None})

    said = alert_words.what(view, 300)

    assert said == "moved -3.62 %, limit 3.5 %; 4 % halts trading for 20 min"
