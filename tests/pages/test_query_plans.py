"""No page may read a whole large table: the plan of every statement that the pages issue is looked at."""

import re

import pytest

from tests.pages.gallery import BEFORE, LAST
from tests.pages.gallery_drift import DRIFTED
from tests.storage.databases import statements

# One row a run, a measured value, a check of a run, a line; each may hold millions. An alias of SQLAlchemy ends in a number.
BIG = "run|metric|check_result|dead_letter|quality_report|tick_bar|tick_day|tick_alert|drift_distance|cost_estimate|stage_run|attempt"
SCAN = re.compile(rf"^SCAN ({BIG})(_\d+)?( (?!USING (COVERING )?INDEX ix_quality_report_session)|$)")
# The newest rows by the primary key: it ends after as many rows as it was asked for.
NEWEST = re.compile(r"FROM (run|dead_letter) ORDER BY \1\.id DESC\s+LIMIT \?( OFFSET \?)?$")
# Counts of all letters by reason: one walk of an index that ends after `MOST_COUNTED` letters.
COUNTED = re.compile(r"FROM \(SELECT dead_letter\.reason AS reason FROM dead_letter LIMIT \? OFFSET \?\)")
VISITS = [
    ("overview.py", {}),
    ("runs.py", {}),
    ("runs.py", {"status": "failed"}),
    ("runs.py", {"day": LAST.isoformat()}),
    ("runs.py", {"since": "2025-05-01", "until": "2025-06-01"}),
    ("runs.py", {"backfill": "1"}),
    ("runs.py", {"before": "60"}),
    ("run.py", {"id": "72"}),
    ("run.py", {"id": "60"}),
    ("pipelines.py", {}),
    ("safety.py", {}),
    ("quality.py", {}),
    ("quality.py", {"session": BEFORE.isoformat(), "check": "close_inside_range"}),
    ("thresholds.py", {}),
    ("replay_lab.py", {"session": LAST.isoformat()}),
    ("rebuild.py", {}),
    ("reconcile.py", {"session": LAST.isoformat()}),
    ("thresholds.py", {"check": "close_inside_range"}),
    ("drift.py", {}),
    ("costs.py", {}),
    ("costs.py", {"by": "session"}),
    ("costs.py", {"by": "stage", "bill": "72"}),
    ("costs.py", {"by": "day"}),
    ("costs.py", {"by": "layer"}),
]
LETTER_VISITS = [
    ("overview.py", {}),
    ("run.py", {"id": "60"}),
    ("dead_letters.py", {}),
    ("dead_letters.py", {"state": "open"}),
    ("dead_letters.py", {"reason": "price_band"}),
    ("dead_letters.py", {"state": "open", "reason": "price_band"}),
    ("dead_letters.py", {"symbol": "S002"}),
    ("dead_letters.py", {"kind": "row"}),
    ("dead_letters.py", {"since": "2020-01-01", "until": "2020-01-31", "reason": "price_band"}),
    ("dead_letters.py", {"before": "60"}),
    ("dead_letters.py", {"letter": "3"}),
]
SESSION = LAST.isoformat()
STREAM_VISITS = [
    ("overview.py", {}),
    ("stream.py", {}),
    ("stream.py", {"session": SESSION, "symbol": "NABIL"}),
    ("alerts.py", {}),
    ("alerts.py", {"on": "stream"}),
    ("alerts.py", {"on": "channels"}),
    ("alerts.py", {"state": "open"}),
    ("alerts.py", {"rule": "moving_average", "symbol": "NABIL"}),
    ("alerts.py", {"session": SESSION, "state": "resolved"}),
    ("alerts.py", {"session": SESSION, "unfold": "market-1"}),
    ("alerts.py", {"before": "nabil-1"}),
    ("runs.py", {"pipeline": "ticks"}),
    ("dead_letters.py", {"pipeline": "ticks"}),
    ("dead_letters.py", {"pipeline": "ticks", "reason": "duplicate", "since": SESSION, "until": SESSION}),
    ("dead_letters.py", {"letter": "1"}),
    ("reconcile.py", {"session": SESSION, "of": "stream"}),
    ("reconcile.py", {"session": SESSION, "of": "tape"}),
    ("rebuild.py", {}),
]


@pytest.fixture
def plans_of(visit):
    """Visit a page and return the plan of each statement that it made, by its text."""

    def look(store, page, query) -> dict[str, list[str]]:
        with statements(store.database) as made:
            app = visit(page, **query)
        assert not app.exception
        asked = {statement: values for statement, values in made if statement.lstrip().upper().startswith(("SELECT", "WITH"))}
        with store.database.reading() as connection:
            explained = {
                statement: connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(parameters)).all()
                for statement, parameters in asked.items()
            }
        return {statement: [row[3] for row in rows] for statement, rows in explained.items()}

    return look


def whole_reads(plans: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the statements that read a large table from end to end."""
    read = {statement: [step for step in steps if SCAN.match(step)] for statement, steps in plans.items()}
    bounded = {statement for statement in read if any(known.search(" ".join(statement.split())) for known in (NEWEST, COUNTED))}
    return {statement: steps for statement, steps in read.items() if steps and statement not in bounded}


@pytest.mark.parametrize("state", ["one_failed", "backfill_running", "tuned"])
@pytest.mark.parametrize(("page", "query"), VISITS, ids=lambda value: value if isinstance(value, str) else "&".join(value))
def test_no_query_of_a_page_reads_all_runs_or_all_metrics(page, query, state, open_store, plans_of):
    plans = plans_of(open_store(state), page, query)

    assert len(plans) >= 3
    assert whole_reads(plans) == {}


@pytest.mark.parametrize("state", ["letters", "many_letters"])
@pytest.mark.parametrize(("page", "query"), LETTER_VISITS, ids=lambda value: value if isinstance(value, str) else "&".join(value))
def test_no_query_of_a_page_reads_all_letters(page, query, state, open_store, plans_of):
    plans = plans_of(open_store(state), page, query)

    assert whole_reads(plans) == {}


@pytest.mark.parametrize(("page", "query"), STREAM_VISITS, ids=lambda value: value if isinstance(value, str) else "&".join(value))
def test_no_query_of_a_page_reads_all_bars_or_all_alerts(page, query, open_store, plans_of):
    plans = plans_of(open_store("stream_working"), page, query)

    assert whole_reads(plans) == {}


@pytest.mark.parametrize(
    "query", [{}, {"session": DRIFTED.isoformat(), "feature": "log_return", "statistic": "psi"}], ids=["newest", "one"]
)
def test_no_query_of_the_drift_page_reads_all_distances(query, open_store, plans_of):
    plans = plans_of(open_store("drifting"), "drift.py", query)

    assert any("drift_distance" in statement for statement in plans)
    assert whole_reads(plans) == {}


def test_a_query_that_reads_all_runs_would_be_noticed(open_store):
    store = open_store("healthy")
    slow = "SELECT id FROM run WHERE reason = 'x' ORDER BY run.id DESC LIMIT 5"

    with store.database.reading() as connection:
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {slow}")]

    assert whole_reads({slow: steps}) == {slow: steps}
