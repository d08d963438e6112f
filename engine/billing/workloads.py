"""What a home's work looks like, measured: what it stores by month, what a run used, what the columns of a session weigh."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection

from engine.billing.forecast import LOOK_BACK, by_layer
from engine.clock import nepal_date
from engine.costs.compute import Speedup, fitted
from engine.costs.forecast import fits
from engine.costs.policy import MONTH_DAYS, Cohort
from engine.costs.price_book import MONTH_DAYS as CALENDAR_MONTH
from engine.costs.query import CODECS, Scan, bytes_read, codec_sizes, layout
from engine.costs.what_if import Workload
from engine.errors import UsageError
from engine.runtime import Runtime
from storage import costs, lake, lake_sizes, workloads
from storage.lake import LakeFileLost, encoding, table_content

RUNS = 200  # of which a usual one is made
COUNTED = 10_000  # newest runs, of which it is known how many there are a month
SAMPLE = 5  # sessions whose columns are weighed
ASKED = "silver"
PRESENT = "snappy"  # what the lake writes with


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Why nothing can be said yet, and what to do."""

    why: str


def measured(runtime: Runtime, *, cores: int) -> Workload | Unmeasured:
    """Return the work of a home; `cores` are those of the machine that did it."""
    today = nepal_date(runtime.clock.now())
    with runtime.database.reading() as connection:
        partitions = lake_sizes.by_partition(connection, since=date.min, until=date.max)
        stored = lake_sizes.by_date(connection)
        runs = workloads.newest_loads(connection, limit=RUNS)
        idle = workloads.newest_idle(connection, limit=RUNS)
        all_runs = workloads.of_newest_runs(connection, limit=COUNTED)
        messages_a_month = _messages(connection, today)
        loaded = sorted({row["partition"] for row in partitions if row["dataset"] == ASKED})
        tables = _tables(runtime, connection, loaded[-SAMPLE:])
    if not runs or not tables:
        return Unmeasured("No run has loaded a session since costs are measured: what the next ones use is what this page counts with.")
    try:
        trends = fits(by_layer(partitions))
    except UsageError as error:
        return Unmeasured(f"{str(error)[:1].upper()}{str(error)[1:]}.")
    sessions = len(loaded)
    span = Decimal((loaded[-1] - loaded[0]).days + 1)
    monthly = CALENDAR_MONTH / ((all_runs["until"] - all_runs["since"]).days + 1)
    usual = {name: Decimal(median(row[name] for row in runs)) for name in workloads.USED}
    cpu, wall = usual["cpu_us"] / 1_000_000, Decimal(median(row["duration_us"] or 0 for row in runs)) / 1_000_000
    return Workload(
        cohorts=_cohorts(stored, trends.last),
        trends=trends,
        stored=sum(int(row["bytes"]) for row in stored),
        sessions_a_month=sessions / span * CALENDAR_MONTH,
        sessions=sessions,
        objects_a_session=Decimal(sum(row["files"] for row in partitions)) / sessions,
        loads_a_month=all_runs["loads"] * monthly,
        idle_a_month=(all_runs["runs"] - all_runs["loads"]) * monthly,
        idle_seconds=Decimal(median(row["duration_us"] or 0 for row in idle)) / 1_000_000 if idle else Decimal(0),
        puts_a_month=all_runs["puts"] * monthly,
        gets_a_month=all_runs["gets"] * monthly,
        received_a_month=all_runs["bytes_received"] * monthly,
        messages_a_month=messages_a_month,
        curve=_curve(float(cpu), float(wall), cores),
        memory_gb=usual["memory_kib_us"] / 2**20 / (wall * 1_000_000) if wall else Decimal(0),
        columns=_columns(tables),
        codecs=_codecs(tables),
        dataset=ASKED,
        until=trends.last,
    )


def _messages(connection: Connection, today: date) -> Decimal:
    """Return the messages of a month, by those that were delivered lately."""
    since = max(costs.first_day(connection) or today, today - LOOK_BACK)
    return workloads.messages(connection, since) * CALENDAR_MONTH / ((today - since).days + 1)


def _cohorts(stored: Sequence[Mapping[Any, Any]], last: date) -> tuple[Cohort, ...]:
    """Return the files there are, packs among them, by months of 30 days back from the last date, oldest first."""
    found: dict[int, list[int]] = {}
    for row in stored:
        sums = found.setdefault(max((last - row["partition"]) // timedelta(days=MONTH_DAYS), 0), [0, 0])
        sums[0] += row["files"]
        sums[1] += int(row["bytes"])
    return tuple(Cohort(age, objects, size) for age, (objects, size) in sorted(found.items(), reverse=True))


def _curve(cpu: float, wall: float, cores: int) -> Speedup:
    """Return seconds over vCPUs from usual runs: alone it would take its CPU time, and on the cores that there were it took its time."""
    if cores > 1 and 0 < wall < cpu:
        return fitted([(1, cpu), (cores, wall)])
    return Speedup(max(cpu, wall), 0.0, 1.0, 0.0)  # it never used more than one at once


def _tables(runtime: Runtime, connection: Connection, sessions: Sequence[date]) -> list[pa.Table]:
    found = []
    for version in lake.snapshot(connection, ASKED, since=sessions[0]) if sessions else ():
        try:
            found.append(runtime.lake.read_table(version.path))
        except LakeFileLost:
            continue  # the nightly scrub says so
    return found


def _columns(tables: Sequence[pa.Table]) -> Mapping[str, int]:
    """Return the compressed bytes of each column of a session, averaged over the sample, as its files hold them."""
    groups = [layout(pq.read_metadata(BytesIO(table_content(table).data))) for table in tables]
    names = dict.fromkeys(name for group in groups for row_group in group for name in row_group)
    return {name: _mean([bytes_read(group, Scan((name,))).size for group in groups if group and name in group[0]]) for name in names}


def _mean(sizes: Sequence[int]) -> int:
    return round(sum(sizes) / len(sizes)) if sizes else 0


def _codecs(tables: Sequence[pa.Table]) -> Mapping[str, Decimal]:
    """Return the size of the sample under each codec, as a share of what it is now; all else is written as it is now."""
    sums = dict.fromkeys(CODECS, 0)
    for table in tables:
        for codec, size in codec_sizes(table, CODECS, **_written(table)).items():
            sums[codec] += size
    return {codec: Decimal(size) / sums[PRESENT] for codec, size in sums.items()}


def _written(table: pa.Table) -> dict[str, Any]:
    return {name: value for name, value in encoding(table.schema).items() if name != "compression"}
