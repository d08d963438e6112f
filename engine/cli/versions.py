"""Commands about versions of the stream's past sessions, computed anew from their logs: `stream rebuild`, `versions`, `compare`, ..."""

from datetime import date
from typing import Annotated, Any

import typer

from engine.cli.following import Timeout, Wait, commands
from engine.cli.parts import FAILED, Json, date_of, told
from engine.errors import UsageError
from engine.printing import complain, show, table
from engine.runtime import runtime
from engine.services import Services
from engine.waiting import runner_is_alive
from storage.status import VersionState

stream = typer.Typer()  # added to `stream` of stream.py

Number = Annotated[int, typer.Argument(metavar="VERSION", help="The number of a version.")]
Day = Annotated[date | None, typer.Option("--session", parser=date_of, metavar="YYYY-MM-DD", help="One session.")]
MOST_DIFFERENCES = 1000  # of a session that are listed one by one
MOST_ROWS = 20  # that are printed for people


@stream.command()
@told
def rebuild(  # noqa: PLR0913, each is one option
    session: Day = None,
    since: Annotated[date | None, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="First date of a range.")] = None,
    until: Annotated[date | None, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="Last date of it.")] = None,
    turned: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A threshold other than it stands.")] = None,
    reason: Annotated[str, typer.Option(help="Why: it stands beside the version.")] = "asked for on the command line",
    *,
    wait: Wait = False,
    timeout: Timeout = None,
    to_json: Json = False,
) -> None:
    """Compute sessions anew from their logs, beside what is served; exit code 0 when that is queued, with --wait when all are built."""
    from engine import checking  # noqa: PLC0415, used by this command only
    from engine.stream import version_list  # noqa: PLC0415

    first, last = _range(session, since, until)
    services = commands()
    asked = services.rebuild_sessions(first, last, turned=checking.turned(turned or []), reason=reason)
    if wait:
        version_list.waited_for(services.runtime, asked.version, asked.job_run, timeout=timeout)
    with services.runtime.database.reading() as connection:
        found = version_list.one(connection, asked.version)
    left_out = {str(day): why for day, why in asked.left_out.items()}
    _show(version_list.version_row(found) | {"created": asked.created, "left_out": left_out}, to_json=to_json)
    for day, why in left_out.items():
        complain(f"{day} is left out: {why}")
    if wait and found.state in (VersionState.BUILDING, VersionState.FAILED):
        why = "; ".join(f"{one.session}: {one.failure}" for one in found.failed) or f"it goes on where a runner is alive, after {timeout} s"
        complain(f"Version {found.id} is {'not built' if found.failed else 'not done'}: {why}")
        raise typer.Exit(FAILED)
    if not wait and not runner_is_alive(services.runtime):
        complain("No runner is alive, so it waits: start the console (make run), or a runner (python -m engine runner), or use --wait.")


@stream.command()
@told
def versions(
    session: Day = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    *,
    to_json: Json = False,
) -> None:
    """List versions, newest first: which sessions, under which thresholds, and how they compare with what was served."""
    from engine.stream import version_list  # noqa: PLC0415, used by this command only

    with runtime().database.reading() as connection:
        rows = [version_list.version_row(one) for one in version_list.listed(connection, session=session, limit=limit)]
    if to_json:
        show(rows, to_json=True)
    else:
        table([_in_a_line(row) for row in rows])


@stream.command()
@told
def compare(version: Number, session: Day = None, *, to_json: Json = False) -> None:
    """Compare a version with what is served, or with what it has taken the place of: bars, days, alerts, letters."""
    from engine.stream import version_list  # noqa: PLC0415, used by this command only
    from engine.stream.versions import comparison  # noqa: PLC0415

    with runtime().database.reading() as connection:
        known = version_list.one(connection, version)
        days = [session] if session else [one.session for one in known.built]
        if not days:
            raise UsageError(f"version {version} is {known.state}, and holds nothing to compare")
        found = [version_list.compared_row(day, comparison(connection, version, day), most=MOST_DIFFERENCES) for day in days]
    if to_json:
        show({"version": version, "equal": all(row["equal"] for row in found), "sessions": found}, to_json=True)
        return
    for row in found:
        _print(row)


@stream.command()
@told
def promote(version: Number, *, to_json: Json = False) -> None:
    """Serve a version in the place of what is served; `stream undo` takes that back."""
    _decided(to_json, version, commands(), "promote_version")


@stream.command()
@told
def undo(version: Number, *, to_json: Json = False) -> None:
    """Serve again what a promoted version has taken the place of."""
    _decided(to_json, version, commands(), "undo_version")


@stream.command()
@told
def drop(version: Number, *, to_json: Json = False) -> None:
    """Delete what a version holds; one that is being built is built no further."""
    _decided(to_json, version, commands(), "drop_version")


def _decided(to_json: bool, version: int, services: Services, command: str) -> None:  # noqa: FBT001, as typer gave it
    said = getattr(services, command)(version)
    show({"version": version, "message": said}, to_json=to_json)


def _range(session: date | None, since: date | None, until: date | None) -> tuple[date, date]:
    if session is not None and since is None and until is None:
        return session, session
    if session is None and since is not None and until is not None:
        return since, until
    raise UsageError("name one session (--session D) or a range (--since D --until D)")


def _show(row: dict[str, Any], *, to_json: bool) -> None:
    if to_json:
        show(row, to_json=True)
    else:
        show(_in_a_line(row), to_json=False)


def _in_a_line(row: dict[str, Any]) -> dict[str, Any]:
    days = row["sessions"]
    counts = row["compared"] or {}
    others = {part: sum(each.values()) - each["equal"] for part, each in counts.items()}
    unequal = ", ".join(f"{number:,} {part} differ" for part, number in others.items() if number)
    return {
        "version": row["version"],
        "state": row["state"],
        "sessions": str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]} ({len(days)})",
        "set": " ".join(f"{key}={value:g}" for key, value in row["set"].items()) or "as they stand",
        "compared": (unequal or "equal") if counts else None,
        "reason": row["reason"],
        "by": row["requested_by"],
        "at": row["requested_at"],
    }


def _print(row: dict[str, Any]) -> None:
    parts = {name: item for name, item in row.items() if isinstance(item, dict)}
    show({"session": row["session"], "equal": "yes" if row["equal"] else "no"}, to_json=False)
    typer.echo()
    table([{"part": name} | item for name, item in parts.items()])
    if row["symbols_with_another_previous_close"]:
        typer.echo(f"\n{row['symbols_with_another_previous_close']:,} symbols have another previous close than was known then.")
    if row["differences"]:
        typer.echo()
        table(row["differences"][:MOST_ROWS])
        left = len(row["differences"]) + row["differences_left_out"] - MOST_ROWS
        if left > 0:
            typer.echo(f"and {left:,} more; with --json up to {MOST_DIFFERENCES:,}")
    typer.echo()
