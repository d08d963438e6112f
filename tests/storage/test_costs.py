"""Estimates are summed by day as they are written, and no read of them walks through all that ever ran."""

import re
from datetime import date

import pytest

from storage import costs
from storage.status import CostPurpose, CostWork
from tests.storage.databases import statements

DAY = date(2025, 6, 1)
ESTIMATE = {"work": CostWork.RUN, "ref": 1, "name": "daily_prices", "day": DAY, "partition": DAY, "session": DAY, "status": "succeeded"}
ESTIMATE |= {"purpose": CostPurpose.FIRST, "book_id": 1, "simulated": False, "rows": 300, "cpu_us": 20_000, "compute_nano": 157, "puts": 6}
BIG = re.compile(r"^SCAN (run|stage_run|attempt|cost_estimate)( (?!USING (COVERING )?INDEX)|$)")
READS = {
    "one": lambda connection: costs.one(connection, CostWork.RUN, 1),
    "newest": lambda connection: costs.newest(connection, CostWork.RUN, limit=200),
    "between": lambda connection: costs.between(connection, DAY, DAY, limit=50),
    "number_between": lambda connection: costs.number_between(connection, DAY, DAY),
    "of_sessions": lambda connection: costs.of_sessions(connection, DAY, DAY),
    "amounts_of_sessions": lambda connection: costs.amounts_of_sessions(connection, DAY, DAY),
    "days": lambda connection: costs.days(connection, DAY, DAY),
    "first_day": costs.first_day,
    "stages_between": lambda connection: costs.stages_between(connection, [1, 2]),
}


def plan(database, read):
    """Return the steps in which SQLite answers a read."""
    with statements(database) as made, database.reading() as connection:
        read(connection)
    with database.reading() as connection:
        asked = [(text, values) for text, values in made if text.startswith("SELECT")]
        return [row[3] for text, values in asked for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", tuple(values))]


@pytest.fixture
def two_days(database):
    with database.transaction() as connection:
        for ref, day in ((1, DAY), (2, DAY), (3, DAY.replace(day=2))):
            costs.write(connection, ESTIMATE | {"ref": ref, "day": day})
        costs.add_to_day(
            connection, {"day": DAY, "work": CostWork.MESSAGE, "name": "desk", "purpose": "upkeep", "book_id": 1, "messages": 2}
        )
    return database


def test_a_day_is_the_sum_of_its_estimates_and_of_what_no_run_did(two_days):
    with two_days.reading() as connection:
        days = costs.days(connection, DAY, DAY.replace(day=2))

    told = [(row["day"].day, row["work"], row["number"], row["rows"], row["puts"], row["compute_nano"], row["messages"]) for row in days]
    assert told == [(1, "message", 0, 0, 0, 0, 2), (1, "run", 2, 600, 12, 314, 0), (2, "run", 1, 300, 6, 157, 0)]


def test_a_session_is_the_sum_of_its_estimates_whenever_they_were(two_days):
    with two_days.reading() as connection:
        found = costs.of_sessions(connection, DAY, DAY)

        amounts = costs.amounts_of_sessions(connection, DAY, DAY)

    told = [[(row["session"], row["number"], int(row["rows"]), int(row["compute_nano"])) for row in rows] for rows in (found, amounts)]
    assert told == [[(DAY, 3, 900, 471)]] * 2


def test_the_amounts_of_a_session_are_those_of_all_that_was_done_for_it(two_days):
    with two_days.transaction() as connection:
        costs.write(connection, ESTIMATE | {"ref": 4, "purpose": CostPurpose.RERUN, "book_id": 2})
        costs.write(connection, ESTIMATE | {"ref": 5, "work": CostWork.SESSION, "session": DAY.replace(day=2)})
    with two_days.reading() as connection:
        found = costs.amounts_of_sessions(connection, DAY, DAY.replace(day=2))

    assert [(row["session"].day, row["number"], int(row["compute_nano"])) for row in found] == [(1, 4, 628), (2, 1, 157)]


def test_the_amounts_of_sessions_are_added_up_in_the_order_of_their_index(two_days):
    if two_days.dialect != "sqlite":
        pytest.skip("the plan of a server depends on what it has counted")

    assert [step for step in plan(two_days, READS["amounts_of_sessions"]) if "TEMP B-TREE" in step] == []


def test_the_newest_come_first_where_only_some_are_asked_for(two_days):
    with two_days.reading() as connection:
        newest = [row["ref"] for row in costs.newest(connection, CostWork.RUN, limit=2)]
        between = [row["ref"] for row in costs.between(connection, DAY, DAY.replace(day=2), limit=2)]

    assert (newest, between) == ([2, 3], [3, 2])


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_no_read_walks_through_everything(two_days, read):
    if two_days.dialect != "sqlite":
        pytest.skip("the plan of a server depends on what it has counted")
    steps = plan(two_days, read)

    assert steps
    assert [step for step in steps if BIG.match(step)] == []
