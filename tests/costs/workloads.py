"""Made-up data: 24 months of small daily files and a run of a few seconds for what-ifs, and months that are alike for policies."""

from datetime import date, timedelta
from decimal import Decimal

from engine.costs.compute import Speedup
from engine.costs.forecast import fits
from engine.costs.line import CostLine
from engine.costs.policy import Cohort, Holding, Policy, charges
from engine.costs.price_book import PriceBook
from engine.costs.what_if import Workload

BEGIN, DAYS = date(2024, 1, 1), 720
FILE = 20_000  # bytes


def workload(*, seconds: float = 90.0) -> Workload:
    """Return two years of five sessions a week, five files each."""
    days = [BEGIN + timedelta(days=day) for day in range(DAYS)]
    sessions = {day: 5 * FILE for day in days if day.weekday() not in (4, 5)}
    monthly = len(sessions) // 24
    cohorts = tuple(Cohort(age, 5 * monthly, 5 * monthly * FILE) for age in range(23, -1, -1))
    return Workload(
        cohorts=cohorts,
        trends=fits({"silver": sessions}),
        stored=sum(cohort.size for cohort in cohorts),
        sessions_a_month=Decimal(monthly),
        sessions=len(sessions),
        objects_a_session=Decimal(5),
        loads_a_month=Decimal(monthly),
        idle_a_month=Decimal(30 - monthly),
        idle_seconds=Decimal("0.1"),
        puts_a_month=Decimal(5 * monthly),
        gets_a_month=Decimal(monthly),
        received_a_month=Decimal(monthly * FILE),
        messages_a_month=Decimal(4),
        curve=Speedup(seconds / 3, 2 * seconds / 3, 4.0, 0.0),
        memory_gb=Decimal("0.25"),
        columns={"session": 100, "symbol": 2000, "close": 1000, "volume": 900},
        codecs={"snappy": Decimal(1), "zstd": Decimal("0.9")},
        until=max(sessions),
    )


def evenly(months_past: int, months_ahead: int, *, objects: int, size: int) -> tuple[Cohort, ...]:
    """Return a cohort a month, all of one size."""
    return tuple(Cohort(age, objects, size) for age in range(months_past, -months_ahead, -1))


def policy_lines(book: PriceBook, holding: Holding, policy: Policy) -> tuple[CostLine, ...]:
    """Return what a policy uses, priced."""
    return tuple(charge.line for charge in charges(book, holding, policy))
