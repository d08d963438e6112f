"""What it costs to compute a past session of the stream anew from its log, to serve that, and to take it back.

Run from the repository: `python -m benchmarks.stream_versions`. Takes the heaviest real tick day where it is at hand, else a simulated one.
CPU time of this process, the log and the database on disk; a rebuild under the same thresholds must be equal, or it ends in an error.
"""

import logging
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import text

from benchmarks.parts.figures import show
from benchmarks.parts.homes import REAL_FILES
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings, SourceName
from engine.stream.logs import log_of
from engine.stream.sources import ticks_of
from engine.stream.versions import build_waiting, comparison
from engine.stream.work import StreamProcess
from storage.database import Database

HEAVIEST, SIMULATED = date(2024, 7, 17), date(2025, 6, 2)
TURNS = {  # what is turned, and what that changes
    "thresholds as they stand": {},
    "a limit of a rule": {"stream.moving_average.alert_above": 4.0},
    "three rules off": {f"stream.{rule}.enabled": 0.0 for rule in ("moving_average", "trade_burst", "volume_limit")},
}


def opened(folder: Path) -> tuple[Runtime, date, str]:
    """Return a home, the session that is worked on there, and what it is."""
    if (REAL_FILES / "floorsheet" / f"{HEAVIEST}.csv.gz").is_file():
        settings = Settings(source=SourceName.FILES, home=folder, source_dir=REAL_FILES, backup_minutes=0)
        return compose(settings), HEAVIEST, "real"
    return compose(Settings(home=folder, backup_minutes=0, tick_speed="max")), SIMULATED, "simulated"


def streamed(runtime: Runtime, session: date) -> None:
    """Have the stream work on the session to its end."""
    run_id = Services(runtime, actor="benchmark").start_stream(session).run_id
    StreamProcess(runtime, log_of(runtime), lambda speed: ticks_of(runtime, speed=speed)).serve(run_id)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what `work` returns and the milliseconds of CPU that it took."""
    began = time.process_time()
    made = work()
    return made, 1000 * (time.process_time() - began)


def number(database: Database, query: str) -> int:
    """Return the one number that a query gives."""
    with database.reading() as connection:
        return int(connection.execute(text(query)).scalar_one())


def main() -> None:
    """Print a line for each thing that is turned."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        runtime, session, kind = opened(Path(folder) / "home")
        streamed(runtime, session)
        services = Services(runtime, actor="benchmark")
        records, bars = (number(runtime.database, f"SELECT {name} FROM stream_state") for name in ("records", "bars"))  # noqa: S608, ours
        print(f"{records:,} trades of {session} ({kind}), {bars:,} bars; milliseconds of CPU")
        for name, turned in TURNS.items():
            version = services.rebuild_sessions(session, session, turned=turned, reason="benchmark").version
            _, build = timed(lambda: build_waiting(runtime, lambda _: None))
            with runtime.database.reading() as connection:
                found, compare = timed(lambda version=version, connection=connection: comparison(connection, version, session))
            assert found.equal or turned
            _, promote = timed(lambda version=version: services.promote_version(version))
            _, undo = timed(lambda version=version: services.undo_version(version))
            kept = number(runtime.database, f"SELECT length(data) FROM stream_version_content WHERE version = {version}")  # noqa: S608, ours
            differ = sum(counts.different for counts in found.counts.values())
            show(
                f"{name} ({differ:,} differ): built, compared, stored",
                f"{build:,.0f}",
                f"compared alone {compare:,.0f}, promoted {promote:,.0f}, taken back {undo:,.0f}; {kept / 1000:,.0f} kB kept",
            )
        runtime.database.close()


if __name__ == "__main__":
    main()
