"""What commands share that queue runs: who gives them, their options, and how the end is waited for and told."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from getpass import getuser
from typing import Annotated, Any

import typer

from engine.cli import reading
from engine.cli.parts import FAILED, date_of
from engine.clock import NEPAL
from engine.pipelines.behind import held_up, owed
from engine.printing import complain, show
from engine.runtime import Runtime, runtime
from engine.services import Services, Submitted
from engine.waiting import some_runner, wait_until
from storage import backfills, runs, sessions
from storage.status import ACTIVE, BackfillMode, BackfillState, RunStatus

Day = Annotated[date, typer.Option("--date", parser=date_of, metavar="YYYY-MM-DD", help="Calendar date.")]
MaybeDay = Annotated[date | None, typer.Option("--date", parser=date_of, metavar="YYYY-MM-DD", help="Calendar date.")]
Since = Annotated[date, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="First date.")]
Until = Annotated[date, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="Last date.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the end; a runner is started where none is alive.")]
Timeout = Annotated[float | None, typer.Option(help="Seconds to wait at most.")]
PipelineName = Annotated[str, typer.Option("--pipeline", help="Name of a pipeline.")]
DAILY = "daily_prices"


def commands() -> Services:
    """Return the commands, given by the user of this shell."""
    try:
        user = getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        user = str(os.getuid())
    return Services(runtime(), actor=f"cli:{user}")


@contextmanager
def _told_when_interrupted(message: str) -> Iterator[None]:
    """Say how to go on when a person stops waiting (Ctrl-C); what is queued stays queued."""
    try:
        yield
    except KeyboardInterrupt as error:
        complain(f"\n{message}")
        raise typer.Exit(FAILED) from error


def wait_for_backfill(opened: Runtime, backfill_id: int, timeout: float | None) -> None:
    """Wait for the end of a backfill and of what it leaves behind, with a bar where somebody looks; what is left stays queued."""
    with opened.database.reading() as connection:
        asked = backfills.one(connection, backfill_id)
        waiting = owed(connection)  # it may be what an earlier command was killed over
    if asked is None or (asked["state"] != BackfillState.RUNNING and not waiting):
        return
    total = asked["dates"]
    on = "python -m engine backfills"
    if asked["mode"] != BackfillMode.REPLAY:
        on = f"python -m engine backfill {asked['pipeline']} --since {asked['since']} --until {asked['until']} --wait"
    stays = f"Backfill {backfill_id} is not done; its dates stay queued for any runner. Go on with: {on}"

    def over() -> bool:
        with opened.database.reading() as connection:
            now = backfills.one(connection, backfill_id)
            counts = backfills.counts(connection, backfill_id)
            waiting = owed(connection)
        bar.update(total - sum(counts.get(status, 0) for status in ACTIVE) - bar.pos)
        return now is None or (now["state"] != BackfillState.RUNNING and not waiting)

    with (
        _told_when_interrupted(stays),
        typer.progressbar(length=total, label="dates", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar,
        some_runner(opened, ["--only-backfill", str(backfill_id), "--no-scheduling"]),
    ):
        if not wait_until(over, timeout=timedelta(seconds=timeout) if timeout is not None else None, glance=0.1):
            complain(f"After {timeout:g} s: {stays}")


def tell_waiting(opened: Runtime) -> None:
    """Say on stderr which sessions still have the features of before: earlier ones have come, and nothing has carried them on yet."""
    with opened.database.reading() as connection:
        waits, held = sessions.behind(connection), held_up(connection)
    if waits["sessions"]:
        many = f"{waits['sessions']:,} {'session waits' if waits['sessions'] == 1 else 'sessions wait'}"
        until = f"until a run carries them on, theirs know nothing of what came before{f'; {held}' if held else ''}"
        complain(f"{many} for features, the first is {waits['first']}: {until}.")


def follow(services: Services, submitted: Submitted, *, wait: bool, timeout: float | None, to_json: bool) -> None:
    """Show the run; with `wait`, at its end, and exit 0 only if that end is not a failure."""
    opened = services.runtime
    if not submitted.created:
        complain(submitted.message)
    if wait:
        wait_for_run(opened, submitted.run_id, timeout)
    found = reading.summary(opened, submitted.run_id)
    show(found, to_json=to_json)
    if wait:
        tell_failure(found)


def tell_failure(found: Mapping[str, Any]) -> None:
    """Say on stderr how a run has failed, and exit 1 where it is not over or did."""
    if found["error_message"]:
        complain(f"run {found['run_id']} {found['status']}: {found['error_message']}")
    if found["status"] not in (RunStatus.SUCCEEDED, RunStatus.SKIPPED):
        raise typer.Exit(FAILED)


def wait_for_run(opened: Runtime, run_id: int, timeout: float | None) -> None:
    """Wait for the end of a run, and say what it waits for; what is not over goes on where a runner is alive."""
    said: list[str] = []

    def over() -> bool:
        with opened.database.reading() as connection:
            row = runs.one(connection, run_id)
        if row is not None and row["waits"] and row["status"] == RunStatus.QUEUED and row["reason"] not in said:
            said.append(row["reason"])
            complain(f"run {run_id} waits: {row['reason']}; looks again at {row['available_at'].astimezone(NEPAL):%H:%M} Nepal time")
        return row is None or runs.is_final(row["status"])

    limit = timedelta(seconds=timeout) if timeout is not None else None
    stays = f"Run {run_id} goes on where a runner is alive. Look at it with: python -m engine run {run_id}"
    with _told_when_interrupted(stays), some_runner(opened, ["--only-run", str(run_id), "--no-scheduling"]):
        ended = wait_until(over, timeout=limit)
    if not ended:
        complain(f"run {run_id} is {reading.summary(opened, run_id)['status']} after {timeout:g} s. {stays}")
