"""The real sessions: the change of what `Close` means, alarms on ordinary sessions, halted ones, and faults put into them."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from benchmarks.parts.drift_span import FAULTS, Day, copied, next_one, real_days, statistics_that_alarm, walked
from engine.clock import FakeClock
from engine.drift.judging import PLACE, SAMPLE_TESTS, SERIES, Z
from engine.drift.limits import SESSIONS_A_MONTH
from engine.drift_past import Labelled, Past
from engine.drifting import Judged, headline
from engine.market.reference import Reference
from engine.settings import Settings, SourceName
from engine.sources import open_source
from engine.thresholds import snapshot
from storage.status import DriftCause, DriftLabel

AVERAGED, LAST_AGAIN = date(2025, 3, 20), date(2025, 9, 23)  # first sessions whose Close means something else
HALTED = date(2025, 9, 18)
UNDECLARED_SINCE = date(2024, 10, 1)  # enough to learn limits from
ORDINARY = date(2024, 7, 10), date(2025, 3, 19)  # calibrated, and nothing changed its meaning
PROBED = date(2024, 8, 1), date(2024, 11, 24), date(2025, 2, 2)  # sessions that faults are put into


@dataclass(slots=True)
class Span:
    """Every session, what is said of it, and what was before some of them."""

    days: list[Day]
    reference: Reference
    judged: dict[date, Judged]
    past: dict[date, Past] = field(default_factory=dict)

    def faulty(self, day: date, fault: Callable) -> Judged:
        """Judge a session with a fault in it."""
        at = next(place for place, one in enumerate(self.days) if one[0]["session"][0].as_py() == day)
        table, layout = self.days[at]
        return next_one((fault(table, self.days[at - 1][0], self.reference), layout), self.past[day], self.reference, snapshot({}, 0))


@pytest.fixture(scope="module")
def span(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Span:
    with (real_data / "labels" / "sessions.csv").open(encoding="utf-8") as file:
        sessions = [date.fromisoformat(row["session"]) for row in csv.DictReader(file)]
    settings = Settings(home=tmp_path_factory.mktemp("span"), source=SourceName.FILES, source_dir=real_data)
    reference = open_source(settings, FakeClock(datetime(2026, 1, 5, 6, tzinfo=UTC))).reference()
    days, past = real_days(real_data, sessions), {}

    def keep(day: date, before: Past) -> None:
        if day in PROBED:
            past[day] = copied(before)

    judged = {one.sample.session: one for one in walked(days, reference, keep=keep)}
    return Span(days, reference, judged, past)


def ordinary(span: Span) -> list[Judged]:
    found = [one for day, one in span.judged.items() if ORDINARY[0] <= day <= ORDINARY[1]]
    assert len(found) > 150
    assert all(one.limits.calibrated for one in found)
    return found


def test_another_meaning_of_the_close_alarms_on_the_first_session_and_on_its_end_and_names_the_tick_grid(span):
    said = {AVERAGED: ("0.77 instead of 0,", "an average of prices"), LAST_AGAIN: ("0 instead of 0.78,", "the last price")}
    for day, (levels, meaning) in said.items():
        judged = span.judged[day]
        assert judged.causes["off_grid"] is DriftCause.DECLARED
        assert headline(judged).startswith(f"Closes off the tick grid: {levels}")
        assert judged.reasons["off_grid"] == f"the close means {meaning} from this session on, by the rules of the exchange"


def test_it_alarms_as_soon_where_nobody_has_declared_it_and_again_at_its_end_once_a_person_has_accepted_it(span):
    accepted = {AVERAGED: Labelled(DriftLabel.ACCEPTED, frozenset({"off_grid"}))}
    days = [day for day in span.days if UNDECLARED_SINCE <= day[0]["session"][0].as_py() <= LAST_AGAIN]
    judged = {one.sample.session: one for one in walked(days, span.reference, past=Past(labels=accepted, use_declared=False))}
    alarms = [day for day, one in judged.items() if "off_grid" in one.causes and one.limits.calibrated]

    # The halted session has a last price for its close too, and the one behind it an average again.
    assert alarms == [AVERAGED, HALTED, LAST_AGAIN]
    assert judged[LAST_AGAIN].causes["off_grid"] is DriftCause.ALARM


def test_the_change_cannot_be_seen_in_pooled_returns(span):
    judged = span.judged[AVERAGED]

    for test in ("ks", "psi"):
        place = PLACE["log_return", test]
        assert judged.measured[place].value < judged.limits.values[place]


def test_false_alarms_on_ordinary_sessions_keep_to_the_budget_for_every_statistic_and_for_all_together(span):
    found = ordinary(span)
    allowed = 1 / SESSIONS_A_MONTH

    by_statistic = {
        statistic: np.mean([statistic in statistics_that_alarm(one) for one in found]) for statistic in {name for _, name in SERIES}
    }
    assert all(rate <= allowed for rate in by_statistic.values()), by_statistic
    assert np.mean([bool(one.alarms) for one in found]) <= allowed


def test_alarms_keep_to_the_budget_over_the_whole_span_and_after_the_close_has_changed_its_meaning(span):
    calibrated = [one for one in span.judged.values() if one.limits.calibrated and not one.sample.halted]
    changed = [one for one in calibrated if one.sample.session > AVERAGED]

    for found in (calibrated, changed):
        assert np.mean([one.cause is DriftCause.ALARM for one in found]) <= 1 / SESSIONS_A_MONTH


def test_the_textbooks_limits_would_have_alarmed_on_most_ordinary_sessions(span):
    found = ordinary(span)
    textbook = {"ks": 0.1, "psi": 0.1, "wasserstein": 0.1, "jensen_shannon": 0.1}

    rates = {
        test: np.mean([any(one.measured[PLACE[name, test]].value > textbook[test] for name, own in SERIES if own == test) for one in found])
        for test in SAMPLE_TESTS
    }
    assert min(rates.values()) > 0.9


def test_a_halted_session_is_the_markets_and_not_a_fault(span):
    judged = span.judged[HALTED]

    assert judged.sample.halted
    assert judged.cause is DriftCause.REGIME
    assert judged.causes["rows"] is DriftCause.REGIME
    assert DriftCause.ALARM not in judged.causes.values()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_seen_in_the_session_that_has_it(name, span):
    for day in PROBED:
        assert not span.judged[day].alarms  # as it came
        judged = span.faulty(day, FAULTS[name])
        assert judged.cause is DriftCause.ALARM, day


def test_a_stale_file_is_seen_by_what_repeats_and_not_by_its_distributions(span):
    judged = span.faulty(PROBED[0], FAULTS["stale file"])

    assert judged.causes["repeated"] is DriftCause.ALARM
    assert judged.measured[PLACE["repeated", Z]].observed > 0.9
    assert not statistics_that_alarm(judged) & set(SAMPLE_TESTS)
