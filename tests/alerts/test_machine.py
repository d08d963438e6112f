"""The state machine: what fires now and what was known give the moves; a channel hears of a thing once, and of its end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.alerts import rules as _rules  # noqa: F401, which registers them
from engine.alerts.machine import MANY, Known, Silences, Step, standing, steps
from engine.alerts.rule import Firing
from engine.thresholds import snapshot
from storage.status import AlertMove, AlertSeverity, AlertStanding

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMITS = snapshot({}, 0)  # cooldown and escalation after 30 minutes, more than 5 are grouped
DISK = Firing("disk_low", "home", AlertSeverity.ERROR, "The disk is nearly full", "12 MiB are free.", "pipelines")
SILENT = Silences(frozenset({("disk_low", None)}))


def fires(*known: Known, now: datetime = NOW, silences: Silences = Silences(), found=(DISK,), **options) -> list[Step]:  # noqa: B008, frozen
    return steps(known, found, silences=silences, limits=LIMITS, now=now, **options)


def known(**values) -> Known:
    row = {"id": 7, "firing": DISK, "fired_at": NOW, "resolved_at": None, "told": True, "told_at": NOW, "escalated_at": None}
    return Known(**row | {"acknowledged_at": None, "suppressed": 0} | values)


def moves(made: list[Step]) -> list[tuple[AlertMove, bool]]:
    return [(step.move, step.tell) for step in made]


def test_what_is_wrong_for_the_first_time_fires_and_is_told():
    assert moves(fires()) == [(AlertMove.FIRED, True)]


def test_what_goes_on_is_not_told_again():
    assert fires(known(), now=NOW + 5 * MINUTE) == []


def test_what_is_over_is_resolved_and_told_to_those_who_know_of_it():
    assert moves(fires(known(), found=())) == [(AlertMove.RESOLVED, True)]
    assert moves(fires(known(told=False), found=())) == [(AlertMove.RESOLVED, False)]


def test_a_rule_that_could_not_look_resolves_nothing():
    assert fires(known(), found=(), unknown=["disk_low"]) == []


def test_a_new_title_is_a_change_and_a_moving_detail_is_none():
    assert moves(fires(known(), found=[replace(DISK, title="The disk is full")])) == [(AlertMove.CHANGED, False)]
    assert fires(known(), found=[replace(DISK, detail="11 MiB are free.")]) == []


def test_what_comes_back_within_the_cooldown_goes_on_as_the_same_alert_and_is_not_told():
    ended = known(resolved_at=NOW + 10 * MINUTE)

    (again,) = fires(ended, now=NOW + 20 * MINUTE)

    assert (again.move, again.tell, again.known) == (AlertMove.REOPENED, False, ended)


def test_what_came_back_and_stays_is_told_when_the_cooldown_is_over():
    back = known(told=False)

    assert fires(back, now=NOW + 29 * MINUTE) == []
    assert moves(fires(back, now=NOW + 30 * MINUTE)) == [(AlertMove.TOLD, True)]


def test_what_comes_back_after_the_cooldown_is_another_alert():
    ended = known(resolved_at=NOW)

    assert moves(fires(ended, now=NOW + 30 * MINUTE)) == [(AlertMove.FIRED, True)]


def test_a_silence_holds_what_it_names_and_what_still_fires_at_its_end_is_told():
    assert moves(fires(silences=SILENT)) == [(AlertMove.FIRED, False)]
    assert fires(known(told=False, told_at=None), silences=SILENT) == []
    assert moves(fires(known(told=False, told_at=None))) == [(AlertMove.TOLD, True)]


@pytest.mark.parametrize(
    ("rule", "subject", "holds"), [("disk_low", None, True), (None, "home", True), ("disk_low", "away", False), ("other", None, False)]
)
def test_a_silence_is_of_a_rule_a_subject_or_both(rule, subject, holds):
    assert Silences(frozenset({(rule, subject)})).hold(DISK) is holds


def test_an_error_that_nobody_acknowledges_is_escalated_and_after_a_day_repeated():
    late = NOW + 30 * MINUTE
    escalated = known(escalated_at=late)

    assert fires(known(), now=late - MINUTE) == []
    assert moves(fires(known(), now=late)) == [(AlertMove.ESCALATED, True)]
    assert fires(escalated, now=late + timedelta(hours=24) - MINUTE) == []
    assert moves(fires(escalated, now=late + timedelta(hours=24))) == [(AlertMove.ESCALATED, True)]


@pytest.mark.parametrize(("key", "escalated_at"), [("alerts.escalate_min", None), ("alerts.repeat_hours", NOW)])
def test_nought_escalates_nothing_and_repeats_nothing(key, escalated_at):
    limits = snapshot({key: 0.0}, 0)

    made = steps([known(escalated_at=escalated_at)], [DISK], silences=Silences(), limits=limits, now=NOW + timedelta(days=9))

    assert made == []


@pytest.mark.parametrize("calm", [{"acknowledged_at": NOW}, {"firing": replace(DISK, severity=AlertSeverity.WARNING)}])
def test_what_is_acknowledged_or_no_error_is_not_escalated(calm):
    one = known(**calm)

    assert fires(one, now=NOW + 60 * MINUTE, found=[one.firing]) == []


def test_nothing_counts_as_told_while_the_channels_cannot_be_read():
    assert moves(fires(can_tell=False)) == [(AlertMove.FIRED, False)]
    assert fires(known(told=False, told_at=None), can_tell=False) == []


def many(count: int) -> list[Firing]:
    return [replace(DISK, rule="run_failed", subject=f"daily {number:02}", title=f"{number} failed") for number in range(count)]


def test_many_of_a_rule_at_once_are_one_alert_with_members():
    (one,) = fires(found=many(12))

    assert (one.firing.subject, one.firing.title, len(one.firing.members)) == (MANY, "12 alerts of the rule run failed", 12)
    assert one.firing.page == "runs"  # the page of the rule, not of one of them
    assert one.firing.detail.startswith("11 failed; 10 failed")  # the newest dates are named
    assert one.firing.detail.endswith("; and 2 more")


def test_a_few_of_a_rule_are_alerts_of_their_own():
    assert len(fires(found=many(5))) == 5


def a_group(count: int, **values) -> Known:
    (made,) = fires(found=many(count))
    return known(firing=made.firing, **values)


def test_what_joins_a_group_is_told_although_somebody_has_acknowledged_the_others():
    friday = a_group(6, acknowledged_at=NOW, escalated_at=NOW)
    monday = NOW + timedelta(days=3)

    (joined,) = fires(friday, found=many(7), now=monday)
    after = a_group(7, told=False, told_at=NOW)  # what is written of it: tests/alerts/test_evaluation.py

    assert (joined.move, friday.joined(joined.firing)) == (AlertMove.CHANGED, {"daily 06"})
    assert moves(fires(after, found=many(7), now=monday)) == [(AlertMove.TOLD, True)]


def test_a_group_that_grows_is_told_once_a_cooldown_and_its_end_even_before():
    grown = a_group(7, told=False, told_at=NOW)

    assert fires(grown, found=many(7), now=NOW + 29 * MINUTE) == []
    assert moves(fires(grown, found=(), now=NOW + 29 * MINUTE)) == [(AlertMove.RESOLVED, True)]


def test_a_group_that_grows_is_not_escalated_before_it_is_told_who_has_joined():
    assert moves(fires(a_group(6), found=many(7), now=NOW + 60 * MINUTE)) == [(AlertMove.CHANGED, False)]


def test_a_group_that_shrinks_says_nothing_new():
    assert moves(fires(a_group(8), found=many(7), now=NOW + MINUTE)) == [(AlertMove.CHANGED, False)]


def test_those_that_come_one_after_the_other_are_a_group_too():
    trickled = [known(id=at, firing=firing) for at, firing in enumerate(many(5))]

    (sixth,) = fires(*trickled, found=many(6), now=NOW + 5 * MINUTE)
    (next_day,) = fires(
        *trickled, found=many(6), now=NOW + timedelta(hours=24), silences=Silences(frozenset({(None, f"daily {at:02}") for at in range(5)}))
    )

    assert (sixth.firing.subject, sixth.firing.title, sixth.firing.members) == (MANY, "5 failed", ("daily 05",))
    assert next_day.firing.subject == "daily 05"


def test_one_that_fired_before_the_many_stays_an_alert_of_its_own():
    first = known(firing=many(1)[0])

    made = fires(first, found=many(8))

    assert [(step.move, step.firing.subject) for step in made] == [(AlertMove.FIRED, MANY)]
    assert len(made[0].firing.members) == 7


def test_where_an_alert_stands_is_said_by_the_first_that_holds():
    assert standing(known(), Silences()) is AlertStanding.OPEN
    assert standing(known(), SILENT) is AlertStanding.SILENCED
    assert standing(known(acknowledged_at=NOW), SILENT) is AlertStanding.ACKNOWLEDGED
    assert standing(known(acknowledged_at=NOW, resolved_at=NOW), SILENT) is AlertStanding.RESOLVED
