"""Which corrections by people a run has applied, and whether those of its checkpoints still stand."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection

from storage import dead_letters


def digests(corrections: Mapping[int, bytes]) -> dict[int, str]:
    """Return what a checkpoint remembers of corrections: by line, a digest of what was put there."""
    return {line: dead_letters.digest(raw) for line, raw in sorted(corrections.items())}


def still_stand(connection: Connection, pipeline: str, partition: date, parsed: Mapping[str, Any]) -> bool:
    """Say whether the checkpoint of stage `parsed` was made with exactly the corrections that stand now."""
    applied = {int(line): digest for line, digest in (parsed.get("corrected") or {}).items()}
    return applied == digests(dead_letters.corrections(connection, pipeline, partition, parsed["sha256"]))
