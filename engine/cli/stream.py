"""Commands of the tick stream."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from engine.cli.following import Timeout, Wait, commands
from engine.cli.parts import FAILED, Json, date_of, told
from engine.errors import UsageError
from engine.printing import complain, show, table
from engine.runtime import runtime
from engine.services import Services
from engine.waiting import runner_is_alive
from storage.status import RunStatus

app = typer.Typer()
stream = typer.Typer(no_args_is_help=True, help="Work on a session of the tick stream.")
app.add_typer(stream, name="stream")

Day = Annotated[date | None, typer.Option("--session", parser=date_of, metavar="YYYY-MM-DD", help="The session; else the newest there is.")]
FASTEST = "max"

MOST_ROWS = 20  # that are printed for people


def replay_floorsheet(floorsheet: Path, turned: Sequence[str], bars: Path | None, every: int | None, *, to_json: bool) -> None:
    """Replay one session's trades without storing anything: bars, alerts, what was set aside, and what is missing.

    Exit code 1 where lines could not be read: then not all of the file was replayed.
    """
    from engine import checking, replaying  # noqa: PLC0415, used by this command only

    if every is not None and (bars is None or every not in replaying.WIDTHS):
        raise UsageError("--every is 1, 60 or 300 seconds, of the bars that --bars FILE.csv writes")
    found = replaying.replay_file(replaying.ReplayQuestion(floorsheet, checking.turned(turned), bars, every or replaying.WIDTHS[1]))
    if to_json:
        show(found, to_json=True)
    else:
        _print(found)
    if unreadable := found["ticks"]["unreadable"]:
        first = found["letters"][0]
        complain(
            f"Not replayed: {_lines(unreadable)} of {floorsheet.name}, which cannot be read; line {first['line']} first: {first['why']}."
        )
        raise typer.Exit(FAILED)


def _lines(number: int) -> str:
    return "1 line" if number == 1 else f"{number:,} lines"


def _print(found: Mapping[str, Any]) -> None:
    aside = ", ".join(f"{count:,} {reason}" for reason, count in found["dead_letters"].items()) or "none"
    complete = found["completeness"]
    show(
        {
            "session": found["session"],
            "layout": found["layout"],
            "ticks": f"{found['ticks']['received']:,} received, {found['ticks']['accepted']:,} accepted",
            "dead letters": aside,
            "missing": f"{complete['missing']:,} trades by the holes in the contract ids ({complete['complete_pct']} % complete)"
            + (": the tape died early, its bars and days are those of what is there" if complete["died_early"] else ""),
            "alerts": f"{len(found['alerts']):,}, and {found['suppressed']:,} kept quiet by a cooldown",
            "speed": f"{found['ticks_per_second']:,} ticks a CPU second",
        },
        to_json=False,
    )
    typer.echo()
    dearest = sorted(found["symbols"], key=lambda row: -row["turnover"])[:MOST_ROWS]
    table(dearest)
    if found["alerts"]:
        typer.echo()
        table(
            [
                {name: alert[name] for name in ("fired", "symbol", "rule", "score", "limit", "price", "suppressed")}
                for alert in found["alerts"][:MOST_ROWS]
            ]
        )


@stream.command()
@told
def start(
    day: Day = None,
    speed: Annotated[str | None, typer.Option(help=f"Times the clock, or {FASTEST}; else NEPSE_TICK_SPEED.")] = None,
    *,
    wait: Wait = False,
    timeout: Timeout = None,
    to_json: Json = False,
) -> None:
    """Start a session, or go on with one that was stopped; exit code 0 when it is queued, with --wait when it has ended well."""
    from engine.stream import following, offered  # noqa: PLC0415, used by this command only

    services = commands()
    session = day or offered.newest(services.runtime)
    submitted = services.start_stream(session, speed=_speed(speed or services.runtime.settings.tick_speed))
    if wait:
        following.follow(services.runtime, submitted.run_id, timeout=timeout)
    found = following.status(services.runtime, session)
    submission = {"run_id": submitted.run_id, "created": submitted.created, "message": submitted.message}
    show(submission | (found if to_json else following.told(found)), to_json=to_json)
    if wait and found["run_status"] != RunStatus.SUCCEEDED:
        complain(f"The stream of {session} is {found['run_status']}: {found['note'] or 'no reason is known'}")
        raise typer.Exit(FAILED)
    if not wait and not runner_is_alive(services.runtime):
        complain(_no_runner(services))


def _no_runner(services: Services) -> str:
    """Return what a queued session waits for where no runner is there to stay."""
    step = "start the console (make run), or a runner (python -m engine runner), or use --wait"
    if runner_is_alive(services.runtime, to_stay=False):
        return f"The only runner that is alive belongs to another command and ends with it; so that this session goes on then, {step}."
    return f"No runner is alive, so it waits: {step}."


@stream.command()
@told
def stop(day: Day = None, *, to_json: Json = False) -> None:
    """Stop a session behind its last committed record."""
    _told(to_json, lambda services, session: services.stop_stream(session), day)


@stream.command()
@told
def pause(day: Day = None, *, to_json: Json = False) -> None:
    """Take nothing from the source until it is resumed."""
    _told(to_json, lambda services, session: services.pause_stream(session), day)


@stream.command()
@told
def resume(day: Day = None, *, to_json: Json = False) -> None:
    """Go on with a paused session."""
    _told(to_json, lambda services, session: services.resume_stream(session), day)


@stream.command(name="speed")
@told
def set_speed(speed: str, day: Day = None, *, to_json: Json = False) -> None:
    """Replay at another speed: times the clock, or max."""
    _told(to_json, lambda services, session: services.set_stream_speed(session, _speed(speed)), day)


@stream.command(name="status")
@told
def stream_status(day: Day = None, *, to_json: Json = False) -> None:
    """Show how far a session has come: records, what was set aside, the watermark, bars, alerts."""
    from engine.stream import following  # noqa: PLC0415, used by this command only

    opened = runtime()
    found = following.status(opened, day or following.worked_on(opened))
    show(found if to_json else following.told(found), to_json=to_json)


@stream.command(hidden=True)
@told
def work(run_id: int) -> None:
    """Work on a queued session; what a runner starts."""
    from engine.lean import leave_pandas_out  # noqa: PLC0415, for processes that work

    leave_pandas_out()
    from engine.stream import following  # noqa: PLC0415, used by this command only

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(),
            structlog.processors.JSONRenderer(default=str),
        ]
    )
    following.work(runtime(), run_id)


def _told(to_json: bool, command: Callable[[Services, date], str], day: date | None) -> None:  # noqa: FBT001, as typer gave it
    from engine.stream import following  # noqa: PLC0415, used by these commands only

    services = commands()
    session = day or following.worked_on(services.runtime)
    said = command(services, session)
    show({"session": session, "message": said}, to_json=to_json)


def _speed(text: str) -> float | None:
    if text == FASTEST:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"a speed is a number, times the clock, or {FASTEST}; not {text!r}") from error
