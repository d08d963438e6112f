"""What work has cost, read: by run, session, stage, day or layer of the lake, as it was estimated or by other prices."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from engine.billing.metering import COLUMN, Part, parts_of, retries
from engine.billing.prices import Prices, load
from engine.costs.line import ZERO, Category
from engine.costs.measured import PRICED, Amounts, Tariff, Usage, amount_of, summed, together
from storage import costs, lake_sizes
from storage.lake_sizes import Held
from storage.status import CostPurpose, CostWork

MOST = 10_000  # pieces of work of one answer


class By(StrEnum):
    """What a bill is broken down by."""

    RUN = "run"
    SESSION = "session"
    STAGE = "stage"
    DAY = "day"
    LAYER = "layer"


@dataclass(frozen=True, slots=True)
class Cost:
    """What something used and cost; `amounts` are whole numbers of 1e-9 US dollars, and the total is their sum."""

    usage: Usage = field(default_factory=Usage)
    amounts: Amounts = field(default_factory=dict)
    retries: int = 0  # of its compute, for tries that failed
    retry_cpu_us: int = 0
    number: int = 0
    rows: int = 0
    unmeasured: int = 0

    @property
    def total(self) -> Decimal:
        """All of it, in US dollars."""
        return amount_of(sum(self.amounts.values()))

    @property
    def a_row(self) -> Decimal | None:
        """What a good row cost, in US dollars; None where there is none."""
        return self.total / self.rows if self.rows else None

    def line(self, category: Category) -> Decimal:
        """Return the amount of a category, in US dollars."""
        return amount_of(self.amounts.get(category, 0))

    def repriced(self, tariff: Tariff) -> "Cost":
        """Return the same usage by other prices."""
        return replace(self, amounts=tariff.amounts(self.usage), retries=retries(tariff, self.retry_cpu_us))


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a bill."""

    label: str
    cost: Cost
    work: CostWork | None = None
    ref: int | None = None
    day: date | None = None  # on which it ended, or the session's
    status: str | None = None
    purpose: CostPurpose | None = None
    session: date | None = None


@dataclass(frozen=True, slots=True)
class Apart:
    """A bill by why its work was done; the parts are what the total is made of, in whole numbers of 1e-9 US dollars."""

    first: int = 0
    retries: int = 0
    reruns: int = 0
    dead_letters: int = 0
    upkeep: int = 0

    @property
    def total(self) -> int:
        """The sum of the parts."""
        return self.first + self.retries + self.reruns + self.dead_letters + self.upkeep


_COUNTS = ("retries", "retry_cpu_us", "number", "rows", "unmeasured")


def added(costs: Iterable[Cost]) -> Cost:
    """Return what several cost together."""
    listed = list(costs)
    counts = {name: sum([getattr(cost, name) for cost in listed]) for name in _COUNTS}
    return Cost(together([cost.usage for cost in listed]), summed([cost.amounts for cost in listed]), **counts)


_PART = {
    CostPurpose.FIRST: "first",
    CostPurpose.RERUN: "reruns",
    CostPurpose.DEAD_LETTERS: "dead_letters",
    CostPurpose.UPKEEP: "upkeep",
}


def cost_of(row: Mapping[str, Any]) -> Cost:
    """Return what a row of estimates, or of their sums, says."""
    amounts = {category: int(row.get(column) or 0) for category, column in COLUMN.items()}
    counts = {name: int(row[name] or 0) for name in ("retry_cpu_us", "rows", "unmeasured")}
    return Cost(Usage.of(row), amounts, int(row["retries_nano"] or 0), number=int(row.get("number", 1)), **counts)


def total(entries: Iterable[Entry]) -> Cost:
    """Return the sum of the rows of a bill."""
    return added(entry.cost for entry in entries)


def repriced(entries: Iterable[Entry], prices: Prices) -> list[Entry]:
    """Return the same bill by other prices."""
    return [replace(entry, cost=entry.cost.repriced(prices.tariff)) for entry in entries]


def apart(entries: Iterable[Entry], *, without: Sequence[Category] = ()) -> Apart:
    """Return a bill by why its work was done; what tries that failed cost is taken out of each of them.

    `without` storage the parts add up to a month's bill but for what the lake stores: an estimate has a whole month of what it wrote.
    """
    parts = dict.fromkeys((*_PART.values(), "retries"), 0)
    for entry in entries:
        whole = sum(amount for category, amount in entry.cost.amounts.items() if category not in without)
        parts[_PART[entry.purpose or CostPurpose.FIRST]] += whole - entry.cost.retries
        parts["retries"] += entry.cost.retries
    return Apart(**parts)


def newest(connection: Connection, work: CostWork, *, limit: int) -> list[Entry]:
    """Return the newest of a kind of work with what they cost, oldest first."""
    return [_of_work(row) for row in costs.newest(connection, work, limit=limit)]


def one(connection: Connection, work: CostWork, ref: int) -> Entry | None:
    """Return what one piece of work has cost, or None where it has no estimate."""
    row = costs.one(connection, work, ref)
    return None if row is None else _of_work(row)


def by_run(connection: Connection, since: date, until: date, *, limit: int = MOST, prices: Prices | None = None) -> list[Entry]:
    """Return everything that ended on these days, newest first: runs, sessions of the stream, jobs; and what no run did, by day.

    As it was estimated, or by other `prices`.
    """
    rows = costs.between(connection, since, until, limit=limit)
    found = [_of_work(row) for row in rows]
    outside = [_entry(row, f"{row['work']}s: {row['name']}") for row in outside_runs(connection, since, until)]
    if prices is None:
        return found + outside
    parted = with_parts(connection, rows)
    return [_by_parts(entry, parts, prices.tariff) for entry, (_, parts) in zip(found, parted, strict=True)] + repriced(outside, prices)


def outside_runs(connection: Connection, since: date, until: date) -> list[Mapping[str, Any]]:
    """Return the sums of days of what no run did, newest first: messages that were delivered, questions that were answered."""
    return [row for row in reversed(costs.days(connection, since, until)) if row["work"] in (CostWork.MESSAGE, CostWork.QUESTION)]


def _by_parts(entry: Entry, parts: Sequence[Part], tariff: Tariff) -> Entry:
    cost = entry.cost
    amounts = summed(tariff.amounts(part.usage) for part in parts)
    return replace(entry, cost=replace(cost, amounts=amounts, retries=retries(tariff, cost.retry_cpu_us)))


def by_day(connection: Connection, since: date, until: date) -> list[Entry]:
    """Return the sums by day, work, name and purpose, oldest first."""
    return [_entry(row, f"{row['day']} {row['name']}") for row in costs.days(connection, since, until)]


def by_purpose(connection: Connection, since: date, until: date) -> list[Entry]:
    """Return the sums by day and purpose, whatever the work was, oldest first."""
    found = costs.days_by_purpose(connection, since, until)
    return [Entry(str(row["day"]), cost_of(row), day=row["day"], purpose=CostPurpose(row["purpose"])) for row in found]


def by_session(connection: Connection, since: date, until: date) -> list[Entry]:
    """Return what each session of a range has cost so far, whenever its runs were, oldest first."""
    return [
        Entry(str(row["session"]), cost_of(row), CostWork(row["work"]), day=row["session"], purpose=CostPurpose(row["purpose"]))
        for row in costs.of_sessions(connection, since, until)
    ]


def amounts_by_session(connection: Connection, since: date, until: date) -> list[Entry]:
    """Return the amounts and good rows of each session of a range so far, whatever was done for it and whenever, oldest first."""
    found = costs.amounts_of_sessions(connection, since, until)
    return [Entry(str(row["session"]), _amounts_of(row), day=row["session"]) for row in found]


def _amounts_of(row: Mapping[str, Any]) -> Cost:
    amounts = {category: int(row[column]) for category, column in COLUMN.items()}
    return Cost(amounts=amounts, number=row["number"], rows=int(row["rows"]))


def by_stage(connection: Connection, since: date, until: date, *, limit: int = MOST, prices: Prices | None = None) -> list[Entry]:
    """Return what each stage cost in the runs that ended on these days, and what the runs cost between them; dearest first.

    What has no stages (jobs, sessions of the stream, messages, questions) is a row by its name. By the prices of each estimate, or others.
    """
    rows = costs.between(connection, since, until, limit=limit)
    runs, others = [row for row in rows if row["work"] == CostWork.RUN], [row for row in rows if row["work"] != CostWork.RUN]
    entries = stages_of(connection, runs, prices) + _without_stages([*others, *outside_runs(connection, since, until)], prices)
    return sorted(entries, key=lambda entry: entry.cost.total, reverse=True)


def _without_stages(rows: Iterable[Mapping[str, Any]], prices: Prices | None) -> list[Entry]:
    found: dict[tuple[CostWork, str], list[Cost]] = {}
    for row in rows:
        cost = cost_of(row)
        found.setdefault((CostWork(row["work"]), row["name"]), []).append(cost if prices is None else cost.repriced(prices.tariff))
    return [Entry(f"{work}s: {name}", added(costs_of), work) for (work, name), costs_of in found.items()]


def stages_of(connection: Connection, rows: Sequence[Mapping[str, Any]], prices: Prices | None = None) -> list[Entry]:
    """Return what each stage cost in the runs of these estimates, and what the runs cost between them; dearest first."""
    known: dict[int, Tariff] = {}
    found: dict[tuple[str, str], list[tuple[Part, Amounts]]] = {}
    for row, parts in with_parts(connection, rows):
        tariff = prices.tariff if prices is not None else _tariff(connection, row["book_id"], known)
        for part in parts:
            found.setdefault((row["name"], part.name), []).append((part, tariff.amounts(part.usage)))
    entries = [Entry(f"{name}: {stage}", _of_parts(priced), CostWork.RUN) for (name, stage), priced in found.items()]
    return sorted(entries, key=lambda entry: entry.cost.total, reverse=True)


def _of_parts(priced: Sequence[tuple[Part, Amounts]]) -> Cost:
    usage, amounts = together([part.usage for part, _ in priced]), summed(amounts for _, amounts in priced)
    return Cost(usage, amounts, number=len(priced), unmeasured=sum(part.dead for part, _ in priced))


def with_parts(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], list[Part]]]:
    """Return estimates, each with the parts that it is the sum of: a run's stages, and all else as one."""
    ids = {row["ref"]: row["cpu_us"] for row in rows if row["work"] == CostWork.RUN}
    used: dict[int, list[Mapping[str, Any]]] = {}
    for stage in costs.stages_between(connection, list(ids)):
        used.setdefault(stage["run_id"], []).append(stage)
    whole = {run_id: parts_of(used.get(run_id, ()), cpu_us) for run_id, cpu_us in ids.items()}
    return [(row, whole[row["ref"]] if row["work"] == CostWork.RUN else [Part(row["name"], Usage.of(row))]) for row in rows]


def _tariff(connection: Connection, version: int, known: dict[int, Tariff]) -> Tariff:
    return known.get(version) or known.setdefault(version, load(connection, version).tariff)


def by_layer(connection: Connection, prices: Prices, *, since: date | None = None, until: date | None = None) -> list[Entry]:
    """Return what each layer of the lake holds of a range of dates (of all without one), and what that costs a month; largest first.

    Files of their own, earlier versions, packs and what lies in the cold are rows of their own. All are priced alike: which class the
    place of the cold is, nobody has said.
    """
    entries = []
    for held in lake_sizes.by_layer(connection, since=since, until=until):
        usage = Usage(bytes_written=held.bytes)
        entries.append(Entry(_layer(held), Cost(usage, prices.tariff.amounts(usage), number=held.files)))
    return sorted(entries, key=lambda entry: entry.cost.usage.bytes_written, reverse=True)


def _layer(held: Held) -> str:
    if held.packed:
        return f"{held.dataset}, {'in the cold' if held.cold else 'packed months'}"
    return held.dataset if held.is_current else f"{held.dataset}, earlier versions"


def _of_work(row: Mapping[str, Any]) -> Entry:
    return _entry(row, f"{row['name']} {row['partition'] or row['ref']}", row["ref"], row["status"], row["session"])


def _entry(row: Mapping[str, Any], label: str, ref: int | None = None, status: str | None = None, session: date | None = None) -> Entry:
    return Entry(label, cost_of(row), CostWork(row["work"]), ref, row["day"], status, CostPurpose(row["purpose"]), session)


def as_rows(entries: Iterable[Entry], show: Callable[[Decimal], Decimal]) -> list[dict[str, Any]]:
    """Return a bill as plain values, amounts as `show` gives them; the lines of each row add up to its total exactly."""
    return [_row(entry, show) for entry in entries]


def _row(entry: Entry, show: Callable[[Decimal], Decimal]) -> dict[str, Any]:
    cost = entry.cost
    said = {"what": entry.label, "work": entry.work, "ref": entry.ref, "day": entry.day, "session": entry.session}
    said |= {"status": entry.status, "purpose": entry.purpose, "number": cost.number, "rows": cost.rows}
    amounts = {category.value: show(cost.line(category)) for category in PRICED}
    used = {name: getattr(cost.usage, name) for name in Usage.__slots__}
    more = {"retries": show(amount_of(cost.retries)), "total": sum(amounts.values(), ZERO), "unmeasured": cost.unmeasured}
    return said | amounts | more | {"usage": used}
