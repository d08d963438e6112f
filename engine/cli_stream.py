"""Commands of the tick stream."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli_parts import Json, told
from engine.printing import show, table

app = typer.Typer()

MOST_ROWS = 20  # that are printed for people


@app.command()
@told
def replay(
    floorsheet: Annotated[Path, typer.Option(help="A floorsheet file of the exchange's API, packed or not.")],
    turned: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replay under this threshold; may be given more than once.")
    ] = None,
    bars: Annotated[Path | None, typer.Option(help="Write the minute bars to this CSV file.")] = None,
    *,
    to_json: Json = False,
) -> None:
    """Replay one session's trades without storing anything: bars, alerts, what was set aside, and what is missing."""
    from engine import checking, replaying  # noqa: PLC0415, used by this command only

    found = replaying.replay_file(replaying.ReplayQuestion(floorsheet, checking.turned(turned or ()), bars))
    if to_json:
        show(found, to_json=True)
    else:
        _print(found)


def _print(found: Mapping[str, Any]) -> None:
    aside = ", ".join(f"{count:,} {reason}" for reason, count in found["dead_letters"].items()) or "none"
    complete = found["completeness"]
    show(
        {
            "session": found["session"],
            "layout": found["layout"],
            "ticks": f"{found['ticks']['received']:,} received, {found['ticks']['accepted']:,} accepted",
            "dead letters": aside,
            "missing": f"{complete['missing']:,} trades by the holes in the contract ids ({complete['complete_pct']} % complete)",
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
