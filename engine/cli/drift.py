"""The command that compares two files, or shows how far a session lies from the ones before it; and a person's word on an alarm."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.following import commands
from engine.cli.parts import FAILED, Json, date_of, told
from engine.drift.limits import FEWEST
from engine.errors import UsageError
from engine.printing import show, table
from engine.runtime import runtime
from storage.status import DriftCause, DriftLabel, DriftVerdict

app = typer.Typer()

MOST_NAMED = 20  # categories
_CHANGES: Mapping[str, str] = {
    "gone": "gone, only the reference has it",
    "new": "new, only the current file has it",
    "retyped": "{reference} in the reference, {current} in the current file",
}


@app.command()
@told
def drift(  # noqa: PLR0913, each is one option
    reference: Annotated[Path | None, typer.Option(metavar="FILE", help="What is usual: CSV or Parquet, packed or not.")] = None,
    current: Annotated[Path | None, typer.Option(metavar="FILE", help="What is compared with it.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="Compare this column; may be given more than once.")] = None,
    unit: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Also compare the means of groups of this column, such as the session.")
    ] = None,
    session: Annotated[
        date | None, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="Show what is stored of this session instead.")
    ] = None,
    since: Annotated[
        date | None, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="With --session: hold it against a fixed window from here.")
    ] = None,
    until: Annotated[date | None, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="Where that window ends.")] = None,
    *,
    to_json: Json = False,
) -> None:
    """Compare two files, or show a session's stored report; exit code 0 only where nothing drifts, 2 where a file cannot be read."""
    from engine import comparing  # noqa: PLC0415, used by this command only

    if session is not None:
        if reference or current or column or unit:
            raise UsageError("say one of the two: --session, or --reference and --current")
        if (since is None) != (until is None):
            raise UsageError("a fixed window needs both: --since and --until")
        if since is not None and until is not None:
            _show_window(comparing.against(runtime(), session, since, until), to_json=to_json)
            return
        found = comparing.stored(runtime(), session)
        _show_session(found, to_json=to_json)
        if found["cause"] == DriftCause.ALARM:
            raise typer.Exit(FAILED)
        return
    if since or until:
        raise UsageError("--since and --until are of a --session")
    if reference is None or current is None:
        raise UsageError("say which files: --reference A.csv --current B.csv; or which session: --session 2025-06-01")
    found = comparing.compared(reference, current, columns=column or (), unit=unit)
    _show_files(found, to_json=to_json)
    if found["verdict"] != DriftVerdict.NO_DRIFT:
        raise typer.Exit(FAILED)


@app.command(name="label-drift")
@told
def label_drift(
    session: Annotated[date, typer.Argument(parser=date_of, metavar="YYYY-MM-DD")],
    label: Annotated[
        str,
        typer.Argument(metavar="|".join(DriftLabel), help="fault: wrong data; market: the market did it; accepted: it will stay so."),
    ],
    reason: Annotated[str, typer.Option(help="Why; it stands in the history.")],
    *,
    to_json: Json = False,
) -> None:
    """Say what a session's drift alarm was; the sessions after it are compared anew."""
    show({"done": commands().label_drift(session, label, reason=reason)}, to_json=to_json)


def _show_files(found: Mapping[str, Any], *, to_json: bool) -> None:
    from engine import comparing  # noqa: PLC0415

    if to_json:
        show(found, to_json=True)
        return
    sizes = " against ".join(f"{found[side]['rows']:,} rows of {found[side]['file']}" for side in ("current", "reference"))
    show({"verdict": found["verdict"].replace("_", " "), "compared": sizes}, to_json=False)
    for one in found["changes"]:
        typer.echo(f"{comparing.shown(one['column'])}: {_CHANGES[one['change']].format(**one)}")
    typer.echo()
    table(
        [
            {
                "column": comparing.shown(one["column"]),
                "distance": each["test"],
                "statistic": _figure(each["statistic"]),
                "limit": _figure(each["limit"]),
                "p": _figure(each["p_value"]),
                "p adjusted": _figure(each["p_adjusted"]),
                "verdict": each["verdict"].replace("_", " ") + (f": {each['reason']}" if each["reason"] else ""),
            }
            for one in found["columns"]
            for each in one["distances"]
        ]
    )
    for one in found["columns"]:
        for name in ("new", "gone"):
            if one[name]:
                listed, more = ", ".join(map(comparing.shown, one[name][:MOST_NAMED])), len(one[name]) - MOST_NAMED
                typer.echo(f"\n{comparing.shown(one['column'])} {name}: {listed}{f' and {more:,} more' if more > 0 else ''}")
    for name, reason in found["not_compared"].items():
        typer.echo(f"\n{comparing.shown(name)} is not compared: {reason}")


def _show_session(found: Mapping[str, Any], *, to_json: bool) -> None:
    if to_json:
        show(found, to_json=True)
        return
    head = ("session", "cause", "headline", "since", "calibrated", "halted", "reference_since", "reference_until", "reference_sessions")
    said = found["label"]
    show(
        {name: found[name] for name in head} | ({"label": f"{said['label']}: {said['reason']}"} if said else {}) | _freshness(found),
        to_json=False,
    )
    beyond = [each for each in found["distances"] if each["verdict"] == DriftVerdict.DRIFT]
    if beyond:
        typer.echo()
        names = ("feature", "part", "statistic", "value", "limit", "observed", "usual")
        table([{name: _figure(each[name]) for name in names} for each in beyond])


def _show_window(found: Mapping[str, Any], *, to_json: bool) -> None:
    """Print a session against a fixed window; exit code 0 only where it has a verdict and nothing lies beyond its limit."""
    if to_json:
        show(found, to_json=True)
    else:
        few = "" if found["calibrated"] else f": limits are learnt from {FEWEST} sessions or more; nothing is called drift or usual"
        head = {"verdict": found["verdict"].replace("_", " ") + few}
        show({"session": found["session"]} | head | {name: found[name] for name in ("since", "until", "sessions")}, to_json=False)
        typer.echo()
        names = ("feature", "part", "statistic", "value", "limit", "observed", "usual")
        table([{name: _figure(each[name]) for name in names} for each in found["distances"] if _stands_out(each)])
    if found["verdict"] != DriftVerdict.NO_DRIFT:
        raise typer.Exit(FAILED)


def _stands_out(each: Mapping[str, Any]) -> bool:
    over = each["value"] is not None and abs(each["value"]) > each["limit"]
    return each["verdict"] == DriftVerdict.DRIFT or (each["verdict"] == DriftVerdict.UNCALIBRATED and over)


def _freshness(found: Mapping[str, Any]) -> dict[str, str]:
    return {} if found["up_to_date"] else {"note": "a session before it has changed: it waits to be compared anew"}


def _figure(value: Any) -> str | None:
    return f"{value:.4g}" if isinstance(value, float) else value
