"""What the command line shows of dead letters, replays and thresholds, as plain mappings: stable names for other programs."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from engine.errors import UnknownName
from engine.runtime import Runtime
from engine.services import Replay
from engine.thresholds import SPECS
from storage import backfills, dead_letters, runs
from storage import thresholds as stored
from storage.dead_letters import LetterFilter
from storage.status import RunStatus

LISTED = (
    "id",
    "partition",
    "session",
    "kind",
    "source_file",
    "line",
    "symbol",
    "reason",
    "message",
    "state",
    "tries",
    "stage",
    "run_id",
    "first_seen",
    "last_seen",
    "raw",
    "edited_raw",
)


def letters(runtime: Runtime, chosen: LetterFilter, *, before: int | None, limit: int) -> list[dict[str, Any]]:
    """Return dead letters, newest first; long lines only with their beginning."""
    with runtime.database.reading() as connection:
        return [_shown({name: row[name] for name in LISTED}) for row in dead_letters.page(connection, chosen, before, limit)]


def letter(runtime: Runtime, letter_id: int) -> dict[str, Any]:
    """Return everything that is known of a dead letter: its bytes as text, what is no text escaped, and as hexadecimal digits."""
    with runtime.database.reading() as connection:
        row = dead_letters.one(connection, letter_id)
    if row is None:
        raise UnknownName(f"there is no dead letter {letter_id}")
    return _shown(row) | {"raw_hex": None if row["raw"] is None else bytes(row["raw"]).hex()}


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    texts = {
        name: None if row[name] is None else bytes(row[name]).decode("utf-8", errors="backslashreplace") for name in ("raw", "edited_raw")
    }
    said = {"letter" if name == "id" else "date" if name == "partition" else name: value for name, value in row.items()}
    return said | texts


def replay(runtime: Runtime, asked: Replay) -> dict[str, Any]:
    """Return how far a replay is: its runs by status, and what was left out of it."""
    with runtime.database.reading() as connection:
        if asked.backfill_id is not None:
            found = [tile["status"] for tile in backfills.tiles(connection, asked.backfill_id)]
        else:
            row = runs.one(connection, asked.submitted.run_id) if asked.submitted else None
            found = [row["status"]] if row else []
    statuses = Counter(found)
    return {
        "run_id": asked.submitted.run_id if asked.submitted else None,
        "backfill": asked.backfill_id,
        "dates": asked.dates,
        "letters": asked.letters,
        "left_out": dict(asked.left_out),
        "by_status": {status.value: statuses[status] for status in RunStatus if statuses[status]},
        **({"simulated": True} if runtime.simulated else {}),
    }


def thresholds(runtime: Runtime) -> list[dict[str, Any]]:
    """Return every threshold with its value, range, and who changed it last, when and why."""
    with runtime.database.reading() as connection:
        newest = stored.newest(connection)
    return [
        {
            "key": spec.key,
            "value": changed["value"] if (changed := newest.get(spec.key)) else spec.default,
            "default": spec.default,
            "low": spec.low,
            "high": spec.high,
            "step": spec.step,
            "unit": spec.unit,
            "why": spec.why,
            "change": changed["id"] if changed else None,
            "changed_by": changed["changed_by"] if changed else None,
            "changed_at": changed["changed_at"] if changed else None,
            "reason": changed["reason"] if changed else None,
        }
        for spec in SPECS.values()
    ]
