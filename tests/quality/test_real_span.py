"""All 414 real sessions through the catalogue: what it finds is what was measured in the files, row by row, and none is held back."""

import csv
import gzip
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from engine.features.indicators import step
from engine.features.state import FeatureState
from engine.market.daily_file import parse, to_silver
from engine.quality.backtest import PastSession, ScoreBook
from engine.quality.check import CHECKS
from engine.quality.report import QualityReport, judge
from engine.quality.sample import History, Sample
from engine.sources.folder import DailyFolder, read_daily_file
from storage.status import GateVerdict
from tests.quality.sheet import DEFAULTS

HALTS = (date(2024, 3, 4), date(2025, 9, 18))  # the index moved by 6 %, and trading stopped for the day
Judged = list[tuple[Sample, QualityReport]]

# Rule of the labels -> our check, the score above which the label stands, and the rows that the data set's README counts.
RULES = {
    "high_lt_low": ("high_not_below_low", 0, 2),
    "low_zero": ("positive_prices", 0, 1),
    "trans_zero": ("trades_positive", 0, 1),
    "open_outside_low_high": ("open_inside_range", 0, 7),
    "close_outside_low_high": ("close_inside_range", 0, 593),
    "ltp_outside_low_high": ("last_price_inside_range", 0, 128),
    "prev_close_zero": ("previous_close_present", 0, 26),
    "move_vs_prev_close_beyond_band": ("price_band", 0.05, 18),
    "diff_ne_close_minus_prev": ("change_matches", 0.01, 115),
    "vwap_outside_low_high": ("vwap_inside_range", 0.05, 748),
    "close_outside_52w": ("inside_52_weeks", 0, 45),
    "prev_close_differs_any": ("previous_close_matches", 0, 391),
    "prev_close_restated_gt2pct": ("previous_close_matches", 2, 227),
    "move_vs_own_last_close_gt20pct": ("jump_against_own_close", 20, 30),
}
NONE_OF = ("values_present", "symbol_present", "volume_positive", "turnover_matches", "symbols_unique", "lines_readable", "control_totals")


@pytest.fixture(scope="module")
def span(real_data: Path) -> Judged:
    """Every session in order, each judged against what was known before it."""
    reference = DailyFolder(real_data).reference()
    with (real_data / "labels" / "file_labels.csv").open(encoding="utf-8") as labels:
        files = [(row["file"], date.fromisoformat(row["file_date"])) for row in csv.DictReader(labels) if row["kind"] == "session"]
    judged: Judged = []
    state, layout = FeatureState.empty(), None
    for name, session in files:
        parsed = parse(read_daily_file(real_data / "daily" / name).content, name)
        sample = Sample(session, parsed.rows, parsed.layout, parsed.lines, reference, History(state, layout))
        judged.append((sample, judge(sample, DEFAULTS)))
        state, _ = step(state, to_silver(parsed, session))
        layout = parsed.layout
    return judged


@pytest.fixture(scope="module")
def labels(real_data: Path) -> dict[str, set[tuple[str, str]]]:
    """What was measured against other sources: the (session, symbol) of each rule."""
    found: dict[str, set[tuple[str, str]]] = {}
    with gzip.open(real_data / "labels" / "row_findings.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["rule"], set()).add((row["session"], row["symbol"].replace(" ", "")))
    return found


def found_by(span: Judged, check_id: str, above: float) -> set[tuple[str, str]]:
    at = list(CHECKS).index(check_id)
    return {
        (str(sample.session), sample.symbols[int(row)].as_py())
        for sample, report in span
        for row in report.findings.row[(report.findings.check == at) & (report.findings.score > above)]
    }


def test_every_row_of_the_span_is_judged(span):
    assert len(span) == 414
    assert sum(sample.size for sample, _ in span) == 131_372
    assert all(report.lines.holds for _, report in span)


def test_the_labels_have_no_other_rule(labels):
    assert labels.keys() == RULES.keys()


@pytest.mark.parametrize("rule", RULES)
def test_exactly_the_labelled_rows_are_found(span, labels, rule):
    check_id, above, rows = RULES[rule]

    assert len(labels[rule]) == rows
    assert found_by(span, check_id, above) == labels[rule]


@pytest.mark.parametrize("check_id", NONE_OF)
def test_what_the_files_never_have_is_never_found(span, check_id):
    results = [result for _, report in span for result in report.results if result.check.id == check_id]

    assert sum(result.warned + result.failed + result.explained for result in results) == 0


def test_no_good_session_is_blocked(span):
    verdicts = Counter(report.verdict for _, report in span)

    assert verdicts[GateVerdict.BLOCKED] == 0
    assert verdicts.total() == 414


@pytest.mark.parametrize("day", HALTS)
def test_a_day_on_which_trading_was_stopped_passes_the_gate(span, day):
    report = next(report for sample, report in span if sample.session == day)

    assert report.verdict is not GateVerdict.BLOCKED
    assert len(report.quarantined) == 0


def test_only_a_handful_of_rows_is_set_aside(span):
    """Crossed, zero, and two prices that no rule explains: what is truly wrong in 131,372 rows."""
    assert sum(len(report.quarantined) for _, report in span) <= 15


def test_every_check_could_judge_something_on_the_span(span):
    judged = Counter(
        {check: sum(result.applicable for _, report in span for result in report.results if result.check.id == check) for check in CHECKS}
    )

    assert [check for check, count in judged.items() if not count] == []


def test_the_scores_that_are_kept_give_the_verdicts_that_were_given(span):
    book = ScoreBook([PastSession(sample.session, report.findings.table(sample), sample.size, 0) for sample, report in span])
    outcome = book.outcome(DEFAULTS)

    assert outcome.quarantined.tolist() == [len(report.quarantined) for _, report in span]
    assert outcome.warned.tolist() == [len(report.flagged) for _, report in span]
    assert outcome.blocked.tolist() == [report.verdict is GateVerdict.BLOCKED for _, report in span]
