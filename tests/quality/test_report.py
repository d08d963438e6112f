"""How a session is judged: the law of its lines, the gate, what people have said, and what tells one rule from another."""

import json
from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa
import pytest

from engine.errors import DataError, UsageError
from engine.quality.check import ANY, CHECKS, Scope, check, nothing, rule_book
from engine.quality.report import FINDING_SCHEMA, judge, share_set_aside
from engine.quality.sample import Sample
from engine.thresholds import snapshot
from storage.status import GateVerdict
from tests.quality.sheet import DEFAULTS, good_rows, judged, lines, reference, sample, with_row


def crossed(count, *, rows=40):
    """Return a session in which so many rows have their high below their low."""
    sheet = good_rows(rows)
    for row in sheet[:count]:
        row["high"] = row["low"] - 5
    return sample(sheet)


def test_a_bad_row_is_set_aside_and_the_others_pass():
    report = judged(crossed(1))

    assert report.quarantined.tolist() == [0]
    assert (report.lines.loaded, report.lines.quarantined) == (39, 1)
    assert report.verdict is GateVerdict.FLAGGED


def test_a_row_is_flagged_or_set_aside_and_never_both():
    sheet = good_rows()
    sheet[3] |= {"high": 90.0, "open": 150.0, "change": 9.0}
    sheet[4] |= {"change": 9.0}
    report = judged(sample(sheet))

    assert (report.quarantined.tolist(), report.flagged.tolist()) == ([3], [4])


@pytest.mark.parametrize(("bad", "verdict"), [(2, GateVerdict.FLAGGED), (3, GateVerdict.BLOCKED)])
def test_a_session_is_blocked_above_the_share_and_not_at_it(bad, verdict):
    assert judged(crossed(bad)).verdict is verdict  # 5 % of 40 rows are 2


def test_the_reason_names_the_share_the_threshold_and_the_check():
    reason = judged(crossed(10)).reason

    assert "10 of 40 lines (25.0 %)" in reason
    assert "gate.block_above" in reason
    assert "high_not_below_low (10)" in reason


def test_lines_that_could_not_be_read_count_towards_the_gate():
    report = judged(sample(lines=lines(40, rejected=5)))

    assert report.verdict is GateVerdict.BLOCKED
    assert share_set_aside(report.lines) == pytest.approx(100 * 5 / 45)


def test_an_approved_session_passes_and_says_who_let_it():
    report = judge(crossed(10), DEFAULTS, approved=True)

    assert report.verdict is GateVerdict.FLAGGED
    assert report.reason.startswith("approved by a person")
    assert len(report.quarantined) == 10  # the rows stay aside all the same


def test_a_finding_that_a_person_called_a_false_alarm_sets_nothing_aside():
    session = with_row(open=140.0)
    report = judge(session, DEFAULTS, accepted={"open_inside_range": {"S007"}})

    assert judged(session).quarantined.tolist() == [7]
    assert report.quarantined.tolist() == []
    assert next(item for item in report.results if item.check.id == "open_inside_range").explained == 1


def test_a_line_that_disappears_is_a_defect_and_never_passes():
    with pytest.raises(DataError, match="lost or counted twice"):
        judged(sample(lines=replace(lines(40), physical=99)))


def test_an_empty_session_is_blocked():
    report = judged(sample([]))

    assert report.verdict is GateVerdict.BLOCKED
    assert "rows_present" in report.reason


def test_the_findings_of_a_session_are_a_table_of_their_schema():
    session = crossed(2)
    table = judged(session).findings.table(session)

    assert table.schema == FINDING_SCHEMA
    assert set(table["symbol"].to_pylist()[:2]) == {"S000", "S001"}
    assert table["line"].to_pylist()[0] == 2


def test_a_finding_of_the_whole_session_has_no_line():
    session = sample(good_rows(20))
    table = judged(session).findings.table(session)

    assert table.filter(pa.compute.equal(table["check"], "expected_symbols"))["line"].to_pylist() == [None]


def test_a_result_can_be_written_as_json():
    report = judged(with_row(high=None, previous_close=0.0))
    written = json.dumps([{**asdict(replace(item, check=None)), "rate": item.rate} for item in report.results], allow_nan=False)

    assert len(json.loads(written)) == len(CHECKS)


def test_the_order_of_the_rows_changes_nothing():
    session = crossed(2)
    turned = Sample(
        session.session, session.rows.take(list(range(40))[::-1]), session.layout, session.lines, session.reference, session.history
    )

    assert judged(turned).quarantined.tolist() == [38, 39]
    assert judged(turned).lines == judged(session).lines


def test_judging_leaves_the_rows_as_they_were():
    session = crossed(3)
    before = session.rows.slice(0)
    judged(session)

    assert session.rows.equals(before)


def test_two_judgements_at_once_do_not_meet():
    bad, good = judged(crossed(3)), judged(sample())

    assert len(bad.quarantined) == 3
    assert len(good.quarantined) == 0


def test_a_fingerprint_changes_with_the_limit_and_only_its_own():
    before, after = rule_book(DEFAULTS), rule_book(snapshot({"open_inside_range.error_above": 12.0}, 0))
    changed = [name for name, old, new in zip(CHECKS, before.fingerprints, after.fingerprints, strict=True) if old != new]

    assert changed == ["open_inside_range"]
    assert rule_book(snapshot({}, 7)).fingerprints == before.fingerprints


def test_a_limit_that_is_turned_moves_the_verdict_of_a_row():
    session = with_row(open=112.0)  # 3.7 % above the high

    assert len(judged(session).quarantined) == 0
    assert judged(session, open_inside_range__error_above=3.0).quarantined.tolist() == [7]


def test_the_gate_can_be_turned_too():
    assert judged(crossed(10)).verdict is GateVerdict.BLOCKED
    assert judged(crossed(10), gate__block_above=30.0).verdict is GateVerdict.FLAGGED


def test_the_sample_of_a_check_is_its_worst_rows():
    sheet = good_rows()
    for at, row in enumerate(sheet[:8]):
        row["change"] = 2.0 + at
    result = next(item for item in judged(sample(sheet, reference=reference(sheet))).results if item.check.id == "change_matches")

    assert [row["symbol"] for row in result.sample] == ["S007", "S006", "S005", "S004", "S003"]
    assert result.warned == 8


def test_a_check_without_words_without_a_limit_or_of_a_taken_name_is_refused():
    def nameless(_sample):
        return nothing(0)

    def rows_present(_sample):
        """Say the same once more."""
        return nothing(0)

    with pytest.raises(UsageError, match="docstring"):
        check(Scope.ROW, unit="rows", warn_above=ANY)(nameless)
    with pytest.raises(UsageError, match="two checks"):
        check(Scope.ROW, unit="rows", warn_above=ANY)(rows_present)
    nameless.__doc__ = "Find nothing."
    with pytest.raises(UsageError, match="no limit"):
        check(Scope.ROW, unit="rows")(nameless)


def test_a_symbol_that_comes_twice_is_judged_twice():
    sheet = good_rows()
    sheet[1] = sheet[0] | {"high": 50.0}
    report = judged(sample(sheet))

    assert report.quarantined.tolist() == [1]
    assert next(item for item in report.results if item.check.id == "symbols_unique").observed == 1


def test_what_was_observed_stands_beside_what_it_was_held_against():
    result = next(item for item in judged(crossed(1)).results if item.check.id == "high_not_below_low")

    assert (result.observed, result.bound) == (94.0, 99.0)
    assert result.worst == pytest.approx(100 * 5 / 99)
    assert np.isclose(result.rate, 1 / 40)
