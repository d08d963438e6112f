"""Commands about backups, damage and the jobs that look after both."""

import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from engine.cli.following import commands
from engine.cli.parts import FAILED, Json, told
from engine.clock import NEPAL
from engine.errors import UsageError
from engine.printing import complain, show
from engine.runtime import Runtime, runtime
from storage import lifecycle
from storage.status import JobOutcome

app = typer.Typer()
NICE = 19  # runs come first
LISTED = ("id", "job", "outcome", "requested_by", "started_at", "finished_at", "message")  # for people


@app.command()
@told
def backup(
    to: Annotated[Path | None, typer.Option(help="Folder to make it in; else NEPSE_BACKUP_DIR, else `backups` in the home.")] = None,
    *,
    lake_only: Annotated[bool, typer.Option("--lake-only", help="Only the lake: of PostgreSQL, run pg_dump before it.")] = False,
    to_json: Json = False,
) -> None:
    """Copy database and lake while runners work; what an earlier backup in the folder holds is linked. Exit code 1 when a file is lost."""
    from engine.backup.snapshot import take  # noqa: PLC0415, used by this command only

    opened = runtime()
    taken = take(opened, to or opened.settings.backups, lake_only=lake_only)
    show(taken.figures(), to_json=to_json)
    if lake_only and (moved := _newest_step(opened)) is not None:
        complain(f"The dump must be newer than {moved.astimezone(NEPAL):%Y-%m-%d %H:%M:%S} in Nepal: then the lifecycle last moved files.")
    if taken.manifest.lost:
        complain(f"{len(taken.manifest.lost):,} files of the catalog are lost and in no earlier backup; the rest is saved")
        raise typer.Exit(FAILED)


def _newest_step(opened: Runtime) -> datetime | None:
    """Return when the lifecycle last did something; a dump of before names files that may be gone."""
    with opened.database.reading() as connection:
        return max((row["ended_at"] for row in lifecycle.recent(connection) if row["ended_at"] is not None), default=None)


@app.command()
@told
def verify(
    which: Annotated[str | None, typer.Argument(metavar="[BACKUP]", help="Its name or folder; else the newest one.")] = None,
    *,
    home: Annotated[bool, typer.Option("--home", help="Read the home itself instead of a backup.")] = False,
    to_json: Json = False,
) -> None:
    """Read a backup, or the home, from end to end and list what is not as it was written; exit code 1 when there is anything."""
    from engine import settings  # noqa: PLC0415, a backup can be read where no home is
    from engine.backup import inspection, shelf  # noqa: PLC0415, used by this command only
    from engine.clock import SystemClock  # noqa: PLC0415

    if home:
        if which is not None:
            raise UsageError("say one of the two: a backup, or --home")
        opened = runtime()
        with opened.lake.kept():
            found = inspection.inspect_home(opened.database, opened.lake.folder, look_cold=True)
    else:
        folder = shelf.find(settings.load().backups, which)
        found = inspection.inspect_backup(folder)
        shelf.mark_verified(folder, None if found.faults else SystemClock().now())
    show(found.figures(), to_json=to_json)
    if found.faults:
        complain(found.sentence())
        raise typer.Exit(FAILED)


@app.command()
@told
def restore(
    which: Annotated[str, typer.Argument(metavar="BACKUP", help="Name or folder of a backup.")],
    to: Annotated[Path, typer.Option(help="The new home: an empty folder, or none yet.")],
    *,
    salvage: Annotated[bool, typer.Option("--salvage", help="Restore what is whole of a damaged backup, and list the rest.")] = False,
    to_json: Json = False,
) -> None:
    """Make a home out of a backup: compared while it is copied, verified as a whole, then put under its name."""
    from engine import settings  # noqa: PLC0415, there may be no home yet
    from engine.backup import restore as restoring  # noqa: PLC0415, used by this command only
    from engine.backup import shelf  # noqa: PLC0415

    done = restoring.restore(shelf.find(settings.load().backups, which), to.absolute(), salvage=salvage)
    source = "simulated" if done.manifest.simulated else "files NEPSE_SOURCE_DIR=<folder that holds daily/>"
    start = f"NEPSE_HOME={to.absolute()} NEPSE_SOURCE={source} make run"
    show(done.figures() | {"start_with": start}, to_json=to_json)
    if done.manifest.lake_only:
        complain("The lake alone: load the dump of the same time into PostgreSQL, and name that database in NEPSE_DATABASE_URL.")
    if done.left_out:
        complain(f"{len(done.left_out):,} files are not whole and were left out; scrub the new home to see what to rebuild")


@app.command(name="jobs")
@told
def list_jobs(
    name: Annotated[
        str | None,
        typer.Option("--run", help="Do it now: backup, verify, drill, scrub, tick_log, rebuild_gold, rebuild_stream, drift, lifecycle."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    *,
    work: Annotated[bool, typer.Option("--work", hidden=True, help="Do what is queued; what a runner starts.")] = False,
    to_json: Json = False,
) -> None:
    """List what was done for the safety of the data, newest first; or do a job now and wait for its end."""
    from engine.jobs import following  # noqa: PLC0415, used by this command only

    if work:
        os.nice(NICE)
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(),
                structlog.processors.JSONRenderer(default=str),
            ]
        )
        following.work(runtime())
        return
    if name is None:
        rows = following.listed(runtime(), limit=limit)
        show(rows if to_json else [{key: row[key] for key in LISTED} for row in rows], to_json=to_json)
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # its end is what is printed
    services = commands()
    row: dict[str, Any] = following.followed(services.runtime, services.ask_for(name))
    show(row, to_json=to_json)
    if row["outcome"] == JobOutcome.FAILED:
        complain(str(row["message"]))
        raise typer.Exit(FAILED)
