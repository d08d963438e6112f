"""Runs by the thousand, for the state of the gallery that has many."""

from datetime import date, timedelta
from typing import Any

from engine.clock import nepal_time
from storage.status import RunStatus, RunType, Verdict


def rows_of_old_runs(pipeline: str, number: int) -> list[dict[str, Any]]:
    """Return so many finished runs of four hundred dates of long ago, one in fifty failed."""
    first = date(2024, 1, 1)
    rows = []
    for index in range(number):
        day = first + timedelta(days=index % 400)
        at = nepal_time(first, 18) + timedelta(minutes=index)
        failed = index % 50 == 0
        rows.append(
            {
                "pipeline": pipeline,
                "partition": day,
                "run_type": RunType.BACKFILL,
                "status": RunStatus.FAILED if failed else RunStatus.SUCCEEDED,
                "requested_by": "console",
                "queued_at": at,
                "available_at": at,
                "started_at": at,
                "finished_at": at + timedelta(milliseconds=80),
                "duration_us": 80_000,
                "verdict": Verdict.FAILED if failed else Verdict.SESSION,
                "session_date": None if failed else day,
                "rows": 341,
                "fence": 1,
                "rescues": 0,
                "waits": 0,
                "priority": 0,
                "cancel_requested": False,
                "simulated": True,
            }
        )
    return rows
