"""Commands about the lifecycle of the lake: what would be packed and moved, do it, take it back, bring it out of the cold."""

import logging
from datetime import date
from typing import Annotated, Any

import structlog
import typer

from engine.cli.following import commands
from engine.cli.parts import FAILED, Json, month_of, told
from engine.printing import complain, show
from engine.runtime import runtime
from engine.services.lifecycle import AskedStep
from storage.status import JobOutcome, StepState

group = typer.Typer(no_args_is_help=True, help="Pack closed months of the lake, move old ones into the cold, take that back.")

CompactAfter = Annotated[
    int | None,
    typer.Option(
        metavar="MONTHS", min=0, help="Pack months of this age; 0: none. Else lifecycle.compact_after_months, else 1: all closed."
    ),
]
ColdAfter = Annotated[
    int | None,
    typer.Option(metavar="MONTHS", min=0, help="Move packs of this age to NEPSE_COLD; 0: none. Else lifecycle.cold_after_months."),
]
_LISTED = ("kind", "state", "requested_by", "requested_at", "ended_at", "message")


@group.command(name="plan")
@told
def plan_(compact_after: CompactAfter = None, cold_after: ColdAfter = None, *, to_json: Json = False) -> None:
    """Say what an application would do: months, files and bytes before and after; nothing is written."""
    from engine.lifecycle import planning, policy  # noqa: PLC0415, used by this command only

    opened = runtime()
    wanted = policy.asked_for(opened, compact_after=compact_after, cold_after=cold_after)
    show(planning.plan(opened, wanted).figures(), to_json=to_json)


@group.command()
@told
def apply(compact_after: CompactAfter = None, cold_after: ColdAfter = None, *, to_json: Json = False) -> None:
    """Do what `plan` says, and wait for its end. Everything stays readable meanwhile and wherever it is killed; ask again to go on."""
    services = commands()
    _followed(services.runtime, services.apply_lifecycle(compact_after=compact_after, cold_after=cold_after), to_json=to_json)


@group.command()
@told
def undo(
    step: Annotated[int, typer.Option("--id", help="Number of the application: the column step of the list.")], *, to_json: Json = False
) -> None:
    """Give the files back that an application took the place of, byte for byte, and bring back what it moved."""
    services = commands()
    _followed(services.runtime, services.undo_lifecycle(step), to_json=to_json)


@group.command()
@told
def restore(
    dataset: Annotated[str | None, typer.Option(help="Only packs of this dataset, such as silver.")] = None,
    month: Annotated[
        date | None, typer.Option(parser=month_of, metavar="YYYY-MM", help="Only packs of this month; a date in it will do.")
    ] = None,
    *,
    to_json: Json = False,
) -> None:
    """Bring packs back out of the cold; what is read of them is fetched by itself, so this is for what an archive gives only when asked."""
    services = commands()
    _followed(services.runtime, services.restore_from_cold(dataset=dataset, month=month), to_json=to_json)


@group.command(name="list")
@told
def list_steps(limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20, *, to_json: Json = False) -> None:
    """List what the lifecycle was asked for, newest first, and where everything lies."""
    from storage import lifecycle, packs  # noqa: PLC0415, used by this command only

    with runtime().database.reading() as connection:
        rows = [dict(row) for row in lifecycle.recent(connection, limit=limit)]
        sums = dict(packs.sums(connection))
    steps = rows if to_json else [{"step": row["id"]} | {name: row[name] for name in _LISTED} for row in rows]
    show({**sums, "steps": steps}, to_json=to_json)


def _followed(opened: Any, asked: AskedStep, *, to_json: bool) -> None:
    """Do the job in this process, or wait for the process that has it; then show the step."""
    from engine.jobs import following  # noqa: PLC0415, used by these commands only
    from storage import lifecycle  # noqa: PLC0415

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # its end is what is printed
    job = following.followed(opened, asked.job_run_id)
    with opened.database.reading() as connection:
        row = lifecycle.one(connection, asked.step_id)
    told_of = {} if row is None else {name: row[name] for name in ("id", "kind", "state", "asked", "message", "figures")}
    show(told_of | {"job": job["id"]}, to_json=to_json)
    if row is None or row["state"] in (StepState.FAILED, StepState.ASKED):
        complain(str(row["message"] if row is not None and row["message"] else job["message"]))
        raise typer.Exit(FAILED)
    if job["outcome"] == JobOutcome.FAILED:
        complain(str(job["message"]))
