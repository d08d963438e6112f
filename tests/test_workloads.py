"""What a home's work looks like, measured of real runs; and why nothing can be said yet."""

from datetime import timedelta
from decimal import Decimal

import pytest

from engine.billing.forecast import LOOK_BACK
from engine.billing.metering import Metering
from engine.billing.workloads import Unmeasured, measured
from engine.clock import nepal_date
from engine.costs.measured import Usage
from engine.costs.presets import AWS_2026, preset
from engine.costs.price_book import MONTH_DAYS as CALENDAR_MONTH
from engine.costs.question import TODAY
from engine.costs.what_if import Workload, answer
from storage import costs, packs
from storage.status import CostWork
from tests.pipelines.house import SUNDAY, House

DATES = 16


def estimates_of_runs(connection):
    """Return the estimate of every run."""
    return costs.newest(connection, CostWork.RUN, limit=1000)


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> House:
    house = House(tmp_path_factory.mktemp("workload"))
    days = [SUNDAY + timedelta(days=number) for number in range(DATES)]
    for number, day in enumerate(day for day in days if day.weekday() not in (4, 5)):
        house.session(day, number)
    house.announce({day: day.weekday() not in (4, 5) for day in days})
    house.backfill(days[0], days[-1])
    return house


def test_a_home_without_runs_says_why_nothing_can_be_said(tmp_path):
    assert isinstance(measured(House(tmp_path).runtime, cores=2), Unmeasured)


def test_it_is_measured_from_what_ran_and_what_is_stored(house):
    found = measured(house.runtime, cores=2)

    assert isinstance(found, Workload)
    assert found.sessions == 12
    assert found.stored == sum(file.bytes for file in house.read(packs.stored))
    assert sum(cohort.size for cohort in found.cohorts) == found.stored
    assert found.loads_a_month == pytest.approx(12 * CALENDAR_MONTH / DATES)
    assert found.idle_a_month == pytest.approx(4 * CALENDAR_MONTH / DATES), "closed days are runs too"
    assert found.puts_a_month * DATES / CALENDAR_MONTH == pytest.approx(sum(row["puts"] for row in house.read(estimates_of_runs)))
    received = sum(row["bytes_received"] for row in house.read(estimates_of_runs))
    assert found.received_a_month * DATES / CALENDAR_MONTH == pytest.approx(received)
    assert found.messages_a_month == 0
    assert found.curve.seconds(1) > 0
    assert 0 <= found.memory_gb < 8


def test_messages_are_those_that_were_delivered_over_the_days_of_which_costs_are_kept(house):
    at = house.clock.now()
    with house.runtime.database.transaction() as connection:
        for _ in range(3):
            Metering().outside(connection, CostWork.MESSAGE, "mail", Usage(messages=1), at=at)
    days = min((nepal_date(at) - house.read(costs.first_day)).days, LOOK_BACK.days) + 1

    found = measured(house.runtime, cores=2)
    assert isinstance(found, Workload)
    assert found.messages_a_month == 3 * CALENDAR_MONTH / days


def test_columns_weigh_what_the_files_hold_and_codecs_are_measured(house):
    found = measured(house.runtime, cores=2)

    assert {"session", "symbol", "close", "volume"} <= set(found.columns)
    assert 0 < found.columns["close"] < found.session_bytes
    assert found.codecs["snappy"] == 1
    assert found.codecs["none"] > found.codecs["zstd"]


def test_at_this_size_the_bill_of_a_year_is_under_a_dollar(house):
    found = measured(house.runtime, cores=2)

    assert Decimal(0) < answer(found, TODAY, preset(AWS_2026)).total < 1
