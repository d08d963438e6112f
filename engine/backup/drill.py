"""The restore drill: the newest backup becomes a home that opens, the clock beside it; then it is taken away again."""

import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.backup.manifest import DATABASE, LAKE
from engine.backup.restore import restore
from engine.runtime import Runtime
from storage import marks
from storage.database import open_database
from storage.identity import tie
from storage.migrate import migrate


def drill(runtime: Runtime, backup: Path) -> dict[str, Any]:
    """Restore a backup into a folder of its own, open it, remove it; return what that took and what would have been lost.

    Raises `BackupError` when it cannot be restored. `recovery_point_seconds` is how old the newest write in the backup is,
    `unsaved_seconds` how long ago the first write may have come that is not in it: 0 when everything is.
    """
    place = runtime.settings.home / "drill"
    shutil.rmtree(place, ignore_errors=True)  # what a killed one has left
    began = time.monotonic()
    try:
        restored = restore(backup, place / "home", durable=False)
        if not restored.manifest.lake_only:
            _open(restored.home)
        took = time.monotonic() - began
    finally:
        shutil.rmtree(place, ignore_errors=True)
    with runtime.database.reading() as connection:
        live = marks.newest(connection)
    now, mark, taken_at = runtime.clock.now(), restored.manifest.mark, restored.manifest.taken_at
    saved = mark.covers(live)
    return {
        "backup": backup.name,
        "files": restored.inspection.files,
        "bytes": restored.manifest.bytes,
        "recovery_seconds": round(took, 3),
        "recovery_point_seconds": _seconds(now, mark.at or taken_at),
        "unsaved_seconds": 0.0 if saved else _seconds(now, taken_at),
        "newest_write_at": mark.at and mark.at.isoformat(),
        "lake_only": restored.manifest.lake_only,
    }


def _open(home: Path) -> None:
    """Do what the start of the product does with a home."""
    database = open_database(f"sqlite:///{(home / DATABASE).absolute()}")
    try:
        migrate(database)
        tie(database, home / LAKE)
    finally:
        database.close()


def _seconds(now: datetime, then: datetime) -> float:
    return max(round((now - then).total_seconds(), 3), 0.0)
