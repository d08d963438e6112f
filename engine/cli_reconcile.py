"""The command that holds a session's trades against its official daily rows."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import typer

from engine.cli_parts import FAILED, Json, date_of, told
from engine.printing import show, table
from engine.runtime import runtime

app = typer.Typer()

MOST_ROWS = 20  # that are printed for people


@app.command()
@told
def reconcile(
    session: Annotated[date, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="A session of which there is a tape of trades.")],
    *,
    to_json: Json = False,
) -> None:
    """Compare a session's trades with its official daily rows, cell by cell; exit code 0 only when they are exactly the same."""
    from engine import reconciling, tapes  # noqa: PLC0415, used by this command only
    from engine.stream.reconcile import Verdict  # noqa: PLC0415

    opened = runtime()
    tape = tapes.read_tape(opened, session)
    found = reconciling.reconcile(opened, tape)
    said = reconciling.told(found, tape, simulated=opened.simulated)
    if to_json:
        show(said, to_json=True)
    else:
        _print(said)
    if found.verdict is not Verdict.EXACT:
        raise typer.Exit(FAILED)


def _print(said: Mapping[str, Any]) -> None:
    trades, symbols, complete = said["trades"], said["symbols"], said["complete_pct"]
    show(
        {
            "session": said["session"],
            "tape": f"{said['tape']}{' (simulated)' if said['simulated'] else ''}",
            "verdict": said["verdict"],
            "": said["says"],
            "symbols": f"{symbols['exact']:,} of {symbols['on_both_sides']:,} exact, {len(symbols['absent']):,} not on the tape",
            "missing": f"{_count(trades['missing_by_total'])} trades by the official total, {trades['missing_by_ids']:,} by contract ids",
            "complete": f"{_count(complete['by_total'])} % by the official total, {_count(complete['by_ids'])} % by the contract ids",
        },
        to_json=False,
    )
    for name, rows in (("causes", said["causes"]), ("differing", _lines(said["differing"]))):
        if rows:
            typer.echo(f"\n{name}")
            table(rows[:MOST_ROWS])


def _count(number: float | None) -> str:
    return "?" if number is None else f"{number:,}"


def _lines(differing: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [
        {"symbol": row["symbol"], "field": name, "tape": sides["tape"], "official": sides["official"], "cause": ", ".join(row["causes"])}
        for row in differing
        for name, sides in (row["fields"] or {"": {"tape": None, "official": None}}).items()
    ]
