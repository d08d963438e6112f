"""The command that holds a session's trades against its official daily rows, and what makes the two the same."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import typer

from engine.cli.following import Timeout, Wait, commands, follow
from engine.cli.parts import FAILED, Json, date_of, option_of, told
from engine.errors import NoFile, UsageError
from engine.printing import complain, show, table
from engine.runtime import Runtime, runtime
from engine.stream.reconcile import Reconciliation, Side, Verdict

app = typer.Typer()

MOST_ROWS = 20  # that are printed for people


@app.command()
@told
def reconcile(  # noqa: PLR0913, each is one option
    session: Annotated[date, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="A session that was streamed, or has a tape.")],
    side: Annotated[
        Side | None,
        option_of(
            Side, "Whose trades: what the stream received, or the source's tape; else the stream's where there are any.", name="--of"
        ),
    ] = None,
    *,
    replay_gap: Annotated[bool, typer.Option("--replay-gap", help="First bring in what the tape has and the stream has not.")] = False,
    promote_batch: Annotated[
        bool, typer.Option("--promote-batch", help="Have prices serve the official rows: queue the daily pipeline unless it does already.")
    ] = False,
    settle: Annotated[bool, typer.Option("--settle-letters", help="Put away what was set aside of a session that is exact.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    to_json: Json = False,
) -> None:
    """Compare a session's trades with its official daily rows, cell by cell; exit code 0 only when they are exactly the same.

    With --replay-gap, --settle-letters or --promote-batch it is 0 when that was done, or was so already.
    """
    if replay_gap + promote_batch + settle > 1:
        raise UsageError("give --replay-gap, --settle-letters or --promote-batch, one at a time")
    if side is Side.TAPE and replay_gap:
        raise UsageError("--replay-gap fills what the stream lacks: leave --of tape out")
    if promote_batch:
        services = commands()
        follow(services, services.promote_batch(session), wait=wait, timeout=timeout, to_json=to_json)
        return
    if settle:
        show({"session": session, "message": commands().settle_letters(session)}, to_json=to_json)
        return
    if wait or timeout is not None:
        raise UsageError("--wait and --timeout belong to --promote-batch")
    gap = commands().replay_gap(session) if replay_gap else None
    opened = runtime()
    found, said = _compared(opened, session, side)
    if gap is not None:
        said = {"replayed": {"lost": gap.lost, "late": gap.late, "message": gap.message}} | said
    if to_json:
        show(said, to_json=True)
    else:
        _print(said)
    if gap is None and found.verdict is not Verdict.EXACT:
        raise typer.Exit(FAILED)


def _compared(opened: Runtime, session: date, side: Side | None) -> tuple[Reconciliation, dict[str, Any]]:
    """Return the comparison of a session, and the same for JSON; without a wish of the stream's trades where there are any."""
    from engine import reconcile_words, reconciling, tapes  # noqa: PLC0415, used by this command only

    there = reconciling.sides(opened, session)
    if side is Side.STREAM and not there.stream:
        raise NoFile(f"{there.no_stream} Compare the source's tape with: --of tape")
    if side is Side.STREAM or (side is None and there.stream):
        found, origin = reconciling.reconcile_stream(opened, session), f"the stream of {session}"
        unreadable = 0
    else:
        tape = tapes.read_tape(opened, session)
        found, origin, unreadable = reconciling.reconcile(opened, tape), tape.origin, len(tape.bad)
        if side is None:
            complain(f"{there.no_stream} This is the source's tape.")
    return found, reconcile_words.told(found, origin=origin, simulated=opened.simulated, unreadable=unreadable)


def _print(said: Mapping[str, Any]) -> None:
    trades, symbols, complete = said["trades"], said["symbols"], said["complete_pct"]
    if "replayed" in said:
        typer.echo(f"{said['replayed']['message']}\n")
    aside = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in trades["set_aside"].items())
    show(
        {
            "session": said["session"],
            "trades of": f"{said['origin']}{' (simulated)' if said['simulated'] else ''}",
            "verdict": said["verdict"],
            "": said["says"],
            "symbols": f"{symbols['exact']:,} of {symbols['on_both_sides']:,} exact, {len(symbols['absent']):,} missing",
            "missing": f"{_count(trades['missing_by_total'])} trades by the official total, {trades['missing_by_ids']:,} by contract ids",
            "complete": f"{_count(complete['by_total'])} % by the official total, {_count(complete['by_ids'])} % by the contract ids",
            "counted by": trades["evidence"],
            "set aside": aside or "none",
        },
        to_json=False,
    )
    nothing_to_compare = said["verdict"] in (Verdict.NOT_POSSIBLE, Verdict.UNDER_WAY)
    for name, rows in (("causes", said["causes"]), ("differing", _lines(said["differing"], said["of"]))):
        if rows and not nothing_to_compare:
            typer.echo(f"\n{name}")
            table(rows[:MOST_ROWS])


def _count(number: float | None) -> str:
    return "?" if number is None else f"{number:,}"


def _lines(differing: list[Mapping[str, Any]], side: str) -> list[Mapping[str, Any]]:
    return [
        {"symbol": row["symbol"], "field": name, side: sides[side], "official": sides["official"], "cause": ", ".join(row["causes"])}
        for row in differing
        for name, sides in (row["fields"] or {"": {side: None, "official": None}}).items()
    ]
