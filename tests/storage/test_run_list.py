"""The list of runs: what is on a page, in which order, and by which index."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event, insert

from storage import run_list
from storage.database import open_database
from storage.run_list import RunFilter
from storage.status import RunStatus, RunType
from storage.tables import Run
from tests.storage.databases import put_migrated

FIRST = date(2025, 1, 1)
NOW = datetime(2025, 6, 1, tzinfo=UTC)
CYCLE = (RunStatus.SUCCEEDED, RunStatus.SKIPPED, RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)
RUNS = 60
PIPELINE = "daily_prices"


@pytest.fixture
def database(tmp_path):
    put_migrated(tmp_path)
    opened = open_database(f"sqlite:///{tmp_path / 'console.db'}")
    rows = [
        {
            "pipeline": PIPELINE, "partition": FIRST + timedelta(days=number * 7 % 20), "run_type": RunType.MANUAL,
            "status": CYCLE[number % len(CYCLE)], "backfill_id": 1 if number % 3 == 0 else None, "requested_by": "a person",
            "queued_at": NOW, "available_at": NOW, "fence": 0, "rescues": 0, "waits": 0, "priority": 0, "cancel_requested": False,
            "simulated": True,
        }
        for number in range(RUNS)
    ]  # fmt: skip
    with opened.transaction() as connection:
        connection.execute(insert(Run.__table__), rows)
    yield opened
    opened.close()


def every_page(database, chosen, *, limit):
    found, before = [], None
    with database.reading() as connection:
        while rows := run_list.page(connection, chosen, before=before, limit=limit):
            found.extend(rows)
            before = rows[-1]["id"]
    return found


FILTERS = {
    "everything": RunFilter(PIPELINE),
    "one status": RunFilter(PIPELINE, (RunStatus.FAILED,)),
    "two statuses": RunFilter(PIPELINE, (RunStatus.FAILED, RunStatus.SKIPPED)),
    "a backfill": RunFilter(PIPELINE, backfill_id=1),
    "a backfill's failures": RunFilter(PIPELINE, (RunStatus.FAILED,), backfill_id=1),
    "dates": RunFilter(PIPELINE, since=FIRST + timedelta(days=3), until=FIRST + timedelta(days=9)),
    "dates without an end": RunFilter(PIPELINE, since=FIRST + timedelta(days=12)),
    "failures of dates": RunFilter(PIPELINE, (RunStatus.FAILED,), since=FIRST, until=FIRST + timedelta(days=9)),
    "dates of a backfill": RunFilter(PIPELINE, until=FIRST + timedelta(days=9), backfill_id=1),
}


def matches(row, chosen):
    return (
        (not chosen.statuses or row["status"] in chosen.statuses)
        and (chosen.since or date.min) <= row["partition"] <= (chosen.until or date.max)
        and (chosen.backfill_id is None or row["backfill_id"] == chosen.backfill_id)
    )


@pytest.mark.parametrize("chosen", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_the_pages_together_hold_each_run_that_matches_once(database, chosen, limit):
    everything = every_page(database, RunFilter(PIPELINE), limit=RUNS)
    expected = {row["id"] for row in everything if matches(row, chosen)}

    listed = [row["id"] for row in every_page(database, chosen, limit=limit)]

    assert len(everything) == RUNS
    assert expected
    assert sorted(listed) == sorted(expected)


def test_without_dates_the_newest_run_stands_first(database):
    listed = [row["id"] for row in every_page(database, RunFilter(PIPELINE), limit=9)]

    assert listed == sorted(listed, reverse=True)


def test_with_dates_the_newest_date_stands_first(database):
    listed = [(row["partition"], row["id"]) for row in every_page(database, RunFilter(PIPELINE, since=FIRST), limit=9)]

    assert listed == sorted(listed, reverse=True)


def test_another_pipeline_has_its_own_list(database):
    assert every_page(database, RunFilter("ticks"), limit=9) == []


def test_behind_a_run_that_is_gone_there_is_nothing(database):
    with database.reading() as connection:
        assert run_list.page(connection, RunFilter(PIPELINE, since=FIRST), before=RUNS + 1) == []


def test_runs_are_found_by_their_ids_in_the_order_asked_for(database):
    with database.reading() as connection:
        rows = run_list.by_ids(connection, [7, 3, RUNS + 1, 5])

    assert [row["id"] for row in rows] == [7, 3, 5]


def test_a_pipeline_without_a_run_spans_no_dates(database):
    with database.reading() as connection:
        assert run_list.span(connection, "ticks") is None


@pytest.mark.parametrize("before", [None, 40])
@pytest.mark.parametrize("chosen", FILTERS.values(), ids=FILTERS)
def test_no_page_of_the_list_reads_the_whole_table(database, chosen, before):
    statements = []
    event.listen(database.pool, "before_cursor_execute", lambda _c, _cursor, statement, values, *_: statements.append((statement, values)))
    with database.reading() as connection:
        run_list.page(connection, chosen, before=before, limit=5)
        reads = list(statements)

        plans = [row.detail for statement, values in reads for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]

    assert plans
    assert [plan for plan in plans if plan.startswith("SCAN") or "TEMP B-TREE" in plan] == []
