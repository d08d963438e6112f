"""The Replay lab: what other thresholds would have alerted on, shared by its address, looked into, and saved with a reason."""

import re

import pytest

from engine import tapes
from engine.errors import UnreadableFile
from engine.services import Services
from pages.ui import data, tape_data
from pages.ui.shared import forget
from storage import thresholds
from tests.pages.conftest import text_of
from tests.pages.console import busy_home, open_console

DAY = "2025-06-02"
LIMIT = "moving_average.alert_above"


@pytest.fixture
def lab(tmp_path_factory, tmp_path, monkeypatch, visit):
    """A console on the simulated exchange whose last dates were run, and the lab on one of them."""
    runtime = open_console(busy_home(tmp_path_factory, tmp_path), monkeypatch)

    def go(**query: str):
        return visit("replay_lab.py", **({"session": DAY} | query))

    yield go, runtime
    runtime.database.close()


def slider(app, name: str):
    return next(one for one in [*app.slider, *app.select_slider] if one.key.startswith(f"lab_{name}_"))


def tiles(app) -> dict[str, int]:
    return {metric.label: int(metric.value.replace(",", "")) for metric in app.metric}


def alerts(app):
    return next(frame.value for frame in app.dataframe if "Alert" in frame.value)


def test_it_opens_on_the_newest_session_as_it_stands(lab):
    go, _ = lab
    app = go(session="")

    said = text_of(app)
    assert not app.exception
    assert "As it stands, Tue 3 Jun 2025 raises " in said
    assert "Simulated exchange" in said
    assert tiles(app)["Only in A"] == tiles(app)["Only in B"] == 0


def test_turning_a_threshold_says_what_it_would_have_changed_and_stands_in_the_address(lab):
    go, runtime = lab
    app = go()
    before = tiles(app)["A, as it stands"]

    slider(app, LIMIT).set_value(0.2).run()

    counted = tiles(app)
    assert not app.exception
    assert counted["A, as it stands"] == before
    assert counted["Only in B"] > 0
    assert counted["B, as turned"] == before - counted["Only in A"] + counted["Only in B"]
    assert re.search(f"{counted['Only in B']:,} new (alerts|ones) on Mon 2 Jun 2025", text_of(app))
    assert app.query_params[LIMIT] == "0.2"
    with runtime.database.reading() as connection:
        assert list(thresholds.history(connection)) == []


def test_an_address_that_says_anything_of_the_newest_session_names_it(lab):
    go, _ = lab
    assert not go(session="").query_params["session"]

    app = go(**{"session": "", LIMIT: "0.1"})

    assert app.query_params["session"] == "2025-06-03"  # it is not the newest for ever


def test_the_address_opens_the_same_view(lab):
    go, _ = lab
    turned = go()
    slider(turned, LIMIT).set_value(0.2).run()

    shared = go(**{LIMIT: "0.2"})

    assert tiles(shared) == tiles(turned)
    assert slider(shared, LIMIT).value == 0.2
    assert "A 5" in slider(shared, LIMIT).label


@pytest.mark.parametrize("asked", ["nonsense", "99999", "nan"])
def test_a_threshold_in_the_address_that_may_not_be_so_is_passed_over(lab, asked):
    go, _ = lab
    app = go(**{LIMIT: asked})

    assert not app.exception
    assert slider(app, LIMIT).value == 5.0


def test_putting_back_leaves_nothing_turned(lab):
    go, _ = lab
    app = go(**{LIMIT: "0.2", "window_s": "120"})

    app.button(key="lab_put_back_now").click().run()

    assert "As it stands" in text_of(app)
    assert LIMIT not in app.query_params
    assert (slider(app, LIMIT).value, slider(app, "window_s").value) == (5.0, 300.0)


def test_alerts_are_listed_by_symbol_rule_and_side(lab):
    go, _ = lab
    app = go(**{LIMIT: "0.2"})
    symbol = next(name.split(" · ")[1] for name in alerts(app)["Alert"] if "MARKET" not in name)

    app.selectbox(key="symbol").set_value(symbol).run()
    of_symbol = alerts(app)
    app.selectbox(key="in").set_value("only in B").run()

    assert {name.split(" · ")[1] for name in of_symbol["Alert"]} == {symbol}
    assert set(alerts(app)["In"].explode()) == {"only in B"}
    assert app.query_params["symbol"] == symbol


def test_an_alert_shows_the_trades_around_it_with_their_scores(lab):
    go, _ = lab
    app = go(**{LIMIT: "0.2"})
    name = next(name for name in alerts(app)["Alert"] if "MARKET" not in name and "moving average" in name)
    app.session_state["lab_alert_open"] = {"row": 0, "label": name}

    app.run()

    trades = next(frame.value for frame in app.dataframe if "Contract" in frame.value)
    (mark,) = [row for row in trades.to_dict("records") if row[""]]
    assert f"The tape around {name}" in text_of(app)
    assert mark["Time"].startswith(name.split(" · ")[0])
    assert float(mark["Score"]) > 0.2


def test_an_alert_of_the_market_names_its_symbols(lab):
    go, _ = lab
    app = go(**{LIMIT: "0.1", "group_symbols": "2"})
    market = next(name for name in alerts(app)["Alert"] if "MARKET" in name)
    app.session_state["lab_alert_open"] = {"row": 0, "label": market}

    app.run()

    assert not app.exception
    assert "One alert for " in text_of(app)


def test_an_alert_in_the_address_that_is_gone_is_said_to_be(lab):
    go, _ = lab

    assert "neither in A nor in B" in text_of(go(alert="0" * 24))


def test_saving_asks_for_a_reason_and_makes_b_what_stands(lab):
    go, runtime = lab
    app = go(**{LIMIT: "0.2", "cooldown_s": "600"})
    raised = tiles(app)["B, as turned"]

    app.button(key="lab_save_now").click().run()
    assert "Give a reason" in text_of(app)
    app.text_input(key="lab_reason").input("five percent is far too late")
    app.button(key="lab_save_now").click().run()

    with runtime.database.reading() as connection:
        saved = [(row["key"], row["value"], row["reason"], row["changed_by"]) for row in thresholds.history(connection)]
    assert sorted(saved) == [
        ("stream.cooldown_s", 600.0, "five percent is far too late", "console"),
        ("stream.moving_average.alert_above", 0.2, "five percent is far too late", "console"),
    ]
    assert tiles(app)["A, as it stands"] == raised
    assert "As it stands" in text_of(app)
    assert LIMIT not in app.query_params


def test_a_limit_that_somebody_else_saved_meanwhile_is_what_a_stands_at(lab):
    go, runtime = lab
    app = go()
    Services(runtime, actor="another person").set_threshold("stream.moving_average.alert_above", 2.0, reason="meanwhile")
    forget()

    app.run()

    assert slider(app, LIMIT).value == 2.0
    assert "As it stands" in text_of(app)


def test_a_day_without_a_tape_in_the_address_is_said_to_have_none(lab):
    go, _ = lab
    app = go(session="2025-05-31")

    assert not app.exception
    assert "a day of which there are no trades" in text_of(app)


def test_a_part_of_the_address_that_it_does_not_know_is_said(lab):
    go, _ = lab

    assert "which this page does not know" in text_of(go(window="120"))


@pytest.mark.parametrize("page", ["replay_lab.py", "reconcile.py"])
def test_without_a_tape_it_says_where_to_put_one(page, open_store, visit, monkeypatch, tmp_path):
    store = open_store("empty")
    monkeypatch.setattr(tape_data, "tape_days", lambda: tape_data.TapeDays(()))
    monkeypatch.setattr(data, "settings", lambda: store.runtime.settings.model_copy(update={"source_dir": tmp_path}))

    app = visit(page)

    assert not app.exception
    assert "No session has a tape yet" in text_of(app)
    assert f"{tmp_path}/floorsheet/" in text_of(app)


@pytest.mark.parametrize("page", ["replay_lab.py", "reconcile.py"])
def test_a_source_that_cannot_be_read_is_said(page, open_store, visit, monkeypatch):
    open_store("healthy")
    monkeypatch.setattr(tape_data, "tape_days", lambda: tape_data.TapeDays((), "The folder /data is gone."))

    assert "The folder /data is gone." in text_of(visit(page))


@pytest.mark.parametrize("page", ["replay_lab.py", "reconcile.py"])
def test_a_tape_that_cannot_be_read_is_said_with_what_to_do(page, open_store, visit, monkeypatch):
    open_store("healthy")

    def torn(_runtime, day):
        raise UnreadableFile(f"{day}.csv.gz ends in the middle. Ask the source for it again.")

    monkeypatch.setattr(tapes, "read_tape", torn)
    app = visit(page)

    assert not app.exception
    assert "ends in the middle" in text_of(app)
