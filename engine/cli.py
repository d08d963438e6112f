"""The command line: the same commands and reads as the console, for people and programs.

Exit code 0 only when what was asked happened; 1 when it did not; 2 when the request itself was wrong. Errors go to stderr.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from getpass import getuser
from typing import Annotated

import structlog
import typer

from engine import cli_check, reading
from engine.cli_parts import FAILED, Json, date_of, told
from engine.clock import NEPAL
from engine.errors import UsageError
from engine.printing import as_csv, complain, show
from engine.runtime import Runtime, runtime
from engine.services import Services, Submitted
from engine.waiting import some_runner, wait_until
from storage import backfills, runs
from storage.status import ACTIVE, BackfillMode, BackfillState, OnFailure, RunStatus

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(cli_check.app)

Day = Annotated[date, typer.Option("--date", parser=date_of, metavar="YYYY-MM-DD", help="Calendar date.")]
MaybeDay = Annotated[date | None, typer.Option("--date", parser=date_of, metavar="YYYY-MM-DD", help="Calendar date.")]
Since = Annotated[date, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="First date.")]
Until = Annotated[date, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="Last date.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the end; a runner is started where none is alive.")]
Timeout = Annotated[float | None, typer.Option(help="Seconds to wait at most.")]
PipelineName = Annotated[str, typer.Option("--pipeline", help="Name of a pipeline.")]
DAILY = "daily_prices"


def _services() -> Services:
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


@app.command()
@told
def backfill(  # noqa: PLR0913, each is one option
    pipeline: str,
    since: Since,
    until: Until,
    mode: Annotated[BackfillMode, typer.Option(help="Which dates to take.")] = BackfillMode.MISSING,
    on_failure: Annotated[OnFailure, typer.Option(help="What to do when a date fails.")] = OnFailure.CONTINUE,
    max_active: Annotated[int, typer.Option(min=1, help="Dates at once, where the pipeline allows more than one.")] = 1,
    *,
    plan: Annotated[bool, typer.Option("--plan", help="Only say which dates it would take and how long that would last.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    to_json: Json = False,
) -> None:
    """Queue one run a calendar date; missing mode takes dates without a verdict, failed ones and those whose file has changed."""
    services = _services()
    if plan:
        planned = services.plan_backfill(pipeline, since, until, mode=mode)
        show(reading.plan(planned), to_json=to_json)
        return
    backfill_id = services.backfill(pipeline, since, until, mode=mode, on_failure=on_failure, max_active=max_active)
    if wait:
        _wait_for_backfill(services.runtime, backfill_id, timeout)
    counts = reading.backfill(services.runtime, backfill_id)
    show(counts, to_json=to_json)
    if wait and (counts["failed"] or counts["missing"] or counts["state"] != BackfillState.DONE):
        raise typer.Exit(FAILED)


def _wait_for_backfill(opened: Runtime, backfill_id: int, timeout: float | None) -> None:
    with opened.database.reading() as connection:
        asked = backfills.one(connection, backfill_id)
    if asked is None or asked["state"] != BackfillState.RUNNING:
        return
    total = asked["dates"]
    on = f"python -m engine backfill {asked['pipeline']} --since {asked['since']} --until {asked['until']} --wait"
    stays = f"Backfill {backfill_id} is not done; its dates stay queued for any runner. Go on with: {on}"

    def over() -> bool:
        with opened.database.reading() as connection:
            now = backfills.one(connection, backfill_id)
            counts = backfills.counts(connection, backfill_id)
        bar.update(total - sum(counts.get(status, 0) for status in ACTIVE) - bar.pos)
        return now is None or now["state"] != BackfillState.RUNNING

    with (
        _told_when_interrupted(stays),
        typer.progressbar(length=total, label="dates", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar,
        some_runner(opened, ["--only-backfill", str(backfill_id), "--no-scheduling"]),
    ):
        if not wait_until(over, timeout=timedelta(seconds=timeout) if timeout is not None else None, glance=0.1):
            complain(f"After {timeout:g} s: {stays}")


@app.command()
@told
def run(
    target: Annotated[str, typer.Argument(help="Name of a pipeline to run, or number of a run to show.")],
    day: MaybeDay = None,
    book_to: Annotated[date | None, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="Book the file to this session.")] = None,
    *,
    wait: Wait = True,
    timeout: Timeout = None,
    to_json: Json = False,
) -> None:
    """Run a pipeline for one date, or show a run with its stages, events and log."""
    if target.isdigit():
        show(reading.run(runtime(), int(target)), to_json=to_json)
        return
    if day is None:
        raise UsageError(f"say which date: python -m engine run {target} --date 2025-06-01")
    services = _services()
    _follow(services, services.run(target, day, book_to=book_to), wait=wait, timeout=timeout, to_json=to_json)


@app.command()
@told
def rerun(  # noqa: PLR0913, each is one option
    run_id: Annotated[int | None, typer.Option("--run", help="Number of the run to do again.")] = None,
    day: MaybeDay = None,
    pipeline: PipelineName = DAILY,
    from_stage: Annotated[str | None, typer.Option(help="Take over what the stages before this one made.")] = None,
    book_to: Annotated[date | None, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="Book the file to this session.")] = None,
    *,
    wait: Wait = True,
    timeout: Timeout = None,
    to_json: Json = False,
) -> None:
    """Run a date again: a new run, linked to the one before."""
    services = _services()
    if (run_id is None) == (day is None):
        raise UsageError("say which run (--run 17) or which date (--date 2025-06-01), one of the two")
    if run_id is None:
        run_id = reading.newest_run(services.runtime, pipeline, day)
    submitted = services.rerun(run_id, from_stage=from_stage, book_to=book_to)
    _follow(services, submitted, wait=wait, timeout=timeout, to_json=to_json)


def _follow(services: Services, submitted: Submitted, *, wait: bool, timeout: float | None, to_json: bool) -> None:
    """Show the run; with `wait`, at its end, and exit 0 only if that end is not a failure."""
    opened = services.runtime
    if not submitted.created:
        complain(submitted.message)
    if not wait:
        show(reading.summary(opened, submitted.run_id), to_json=to_json)
        return

    said: list[str] = []

    def over() -> bool:
        with opened.database.reading() as connection:
            row = runs.one(connection, submitted.run_id)
        if row is not None and row["waits"] and row["status"] == RunStatus.QUEUED and row["reason"] not in said:
            said.append(row["reason"])
            complain(
                f"run {submitted.run_id} waits: {row['reason']}; looks again at {row['available_at'].astimezone(NEPAL):%H:%M} Nepal time"
            )
        return row is None or runs.is_final(row["status"])

    limit = timedelta(seconds=timeout) if timeout is not None else None
    stays = f"Run {submitted.run_id} goes on where a runner is alive. Look at it with: python -m engine run {submitted.run_id}"
    with _told_when_interrupted(stays), some_runner(opened, ["--only-run", str(submitted.run_id), "--no-scheduling"]):
        ended = wait_until(over, timeout=limit)
    found = reading.summary(opened, submitted.run_id)
    show(found, to_json=to_json)
    if not ended:
        complain(f"run {submitted.run_id} is {found['status']} after {timeout:g} s. {stays}")
    elif found["error_message"]:
        complain(f"run {submitted.run_id} {found['status']}: {found['error_message']}")
    if found["status"] not in (RunStatus.SUCCEEDED, RunStatus.SKIPPED):
        raise typer.Exit(FAILED)


@app.command()
@told
def cancel(run_id: int, *, to_json: Json = False) -> None:
    """Cancel a run: a queued one at once, a running one as soon as its stage can be stopped."""
    said = _services().cancel(run_id)
    show({"run_id": run_id, "message": said}, to_json=to_json)


@app.command(name="backfills")
@told
def list_backfills(
    pause: Annotated[int | None, typer.Option(help="Let no further date of this backfill begin.")] = None,
    resume: Annotated[int | None, typer.Option(help="Go on with this paused or stopped backfill.")] = None,
    cancel: Annotated[int | None, typer.Option(help="Cancel every queued date of this backfill and end it.")] = None,
    *,
    to_json: Json = False,
) -> None:
    """List backfills, newest first; pause, resume or cancel one."""
    services = _services()
    for wanted, command in ((pause, services.pause_backfill), (resume, services.resume_backfill), (cancel, services.cancel_backfill)):
        if wanted is not None:
            complain(command(wanted))
    show(reading.backfills(services.runtime), to_json=to_json)


@app.command(name="runs")
@told
def list_runs(
    pipeline: Annotated[str | None, typer.Option(help="Only of this pipeline.")] = None,
    status: Annotated[list[RunStatus] | None, typer.Option(help="Only with this status; may be given more than once.")] = None,
    day: MaybeDay = None,
    before: Annotated[int | None, typer.Option(help="Only runs with a lower number: the next page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    *,
    to_json: Json = False,
) -> None:
    """List runs, newest first."""
    found = reading.run_list(runtime(), pipeline=pipeline, statuses=status or [], partition=day, before_id=before, limit=limit)
    show(found, to_json=to_json)


@app.command()
@told
def sessions(since: Since, until: Until, pipeline: PipelineName = DAILY, *, to_json: Json = False) -> None:
    """List every calendar date with its verdict: session, no_session, failed or missing."""
    if until < since:
        raise UsageError(f"the range ends ({until}) before it begins ({since})")
    show(reading.sessions(runtime(), pipeline, since, until), to_json=to_json)


@app.command()
@told
def pipelines(*, to_json: Json = False) -> None:
    """List the pipelines with their stages and schedules."""
    show(reading.pipelines(to_json=to_json), to_json=to_json)


@app.command()
@told
def schedule(
    days: Annotated[int, typer.Option(min=1, max=3660, help="How many past dates of the ledger to show.")] = 14,
    pause: Annotated[str | None, typer.Option(help="Pause the schedule of this pipeline.")] = None,
    resume: Annotated[str | None, typer.Option(help="Resume the schedule of this pipeline.")] = None,
    *,
    to_json: Json = False,
) -> None:
    """Show when pipelines are due next, and for each past date whether it ran and why not."""
    if pause is not None:
        complain(_services().pause_schedule(pause))
    if resume is not None:
        complain(_services().resume_schedule(resume))
    found = reading.schedules(runtime(), days=days)
    if to_json:
        show(found, to_json=True)
    else:
        for entry in found:
            show(entry, to_json=False)


@app.command()
@told
def runner(
    parent_pid: Annotated[int | None, typer.Option(help="End when this process is gone.")] = None,
    only_backfill: Annotated[int | None, typer.Option(help="Take only runs of this backfill, and end with it.")] = None,
    only_run: Annotated[int | None, typer.Option(help="End when this run is over.")] = None,
    *,
    scheduling: Annotated[bool, typer.Option("--scheduling/--no-scheduling", help="Keep the schedule ledger.")] = True,
    status: Annotated[bool, typer.Option("--status", help="Only show the runners there are.")] = False,
    to_json: Json = False,
) -> None:
    """Be a runner: claim queued runs and execute them until told to stop."""
    if status or to_json:  # a runner itself prints nothing
        show(reading.runners(runtime()), to_json=to_json)
        return
    from engine.pipeline.runner import RunnerOptions, RunnerProcess  # noqa: PLC0415, APScheduler is loaded by runners only

    if parent_pid is not None:
        os.nice(5)  # beside a console: pages come first
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(), structlog.processors.JSONRenderer(default=str)]
    )
    RunnerProcess(runtime(), RunnerOptions(scheduling, parent_pid, only_backfill, only_run)).serve()


@app.command()
@told
def rebuild(
    layer: Annotated[str, typer.Argument(help="The layer to rebuild: gold.")],
    *,
    check: Annotated[bool, typer.Option("--check", help="Compare with what is stored, cell by cell; change nothing.")] = False,
    to_json: Json = False,
) -> None:
    """Compute all of gold again from silver, and compare it with what is stored (--check) or publish what differs."""
    from engine.rebuild import rebuild_gold  # noqa: PLC0415, used by this command only

    if layer != "gold":
        raise UsageError(f"only gold can be rebuilt, not {layer!r}; bronze is as it came and silver follows a rerun")
    result = rebuild_gold(runtime(), publish=not check)
    show(result, to_json=to_json)
    if check and result["differing_sessions"]:
        raise typer.Exit(FAILED)


@app.command()
@told
def sql(
    statement: str,
    *,
    to_json: Json = False,
    to_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout.")] = False,
) -> None:
    """Answer one SELECT over bronze_files, silver_prices, gold_features, prices and the metadata tables."""
    from engine.query import query  # noqa: PLC0415, DuckDB is loaded by this command only

    answer = query(runtime(), statement)
    if to_csv:
        as_csv(answer)
    else:
        show(answer.to_pylist(), to_json=to_json)


@app.command()
@told
def doctor(*, to_json: Json = False) -> None:
    """Look whether this machine is fit, and say what to do where it is not."""
    from engine import settings  # noqa: PLC0415, the runtime may not be openable: only the settings are read
    from engine.doctor import Health, examine  # noqa: PLC0415, used by this command only

    found = examine(settings.load())
    rows = [{"name": item.name, "health": item.health, "observed": item.observed, "advice": item.advice} for item in found]
    show(rows, to_json=to_json)
    if any(item.health is Health.FAILED for item in found):
        raise typer.Exit(FAILED)


def main() -> None:
    """Run the command line."""
    # Logs of a command are for its runner's file; stdout belongs to what was asked for.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    app()
