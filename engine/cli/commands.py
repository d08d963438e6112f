"""The command line: the same commands and reads as the console, for people and programs.

Exit code 0 only when what was asked happened; 1 when it did not; 2 when the request itself was wrong. Errors go to stderr.
"""

import sys
from datetime import date
from functools import partial
from typing import Annotated

import structlog
import typer

from engine.billing.metering import question_asked
from engine.cli import alerts, check, costs, drift, lifecycle, monitoring, quality, reading, reconcile, safety, stream, versions
from engine.cli.following import (
    DAILY,
    MaybeDay,
    PipelineName,
    Since,
    Timeout,
    Until,
    Wait,
    commands,
    follow,
    tell_waiting,
    wait_for_backfill,
)
from engine.cli.parts import FAILED, Json, date_of, option_of, told
from engine.errors import UsageError
from engine.pipeline.graph import find
from engine.pipelines import PIPELINES
from engine.printing import as_csv, complain, show, table
from engine.runtime import runtime
from storage.status import BackfillMode, BackfillState, OnFailure, RunStatus

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(quality.app)
app.add_typer(check.app)
app.add_typer(safety.app)
app.add_typer(stream.app)
stream.stream.add_typer(versions.stream)
app.add_typer(reconcile.app)
app.add_typer(monitoring.app)
app.add_typer(alerts.app)
app.add_typer(alerts.group, name="alert")
app.add_typer(drift.app)
app.add_typer(costs.app)
app.add_typer(lifecycle.group, name="lifecycle")


@app.command()
@told
def backfill(  # noqa: PLR0913, each is one option
    pipeline: str,
    since: Since,
    until: Until,
    mode: Annotated[BackfillMode, option_of(BackfillMode, "Which dates to take.")] = BackfillMode.MISSING,
    on_failure: Annotated[OnFailure, option_of(OnFailure, "What to do when a date fails.")] = OnFailure.CONTINUE,
    max_active: Annotated[int, typer.Option(min=1, help="Dates at once, where the pipeline allows more than one.")] = 1,
    *,
    plan: Annotated[bool, typer.Option("--plan", help="Only say which dates it would take and how long that would last.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    to_json: Json = False,
) -> None:
    """Queue one run a calendar date; missing mode takes dates without a verdict, failed ones and those whose file has changed."""
    services = commands()
    if plan:
        planned = services.plan_backfill(pipeline, since, until, mode=mode)
        show(reading.plan(planned), to_json=to_json)
        return
    backfill_id = services.backfill(pipeline, since, until, mode=mode, on_failure=on_failure, max_active=max_active)
    if wait:
        wait_for_backfill(services.runtime, backfill_id, timeout)
    counts = reading.backfill(services.runtime, backfill_id)
    show(counts, to_json=to_json)
    if wait and (counts["failed"] or counts["missing"] or counts["state"] != BackfillState.DONE):
        raise typer.Exit(FAILED)


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
        find(PIPELINES, target)
        raise UsageError(f"say which date: python -m engine run {target} --date 2025-06-01")
    services = commands()
    follow(services, services.run(target, day, book_to=book_to), wait=wait, timeout=timeout, to_json=to_json)


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
    services = commands()
    if (run_id is None) == (day is None):
        raise UsageError("say which run (--run 17) or which date (--date 2025-06-01), one of the two")
    if run_id is None:
        run_id = reading.newest_run(services.runtime, pipeline, day)
    submitted = services.rerun(run_id, from_stage=from_stage, book_to=book_to)
    follow(services, submitted, wait=wait, timeout=timeout, to_json=to_json)


@app.command()
@told
def cancel(run_id: int, *, to_json: Json = False) -> None:
    """Cancel a run: a queued one at once, a running one as soon as its stage can be stopped."""
    said = commands().cancel(run_id)
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
    services = commands()
    for wanted, command in ((pause, services.pause_backfill), (resume, services.resume_backfill), (cancel, services.cancel_backfill)):
        if wanted is not None:
            complain(command(wanted))
    show(reading.backfills(services.runtime), to_json=to_json)
    tell_waiting(services.runtime)


@app.command(name="runs")
@told
def list_runs(
    pipeline: Annotated[str | None, typer.Option(help="Only of this pipeline.")] = None,
    status: Annotated[list[RunStatus] | None, option_of(RunStatus, "Only with this status; may be given more than once.")] = None,
    day: MaybeDay = None,
    before: Annotated[int | None, typer.Option(help="Only runs with a lower number: the next page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    *,
    to_json: Json = False,
) -> None:
    """List runs, newest first."""
    found = reading.run_list(runtime(), pipeline=pipeline, statuses=status or [], partition=day, before_id=before, limit=limit)
    show(found if to_json else reading.listed(found), to_json=to_json)


@app.command()
@told
def sessions(since: Since, until: Until, pipeline: PipelineName = DAILY, *, to_json: Json = False) -> None:
    """List every calendar date with its verdict: session, no_session, failed or missing."""
    if until < since:
        raise UsageError(f"the range ends ({until}) before it begins ({since})")
    show(reading.sessions(runtime(), pipeline, since, until), to_json=to_json)
    tell_waiting(runtime())


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
        complain(commands().pause_schedule(pause))
    if resume is not None:
        complain(commands().resume_schedule(resume))
    found = reading.schedules(runtime(), days=days)
    if to_json:
        show(found, to_json=True)
    else:
        for entry in found:
            show(entry, to_json=False)
            if not entry["slots"]:
                complain(f"{entry['pipeline']}: no date in the last {days} days; use --days")


@app.command()
@told
def breaker(
    reset: Annotated[str | None, typer.Option(metavar="SOURCE", help="Close the circuit of this source by hand.")] = None,
    reason: Annotated[str, typer.Option(help="Why it is closed by hand; whoever looks at it later reads it.")] = "",
    *,
    to_json: Json = False,
) -> None:
    """Show whether each source is called or left alone, since when and why, and when it is probed next."""
    if reset is not None:
        complain(commands().reset_breaker(reset, reason=reason))
    found = reading.breakers(runtime())
    if to_json:
        show(found, to_json=True)
    else:
        for entry in found:
            show(entry | {"events": [dict(event) for event in entry["events"]]}, to_json=False)


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
    from engine.lean import leave_pandas_out  # noqa: PLC0415, for runners only
    from engine.pipeline.runner import RunnerOptions, RunnerProcess  # noqa: PLC0415, APScheduler is loaded by runners only

    leave_pandas_out()
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

    if to_json and to_csv:
        raise UsageError("say --json or --csv, one of the two")
    opened = runtime()
    answer = query(opened, statement, scanned=partial(question_asked, opened, "sql"))
    if "gold_features" in statement.lower():
        tell_waiting(opened)
    if to_csv:
        as_csv(answer)
    elif to_json:
        show(answer.to_pylist(), to_json=True)
    else:
        table(answer.to_pylist())  # every column that was asked for, under its name


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
