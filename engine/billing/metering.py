"""Writes what work has cost when it ends, however it ends, in the very transaction that ends it: nothing that began is without one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.billing.prices import Remembered
from engine.clock import nepal_date
from engine.costs.line import Category
from engine.costs.measured import PRICED, USED, Tariff, Usage, summed, together
from engine.runtime import Runtime
from storage import costs, moves
from storage.status import CostPurpose, CostWork, RunStatus, RunType, StageStatus

BETWEEN = "between stages"  # claims, commits and the log: CPU of a run that is of none of its stages
BESIDE = "the session"
NOTHING = Usage()
KIB = 1024
COLUMN = {category: f"{category}_nano" for category in PRICED}
ESTIMATED = tuple(name for name in USED if name not in ("bytes_scanned", "messages"))  # a run neither asks in SQL nor delivers


@dataclass(frozen=True, slots=True)
class Part:
    """What one stage of a run used, or the run itself between its stages."""

    name: str
    usage: Usage
    dead: bool = False  # its process died: what it used is not known


def parts_of(stages: Sequence[Mapping[str, Any]], cpu_us: int | None) -> list[Part]:
    """Return the parts of a run of `cpu_us` in all, by its rows of stages; each is priced by itself, and the run is their sum."""
    parts = [Part(row["stage"], stage_usage(row), costs.is_dead(row)) for row in stages]
    rest = (cpu_us or 0) - sum(part.usage.cpu_us for part in parts)
    return [*parts, Part(BETWEEN, Usage(cpu_us=rest))] if rest > 0 else parts


def stage_usage(row: Mapping[str, Any]) -> Usage:
    """Return what a row says that its stage used."""
    held = (row["peak_memory_bytes"] or 0) // KIB * (row["duration_us"] or 0)
    return Usage(
        cpu_us=row["cpu_us"] or 0,
        memory_kib_us=held,
        bytes_written=row["bytes_written"] or 0,
        bytes_received=row["bytes_received"] or 0,
        puts=row["puts"] or 0,
        gets=row["gets"] or 0,
    )


@dataclass(slots=True)
class Metering:
    """What writes estimates in this process."""

    remembered: Remembered = field(default_factory=Remembered)

    def run_ended(self, connection: Connection, run_id: int, *, at: datetime, beside: Usage = NOTHING) -> None:
        """Write the estimate of a run, or of a session of the stream, that this transaction has ended.

        A session has no stages: what it used `beside` the CPU time, which its run has, is given. What never began has used nothing.
        """
        facts = costs.facts_of(connection, run_id)
        if facts["started_at"] is None:
            return
        streamed = facts["pipeline"] == moves.STREAM
        stages = () if streamed else costs.stages_of(connection, run_id)
        parts = [*parts_of(stages, facts["cpu_us"]), *([Part(BESIDE, beside)] if streamed else [])]
        tried = any(row["attempts"] > 1 or row["status"] == StageStatus.FAILED for row in stages)
        row = {
            "work": CostWork.SESSION if streamed else CostWork.RUN,
            "ref": run_id,
            "name": facts["pipeline"],
            "partition": facts["partition"],
            "session": facts["partition"] if streamed else facts["session_date"],
            "status": facts["status"],
            "purpose": purpose_of(facts),
            "simulated": facts["simulated"],
            "rows": _good_rows(facts, stages, streamed=streamed),
        }
        self._write(connection, row, parts, costs.retry_cpu(connection, run_id) if tried else 0, at)

    def job_ended(self, connection: Connection, ref: int, job: str, usage: Usage, *, at: datetime, outcome: str, simulated: bool) -> None:
        """Write the estimate of a job that this transaction has ended."""
        row = {"work": CostWork.JOB, "ref": ref, "name": job, "partition": None, "session": None, "status": outcome}
        row |= {"purpose": CostPurpose.UPKEEP, "simulated": simulated}
        self._write(connection, row, [Part(job, usage)], 0, at)

    def outside(self, connection: Connection, work: CostWork, name: str, usage: Usage, *, at: datetime) -> None:
        """Add what no run did to its day: a message that was delivered, a question that was answered."""
        prices = self.remembered.now(connection, at=at)
        key = {"day": nepal_date(at), "work": work, "name": name, "purpose": CostPurpose.UPKEEP, "book_id": prices.version}
        used = {name: getattr(usage, name) for name in USED}
        costs.add_to_day(connection, key | used | _nano(prices.tariff.amounts(usage)) | {"number": 1})

    def _write(self, connection: Connection, row: dict[str, Any], parts: list[Part], retried_us: int, at: datetime) -> None:
        prices = self.remembered.now(connection, at=at)
        amounts = summed(prices.tariff.amounts(part.usage) for part in parts)
        usage = together([part.usage for part in parts])
        told = {"day": nepal_date(at), "book_id": prices.version, "unmeasured": sum(part.dead for part in parts)}
        told |= {"retry_cpu_us": retried_us, "retries_nano": retries(prices.tariff, retried_us)}
        costs.write(connection, row | told | {name: getattr(usage, name) for name in ESTIMATED} | _nano(amounts))


def retries(tariff: Tariff, cpu_us: int) -> int:
    """Return what failed tries cost, of a run's compute."""
    return tariff.amounts(Usage(cpu_us=cpu_us))[Category.COMPUTE]


def purpose_of(facts: Mapping[str, Any]) -> CostPurpose:
    """Return why a run was: letters again, its date again, or for the first time."""
    if facts["run_type"] == RunType.REPLAY:
        return CostPurpose.DEAD_LETTERS
    return CostPurpose.RERUN if facts["rerun_of"] is not None or facts["again"] else CostPurpose.FIRST


def _good_rows(facts: Mapping[str, Any], stages: Sequence[Mapping[str, Any]], *, streamed: bool) -> int:
    """Return the rows that a run loaded, as its last stage that counts some says; none where it changed nothing or did not succeed."""
    if facts["status"] != RunStatus.SUCCEEDED:
        return 0
    if streamed:
        return facts["rows"] or 0
    return next((row["rows_out"] for row in reversed(stages) if row["rows_out"] is not None), 0)


def _nano(amounts: Mapping[Category, int]) -> dict[str, int]:
    return {COLUMN[category]: amount for category, amount in amounts.items()}


def question_asked(runtime: Runtime, by: str, size: int) -> None:
    """Add a question in SQL that read `size` bytes of the lake to its day; one that read none costs nothing, and writes nothing."""
    if size:
        with runtime.database.transaction() as connection:
            Metering().outside(connection, CostWork.QUESTION, by, Usage(bytes_scanned=size), at=runtime.clock.now())
