"""What the command line shows, as plain mappings: stable names for other programs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from engine import circuits
from engine.clock import nepal_date
from engine.errors import UnknownName
from engine.market.calendar import TradingCalendar
from engine.pipeline.graph import find
from engine.pipeline.history import entries
from engine.pipeline.ledger import next_slots
from engine.pipelines import PIPELINES
from engine.pipelines.behind import held_up
from engine.planning import Plan
from engine.runtime import Runtime
from storage import backfills as stored_backfills
from storage import dates, metrics, moves, runs
from storage import runners as stored_runners
from storage import schedules as stored_schedules
from storage import sessions as stored_sessions
from storage.status import ACTIVE, Outcome, RunStatus, Verdict

SUMMARY = [
    "id",
    "pipeline",
    "partition",
    "run_type",
    "status",
    "verdict",
    "session_date",
    "outcome",
    "rows",
    "reason",
    "error_type",
    "error_message",
    "error_stage",
    "queued_at",
    "started_at",
    "finished_at",
    "duration_us",
    "backfill_id",
    "rerun_of",
    "simulated",
]

LISTED = ("run_id", "date", "status", "session_date", "outcome", "rows", "duration_us", "reason")  # what a line says to a person


def _summarised(row: Any) -> dict[str, Any]:
    return {"run_id" if name == "id" else "date" if name == "partition" else name: row[name] for name in SUMMARY}


def summary(runtime: Runtime, run_id: int) -> dict[str, Any]:
    """Return one run in a few lines; `UnknownName` when there is none."""
    with runtime.database.reading() as connection:
        row = runs.one(connection, run_id)
    if row is None:
        raise UnknownName(f"there is no run {run_id}")
    return _summarised(row)


def run(runtime: Runtime, run_id: int) -> dict[str, Any]:
    """Return everything that is known of a run."""
    with runtime.database.reading() as connection:
        row = runs.one(connection, run_id)
        if row is None:
            raise UnknownName(f"there is no run {run_id}")
        return {
            "run_id": run_id,
            **{"date" if name == "partition" else name: value for name, value in row.items() if name != "id"},
            "stages": [dict(stage) for stage in runs.stages_of(connection, run_id)],
            "attempts": [dict(attempt) for attempt in runs.attempts_of(connection, run_id)],
            "events": [dict(event) for event in runs.events_of(connection, run_id)],
            "metrics": [dict(metric) for metric in metrics.of_run(connection, run_id)],
            "log": [dict(line) for line in runs.log_of(connection, run_id)],
        }


def newest_run(runtime: Runtime, pipeline: str, day: date | None) -> int:
    """Return the number of the newest run of a date; `UnknownName` when it never ran."""
    with runtime.database.reading() as connection:
        row = runs.newest_of(connection, pipeline, day) if day else None
    if row is None:
        raise UnknownName(f"{pipeline} never ran for {day}; use: python -m engine run {pipeline} --date {day}")
    return int(row["id"])


def known_pipeline(name: str) -> str:
    """Return the name of a pipeline that has runs, the stream among them; `UnknownName` with those there are."""
    return name if name == moves.STREAM else find(PIPELINES, name).name


def run_list(runtime: Runtime, *, pipeline: str | None = None, **filters: Any) -> list[dict[str, Any]]:
    """Return runs, newest first; `UnknownName` where no pipeline is called so."""
    filters["pipeline"] = pipeline and known_pipeline(pipeline)
    with runtime.database.reading() as connection:
        return [_summarised(row) for row in runs.recent(connection, **filters)]


def listed(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return of each run what a line says to a person; of what pipeline it is where not all are of the same."""
    several = ["pipeline"] if len({row["pipeline"] for row in found}) > 1 else []
    made_up = ["simulated"] if any(row["simulated"] for row in found) else []
    return [{name: row[name] for name in (*several, *LISTED, *made_up)} for row in found]


def sessions(runtime: Runtime, pipeline: str, since: date, until: date) -> list[dict[str, Any]]:
    """Return one mapping a calendar date."""
    known_pipeline(pipeline)
    with runtime.database.reading() as connection:
        found = dates.verdicts(connection, pipeline, since, until)
    return [
        {
            "date": item.day,
            "verdict": item.verdict,
            "reason": item.reason,
            "session_date": item.session_date,
            "rows": item.rows,
            "run_id": item.run_id,
            **({"simulated": True} if runtime.simulated else {}),
        }
        for item in found
    ]


def backfill(runtime: Runtime, backfill_id: int) -> dict[str, Any]:
    """Return a backfill with the verdicts of its dates, and how its own runs ended."""
    with runtime.database.reading() as connection:
        row = stored_backfills.one(connection, backfill_id)
        if row is None:
            raise UnknownName(f"there is no backfill {backfill_id}")
        known = dates.verdicts(connection, row["pipeline"], row["since"], row["until"])
        tiles = stored_backfills.tiles(connection, backfill_id)
        waits, held = stored_sessions.behind(connection), held_up(connection)
    verdicts = Counter(item.verdict for item in known)
    statuses = Counter(tile["status"] for tile in tiles)
    outcomes = Counter(tile["outcome"] for tile in tiles if tile["outcome"])
    return {
        "backfill": backfill_id,
        "state": row["state"],
        **({"reason": row["reason"]} if row["reason"] else {}),
        "since": row["since"],
        "until": row["until"],
        "dates": len(known),
        **{verdict.value: verdicts[verdict] for verdict in Verdict},
        "runs": row["dates"],
        "already_done": len(known) - row["dates"],
        **{outcome.value: outcomes[outcome] for outcome in Outcome},
        "by_status": {status.value: statuses[status] for status in RunStatus if statuses[status]},
        **({"waiting_sessions": waits["sessions"], "waiting_from": waits["first"]} if waits["sessions"] else {}),
        **({"waiting_because": held} if held else {}),
        **({"simulated": True} if runtime.simulated else {}),
    }


def backfills(runtime: Runtime) -> list[dict[str, Any]]:
    """Return the newest backfills first, each with how many of its dates are over."""
    found = []
    with runtime.database.reading() as connection:
        for row in stored_backfills.recent(connection, limit=50):
            counts = stored_backfills.counts(connection, row["id"])
            found.append(dict(row) | {"done": sum(counts.values()) - sum(counts.get(status, 0) for status in ACTIVE)})
    return found


def plan(planned: Plan) -> dict[str, Any]:
    """Return a plan as a mapping."""
    return {
        "pipeline": planned.pipeline,
        "mode": planned.mode,
        "dates": len(planned.taken),
        "estimated_seconds": planned.seconds,
        "later_sessions": planned.carried,
        "taken": [{"date": item.day, "why": item.why} for item in planned.taken],
    }


def pipelines(*, to_json: bool) -> list[dict[str, Any]]:
    """Return the declared pipelines."""
    return [
        {
            "name": pipeline.name,
            "summary": pipeline.summary,
            "schedule": pipeline.due.describe() if pipeline.due else None,
            "stages": [
                {
                    "name": stage.name,
                    "inputs": stage.inputs,
                    "summary": stage.summary,
                    "attempts": stage.attempts,
                    "timeout_seconds": stage.timeout.total_seconds(),
                }
                for stage in pipeline.order
            ]
            if to_json
            else " > ".join(stage.name for stage in pipeline.order),
        }
        for pipeline in PIPELINES.values()
    ]


def schedules(runtime: Runtime, *, days: int) -> list[dict[str, Any]]:
    """Return each schedule with its next slots and its ledger."""
    now = runtime.clock.now()
    today = nepal_date(now)
    calendar = TradingCalendar(runtime.source.reference().calendar)
    found = []
    for pipeline in PIPELINES.values():
        if pipeline.due is None:
            continue
        with runtime.database.reading() as connection:
            stored = {row["pipeline"]: row for row in stored_schedules.every(connection)}.get(pipeline.name)
            known = entries(connection, pipeline, calendar, today - timedelta(days=days - 1), today, now=now)
        entry = {
            "pipeline": pipeline.name,
            "due": pipeline.due.describe(),
            "paused": bool(stored["paused"]) if stored else False,
            "next": next_slots(pipeline, calendar, now, count=5),
            "slots": [
                {
                    "pipeline": pipeline.name,
                    "date": slot.day,
                    "due_at": slot.due_at,
                    "outcome": slot.outcome,
                    "reason": slot.reason,
                    "run_id": slot.run_id,
                }
                for slot in known
            ],
        }
        found.append(entry)
    return found


def runners(runtime: Runtime) -> Sequence[dict[str, Any]]:
    """Return the newest runners and whether they are alive."""
    with runtime.database.reading() as connection:
        return [dict(row) for row in stored_runners.recent(connection)]


def breakers(runtime: Runtime) -> list[dict[str, Any]]:
    """Return the circuit of each source, with its last events."""
    return [asdict(found) | {"window": f"{found.window.total_seconds():g} s"} for found in circuits.reports(runtime)]
