"""The Quality page: can the session be trusted, is it getting worse, and what a person can do about it."""
# ruff: noqa: PLC0415 the script is copied out of this module and imports for itself

from datetime import UTC, date, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import quality_data, quality_words
from pages.ui.quality_checks import rows_of
from pages.ui.quality_views import JudgedView, StatusView
from storage import quality, runs, sessions
from storage.audit import recent as audited
from storage.status import CheckStatus, Decision, GateVerdict, Label, RunType
from tests.pages.conftest import text_of
from tests.pages.gallery import BEFORE, LAST, PIPELINE
from tests.pages.quality_gallery import SHA


def labels(store):
    with store.database.reading() as connection:
        return {(row["symbol"], row["check_id"]): row["label"] for row in quality.labels_of(connection, LAST)}


def test_a_session_that_passed_is_said_to_be_trusted(open_store, visit):
    open_store("flagged")

    said = text_of(visit("quality.py", session=BEFORE.isoformat()))

    assert "Mon 2 Jun 2025 can be trusted." in said
    assert "342 lines = 1 header + 0 blank + 341 loaded + 0 quarantined + 0 duplicates" in said.replace("**", "")
    assert "it holds" in said


def test_without_a_session_in_the_url_the_newest_one_is_shown(open_store, visit):
    open_store("flagged")

    app = visit("quality.py")

    assert "Tue 3 Jun 2025 can be trusted but for what was set aside." in text_of(app)
    assert app.warning


def test_the_worst_check_of_the_session_is_open_with_its_findings(open_store, visit):
    open_store("flagged")

    said = text_of(visit("quality.py"))

    assert "#### high not below low" in said
    assert "High is not below low." in said
    assert "UPPER" in said


def test_a_check_in_the_url_is_open_and_says_what_became_of_each_row(open_store, visit):
    open_store("flagged")

    app = visit("quality.py", check="close_inside_range")

    said = text_of(app)
    assert "#### close inside range" in said
    assert [word in said for word in ("EBL", "NICA", "SHL", "UPPER")] == [True, True, True, False]
    assert "odd lots" in said  # what it means that a finding is explained


def test_text_of_the_data_is_shown_and_not_obeyed(open_store, visit):
    open_store("flagged")

    said = "\n".join(element.value for element in visit("quality.py", check="symbol_known").markdown)

    assert "\\<b\\>ODD\\</b\\>" in said


def test_a_true_fault_is_one_click_and_can_be_taken_back(open_store, visit):
    store = open_store("flagged")
    app = visit("quality.py", check="close_inside_range")

    app.button(key=f"label_{Label.FAULT}_0").click().run()
    said = labels(store)
    app.button(key="label_none_0").click().run()

    assert said == {("NICA", "close_inside_range"): Label.FAULT}
    assert labels(store) == {}
    with store.database.reading() as connection:
        assert [row["command"] for row in audited(connection)] == ["label", "label"]


def test_a_false_alarm_offers_to_judge_its_session_again(open_store, visit):
    store = open_store("labelled")
    app = visit("quality.py", check="close_inside_range")

    assert "1 false alarm said since. Its row passes the next time" in text_of(app)
    app.button(key="judge_again_now").click().run()

    assert not app.exception
    with store.database.reading() as connection:
        (run,) = runs.recent(connection, limit=1)
    assert (run["partition"], run["run_type"]) == (LAST, RunType.RERUN)
    assert "This session is being judged again" in text_of(app)


def test_a_date_that_was_not_judged_says_so_with_a_way_on(open_store, visit):
    open_store("flagged")

    app = visit("quality.py", session="2025-05-31")

    assert "Sat 31 May 2025 was not judged" in text_of(app)
    assert not app.exception


def test_before_the_first_session_the_page_says_where_to_begin(open_store, visit):
    open_store("empty")

    assert "No session was judged yet" in text_of(visit("quality.py"))


def test_steps_lead_to_the_sessions_beside(open_store, visit):
    open_store("flagged")
    app = visit("quality.py")

    app.button(key="session_earlier").click().run()
    earlier = text_of(app)
    app.button(key="session_later").click().run()

    assert "Mon 2 Jun 2025 can be trusted" in earlier
    assert "Tue 3 Jun 2025 can be trusted" in text_of(app)
    assert app.button(key="session_later").disabled


def test_a_click_on_the_grid_chooses_session_and_check(open_store, visit):
    open_store("flagged")
    app = visit("quality.py")
    judged = quality_data.judged(PIPELINE)
    statuses = quality_data.statuses(tuple(one.run_id for one in judged))
    shown = [
        one
        for one in statuses
        if one.check_id in {"volume_usual", "close_inside_range", "high_not_below_low", "symbol_known", "control_totals"}
    ]
    place = len(judged) + next(
        number for number, one in enumerate(shown) if one.check_id == "volume_usual" and one.run_id == judged[-2].run_id
    )

    app.session_state[f"quality_grid_{judged[-1].run_id}_5"] = {"selection": {"selected": [{"data_indices": [place]}], "areas": []}}
    app.run()

    assert not app.exception  # the harness calls no callback of a chart: that a click leads on is shown in the browser


def test_a_blocked_session_says_why_and_what_can_be_done(open_store, visit):
    open_store("held")

    app = visit("quality.py")

    said = text_of(app)
    assert "Tue 3 Jun 2025 is held back.** The version of run 71 is still served until a person decides." in said
    assert "20 of 341 lines (5.9 %) are set aside" in said
    assert [app.button(key=f"gate_{name}").label for name in ("approve", "reject", "rerun")] == ["Approve…", "Reject…", "Rerun…"]


def test_of_a_blocked_session_that_was_never_served_nothing_is(open_store, visit):
    store = open_store("held")
    with store.database.transaction() as connection:
        sessions.forget(connection, LAST)

    assert "is held back.** Nothing of it is served until a person decides." in text_of(visit("quality.py"))


def test_a_rejected_session_no_longer_waits_for_a_person(open_store, visit):
    open_store("session_rejected")

    said = text_of(visit("quality.py"))

    assert "was rejected by a person.** " in said
    assert "until a person decides" not in said


def approved(dialog: AppTest) -> AppTest:
    dialog.text_input(key="gate_reason").input("a halt day, as announced")
    return dialog.button(key="gate_yes").click().run()


def newest_run(store) -> int:
    with store.database.reading() as connection:
        return runs.recent(connection, limit=1)[0]["id"]


def test_an_approval_on_the_quality_page_leads_to_the_run_that_it_makes(open_store, monkeypatch):
    store = open_store("held")
    went = []
    monkeypatch.setattr("streamlit.switch_page", lambda script, *, query_params: went.append((script, query_params)))

    dialog = approved(asked(Decision.APPROVE))

    assert not dialog.exception
    assert went == [("run.py", {"id": str(newest_run(store))})]


def on_the_run_page(day):
    from pages.ui import quality_data, quality_view, run_view
    from storage.status import Decision

    quality_view.ask_decision(quality_data.report("daily_prices", day), Decision.APPROVE, show=run_view.show)


def test_an_approved_run_leads_to_the_one_that_it_runs_on_as_and_names_it(open_store, visit):
    store = open_store("held")
    held = newest_run(store)

    dialog = approved(AppTest.from_function(on_the_run_page, args=(LAST,), default_timeout=30).run())
    old = visit("run.py", id=str(held))
    said = text_of(old)
    old.button(key="approved_run").click().run()

    assert dialog.query_params["id"] in ([str(held + 1)], str(held + 1))
    assert "Approved by console" in said
    assert f"It runs on as run {held + 1}." in said
    assert "decide about that one" not in said
    assert f"Run {held + 1} · rerun" in text_of(old)


def decision_script(day, decision):
    from pages.ui import quality_data, quality_view

    report = quality_data.report("daily_prices", day)
    assert report is not None
    quality_view.ask_decision(report, decision)


def asked(decision: Decision) -> AppTest:
    return AppTest.from_function(decision_script, args=(LAST, decision), default_timeout=30).run()


def test_an_approval_needs_a_reason(open_store):
    store = open_store("held")

    dialog = asked(Decision.APPROVE)
    dialog.button(key="gate_yes").click().run()

    assert "Give a reason" in text_of(dialog)
    with store.database.reading() as connection:
        assert quality.decision_for(connection, PIPELINE, LAST, SHA) is None


@pytest.mark.parametrize(("decision", "queued"), [(Decision.APPROVE, 1), (Decision.REJECT, 0)])
def test_a_decision_is_kept_with_its_reason(decision, queued, open_store, visit):
    store = open_store("held")

    dialog = asked(decision)
    dialog.text_input(key="gate_reason").input("a halt day, as announced")
    dialog.button(key="gate_yes").click().run()

    assert not dialog.error
    with store.database.reading() as connection:
        kept = quality.decision_for(connection, PIPELINE, LAST, SHA)
        active = [row for row in runs.recent(connection, limit=3) if row["run_type"] == RunType.RERUN]
    assert (kept["decision"], kept["reason"]) == (decision, "a halt day, as announced")
    assert len(active) == queued
    assert f"{'Approved' if queued else 'Rejected'} by" in text_of(visit("quality.py"))


def judged_view(number: int, warned: int, verdict: GateVerdict = GateVerdict.FLAGGED) -> JudgedView:
    day = date(2025, 1, 1) + timedelta(days=number)
    return JudgedView(day, number, day, verdict, None, 300, 0, warned, 0, None)


@pytest.mark.parametrize(
    ("before", "last", "word"),
    [(3, 3, "steady"), (3, 9, "worse"), (9, 3, "better"), (0, 0, "steady"), (0, 1, "worse")],
)
def test_the_course_is_that_of_the_last_sessions_against_those_before(before, last, word):
    sessions = [judged_view(number, before) for number in range(50)] + [judged_view(50 + number, last) for number in range(10)]

    assert quality_words.course(sessions).word == word


def test_a_blocked_session_among_the_last_is_getting_worse():
    sessions = [judged_view(number, 3) for number in range(30)] + [judged_view(30, 3, GateVerdict.BLOCKED)]

    assert quality_words.course(sessions).word == "worse"


def test_of_few_sessions_nothing_is_said():
    assert quality_words.course([judged_view(0, 300)]).word == "too early"


def test_checks_that_failed_come_before_those_that_warned_and_those_before_the_quiet_ones():
    def one(check_id: str, status: CheckStatus) -> StatusView:
        return StatusView(1, check_id, status, 100, 0, 0, 0.0)

    mixed = [
        one("quiet", CheckStatus.PASSED),
        one("loud", CheckStatus.WARNED),
        one("broken", CheckStatus.FAILED),
        one("off", CheckStatus.OFF),
    ]

    assert rows_of(mixed) == ["broken", "loud", "off", "quiet"]


def test_a_label_given_before_the_session_was_judged_asks_for_nothing(open_store, visit):
    store = open_store("flagged")
    with store.database.transaction() as connection:
        at = datetime(2025, 5, 1, tzinfo=UTC)
        quality.set_label(
            connection, LAST, "EBL", "close_inside_range", label=Label.FALSE_ALARM, labelled_by="asha", labelled_at=at, run_id=None
        )

    app = visit("quality.py", check="close_inside_range")

    assert "said since" not in text_of(app)


def test_findings_that_the_lake_has_lost_are_named_with_what_to_do(open_store, visit):
    store = open_store("flagged")
    (path,) = (store.runtime.settings.lake / "findings").rglob(f"{LAST}*")
    content = path.read_bytes()
    path.unlink()

    app = visit("quality.py")

    said = text_of(app)
    assert not app.exception
    assert "Rerun its date to write it again" in said
    assert "What was found on Tue 3 Jun 2025 cannot be read" in said
    assert "What was found on Tue 3 Jun 2025 cannot be read" in text_of(visit("thresholds.py"))

    path.write_bytes(content)

    assert "What was found on" not in text_of(visit("thresholds.py"))  # what has come back is read again


def test_lines_set_aside_lead_to_their_dead_letters(open_store, visit):
    open_store("flagged")

    (link,) = (link for link in visit("quality.py").get("page_link") if "dead letters of this date" in link.proto.label)

    assert (link.proto.page, link.proto.query_string) == ("dead_letters", f"since={LAST}&until={LAST}")
