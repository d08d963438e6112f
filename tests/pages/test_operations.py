"""The Alerts page: what is wrong and who was told, the channels with their test, and what stands in the address."""
# ruff: noqa: PLC0415 the script is copied out of this module and imports for itself

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import operation_data
from pages.ui.shared import forget
from storage import alerts
from storage.audit import recent as audited
from storage.tables import Notification
from tests.pages.conftest import text_of
from tests.pages.gallery import NOW

SECRETS = ("hunter2secret", "tokentoken")


def test_what_nobody_has_acknowledged_stands_first_with_its_delivery_and_its_cause(open_store, visit):
    open_store("alerting")

    app = visit("alerts.py")
    said = text_of(app)

    assert not app.exception
    titles = [
        "daily_prices of 2025-06-03 failed",
        "2 alerts of the rule job failed",
        "The disk is nearly full",
        "Source simulated is left alone",
    ]
    assert sorted(titles, key=said.index) == titles
    assert "desk: :green[:material/check_circle: alert sent]" in said
    assert "boss: :red[:material/error: alert given up]" in said
    assert "came back 2 times within the cooldown" in said
    assert "seen by a person 5 min ago" in said
    assert "Of backup, drill" in said
    assert app.dataframe[0].value["Alert"][0].endswith("daily_prices of 2025-06-03 is late")


def test_the_first_line_says_how_much_is_wrong_how_grave_and_what_waits_for_somebody(open_store, visit):
    open_store("alerting")
    app = visit("alerts.py")

    assert app.error[0].value == "**4 alerts fire** (3 errors, 1 warning); nobody has acknowledged 2 of them."
    assert "stand on this page only" not in text_of(app)


def test_the_first_line_says_that_nobody_beyond_the_page_is_told(open_store, visit):
    open_store("healthy")
    app = visit("alerts.py")

    assert "Alerts stand on this page only: no channel is set up." in text_of(app)


def test_an_alert_is_acknowledged_with_one_click_and_it_is_audited(open_store, visit):
    store = open_store("alerting")
    app = visit("alerts.py")
    app.button(key="ack_1").click().run()

    assert not app.exception
    with store.database.reading() as connection:
        assert audited(connection, limit=1)[0]["command"] == "acknowledge"
    assert {one.id: one.standing for one in operation_data.open_ones()}[1] == "acknowledged"
    assert "ack_1" not in {button.key for button in app.button}


def test_a_list_of_what_is_over_that_is_cut_says_where_the_rest_is(open_store, visit):
    store = open_store("alerting")
    before = text_of(visit("alerts.py"))
    with store.database.transaction() as connection:
        for number in range(operation_data.OVER):
            row = {"rule": "run_failed", "subject": f"daily {number}", "severity": "error", "title": "t", "detail": "d", "page": "runs"}
            added = alerts.add(connection, at=NOW, **row, query={}, members=[])
            alerts.change(connection, added, resolved_at=NOW)
    forget()

    assert "--resolved" not in before
    assert "The newest 20; more: `python -m engine alerts --resolved 200`" in text_of(visit("alerts.py"))


def test_all_that_waits_for_somebody_is_acknowledged_with_one_click_and_each_is_audited(open_store, visit):
    store = open_store("alerting")
    app = visit("alerts.py")
    label = app.button(key="ack_all").label
    app.button(key="ack_all").click().run()

    assert not app.exception
    assert label == "Acknowledge all 2"
    assert operation_data.waiting() == ()
    with store.database.reading() as connection:
        assert {row["parameters"]["alert"] for row in audited(connection, limit=2)} == {1, 4}
    assert "ack_all" not in {button.key for button in app.button}


def test_what_has_come_since_the_list_was_drawn_is_not_acknowledged_with_it(open_store, visit):
    store = open_store("alerting")
    app = visit("alerts.py")
    with store.database.transaction() as connection:
        row = {"rule": "run_failed", "subject": "daily 1", "severity": "error", "title": "t", "detail": "d", "page": "runs"}
        unseen = alerts.add(connection, at=NOW, **row, query={}, members=[])
    forget()
    app.button(key="ack_all").click().run()

    assert not app.exception
    assert [one.id for one in operation_data.waiting()] == [unseen]


def test_a_rule_is_silenced_before_anything_breaks_it(open_store):
    store = open_store("healthy")
    app = AppTest.from_function(silence_ahead_script, default_timeout=30).run()
    app.selectbox(key="quiet_rule").set_value("session_late")
    app.text_input(key="quiet_reason").set_value("the source moves house tonight")
    app.button(key="quiet_yes").click().run()

    with store.database.reading() as connection:
        (row,) = audited(connection, limit=1)
    asked = row["parameters"]
    assert (row["command"], asked["rule"], asked["symbol"], asked["minutes"]) == ("silence_alerts", "session_late", None, 60)


def test_every_page_says_beside_it_how_many_alerts_wait_for_somebody(open_store, visit):
    open_store("alerting")
    links = [link.value if hasattr(link, "value") else "" for link in visit("logs.py").sidebar.get("page_link")]

    assert ":red[**2 open alerts**]" in links


def test_where_nothing_waits_for_somebody_nothing_stands_beside_the_pages(open_store, visit):
    open_store("healthy")

    assert not visit("logs.py").sidebar.get("page_link")


# The harness forgets an open dialog at the next click; this script asks again each time it runs.
def silence_script():
    from pages.ui import operation_data, operation_view

    operation_view.ask_silence(operation_data.open_ones()[0])


def silence_ahead_script():
    from pages.ui import operation_view

    operation_view.ask_silence()


def test_a_silence_wants_a_reason_and_is_of_what_the_alert_is_about(open_store):
    store = open_store("alerting")
    app = AppTest.from_function(silence_script, default_timeout=30).run()
    app.button(key="quiet_yes").click().run()
    refused = text_of(app)
    app.text_input(key="quiet_reason").set_value("it is being mended").run()
    app.button(key="quiet_yes").click().run()

    assert "say why" in refused
    with store.database.reading() as connection:
        (row,) = [row for row in audited(connection, limit=5) if row["command"] == "silence_alerts"]
    assert (row["parameters"]["rule"], row["parameters"]["symbol"]) == ("run_failed", "daily_prices 2025-06-03")


def test_a_timeline_tells_what_happened_and_what_channels_were_told(open_store, visit):
    open_store("alerting")
    app = visit("alerts.py")
    app.button(key="timeline_1").click().run()
    rows = app.get("table")[0].value

    assert not app.exception
    assert [str(row).replace("\\", "") for row in rows["What"]] == ["It fired", "desk: alert sent", "boss: alert given up"]


def test_channels_are_shown_without_a_secret_and_with_what_became_of_their_messages(open_store, visit):
    open_store("alerting")
    app = visit("alerts.py", on="channels")
    said = text_of(app)

    assert not app.exception
    assert "desk :gray[mailto]" in said.replace("*", "")
    assert "Failed to send: error=403." in said
    log = next(table.value for table in app.get("table") if "Note" in table.value)
    assert set(log["Channel"]) == {"desk", "boss"}
    for secret in SECRETS:
        assert secret not in said + str([table.value.to_dict() for table in app.get("table")])


def test_a_channel_that_cannot_work_says_so_before_anything_is_sent(open_store, visit):
    store = open_store("alerting")
    store.runtime.settings.channels_file.write_text('[[channel]]\nname = "desk"\nurl = "foo://hunter2secret@x"\n')
    said = text_of(visit("alerts.py", on="channels"))

    assert "channel desk: Apprise knows no service foo://" in said.replace("\\", "")
    assert "hunter2secret" not in said


@pytest.mark.parametrize(("state", "colour"), [("given_up", "red"), ("dropped", "gray")])
def test_only_what_nobody_heard_that_should_have_is_red(open_store, visit, state, colour):
    store = open_store("alerting")
    with store.database.transaction() as connection:
        connection.execute(Notification.__table__.update().values(state=state, ended_at=NOW, note="why it was so"))

    assert f":small[:{colour}[why it was so]]" in text_of(visit("alerts.py", on="channels"))


def test_the_test_button_writes_one_test_however_often_it_is_clicked(open_store, visit):
    open_store("alerting")
    app = visit("alerts.py", on="channels")
    app.button(key="test_0").click().run()

    assert [row.kind for row in operation_data.log("desk")].count("test") == 1
    assert app.button(key="test_0").disabled


def test_without_channels_the_page_says_how_to_name_one(open_store, visit):
    open_store("healthy")
    app = visit("alerts.py", on="channels")

    assert "Nobody is told of alerts" in text_of(app)
    assert "[[channel]]" in app.code[0].value


def test_a_broken_file_of_channels_is_told_without_a_secret(open_store, visit):
    store = open_store("healthy")
    store.runtime.settings.channels_file.write_text('[[channel]]\nname = "desk"\nurl = "json://hunter2secret"\nsevrity = "error"\n')
    said = text_of(visit("alerts.py", on="channels"))

    assert "channel 1: sevrity: Extra inputs are not permitted" in said
    assert "hunter2secret" not in said


def test_where_nothing_is_wrong_the_page_says_so(open_store, visit):
    open_store("healthy")

    assert "Nothing is wrong" in text_of(visit("alerts.py"))


def test_an_address_that_filters_the_streams_alerts_means_those(open_store, visit):
    open_store("stream_working")
    app = visit("alerts.py", state="open")

    assert app.query_params["on"] in ("stream", ["stream"])
    assert "Trades that broke a rule" in text_of(app)


def test_the_overview_counts_what_nobody_has_acknowledged(open_store, visit):
    open_store("alerting")

    assert "2 alerts nobody has acknowledged" in text_of(visit("overview.py"))
