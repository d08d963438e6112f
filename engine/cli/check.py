"""Commands that judge a file by the catalogue of checks, and list the catalogue; neither stores anything."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.parts import FAILED, WRONG, Json, date_of, told
from engine.errors import UsageError
from engine.printing import complain, show, table
from storage.status import CheckStatus, GateVerdict

app = typer.Typer()

MOST_ROWS = 20  # that are printed for people
_STATUSES = (CheckStatus.FAILED, CheckStatus.WARNED)  # worst first


@app.command()
@told
def check(
    file: Annotated[Path, typer.Argument(help="A daily file or a floorsheet, packed or not.")],
    session: Annotated[
        date | None,
        typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="The session that it holds; else the date in its name, else today."),
    ] = None,
    turned: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Judge by this threshold; may be given more than once.")
    ] = None,
    source_dir: Annotated[
        Path | None, typer.Option(help="Folder with the reference tables; else that of NEPSE_SOURCE_DIR with NEPSE_SOURCE=files.")
    ] = None,
    *,
    to_json: Json = False,
) -> None:
    """Judge a daily file by every check, without storing anything; exit code 1 when it would be blocked, 2 when it cannot be read.

    Of a floorsheet it says the layout, the lines and what is missing; exit code 1 when not every trade of the session is there.
    """
    from engine import checking, checking_floorsheet, settings  # noqa: PLC0415, used by this command only
    from engine.clock import SystemClock  # noqa: PLC0415

    if checking_floorsheet.is_floorsheet(file):
        if turned or source_dir is not None:
            raise UsageError(f"{file.name} is a floorsheet, of which no check has a limit: leave --set and --source-dir out")
        _tell_floorsheet(checking_floorsheet.check_floorsheet(file, session), to_json=to_json)
        return
    question = checking.Question(file, session, checking.turned(turned or ()), source_dir)
    found = checking.check_file(question, settings.load(), SystemClock())
    if to_json:
        show(found, to_json=True)
    if found["verdict"] == checking.UNREADABLE:
        complain(found["error"])
        raise typer.Exit(WRONG)
    if not to_json:
        _print(found)
    if found["verdict"] == GateVerdict.BLOCKED:
        raise typer.Exit(FAILED)


def _tell_floorsheet(found: Mapping[str, Any], *, to_json: bool) -> None:
    if to_json:
        show(found, to_json=True)
    if "error" in found:
        complain(found["error"])
        raise typer.Exit(WRONG)
    if not to_json:
        parts = ("header", "blank", "trades", "unreadable")
        lines = " + ".join(f"{found['lines'][part]:,} {part}" for part in parts)
        show(
            {
                "verdict": f"{found['verdict']}: {found['reason']}",
                "kind": "floorsheet",
                "session": found["session"],
                "layout": found["layout"],
                "lines": f"{found['lines']['physical']:,} = {lines}",
                "symbols": found["symbols"],
            },
            to_json=False,
        )
        if found["rows"]:
            typer.echo()
            table([{name: row[name] for name in ("line", "symbol", "reason", "why")} for row in found["rows"][:MOST_ROWS]])
    if found["verdict"] != GateVerdict.PASSED:
        raise typer.Exit(FAILED)


def _print(found: Mapping[str, Any]) -> None:
    lines = " + ".join(f"{found['lines'][part]} {part}" for part in ("header", "blank", "loaded", "quarantined", "duplicates"))
    show(
        {
            "verdict": f"{found['verdict']}: {found['reason']}",
            "session": found["session"],
            "layout": found["layout"],
            "lines": f"{found['lines']['physical']} = {lines}",
            "notes": "; ".join(found["notes"]),
        },
        to_json=False,
    )
    told_of = sorted((item for item in found["checks"] if item["status"] in _STATUSES), key=_worst_first)
    if told_of:
        typer.echo()
        table(
            [{name: _short(item[name]) for name in ("id", "status", "failed", "warned", "explained", "worst", "unit")} for item in told_of]
        )
    _print_rows([row for row in found["rows"] if not row["explained"]])


def _print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    typer.echo()
    worst = sorted(rows, key=lambda row: (row["severity"], row["line"]))[:MOST_ROWS]
    table([{name: _short(row[name]) for name in ("line", "symbol", "check", "severity", "observed", "limit", "reason")} for row in worst])
    if len(rows) > len(worst):
        typer.echo(f"and {len(rows) - len(worst)} more: --json has all")


def _worst_first(item: Mapping[str, Any]) -> tuple[int, int, int]:
    return _STATUSES.index(item["status"]), -item["failed"], -item["warned"]


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


@app.command()
@told
def checks(
    *,
    to_json: Json = False,
    to_markdown: Annotated[bool, typer.Option("--markdown", help="The page docs/checks.md on stdout.")] = False,
) -> None:
    """List the catalogue of checks with the thresholds that can be turned."""
    from engine.checking import catalogue  # noqa: PLC0415, used by this command only

    found = catalogue()
    if to_json:
        show(found, to_json=True)
    elif to_markdown:
        typer.echo(as_markdown(found), nl=False)
    else:
        table([{name: item[name] for name in ("id", "scope", "severity", "words")} for item in found])


def as_markdown(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the catalogue as the page docs/checks.md."""
    from engine.quality.report import BLOCK_ABOVE  # noqa: PLC0415, used by this command only

    lines = [
        "# The checks",
        "",
        "Written by `python -m engine checks --markdown`; a test holds this page to the code. Each check scores what it looks at: how",
        "far it lies from what is right, in the check's unit. Above its `warn_above` a row passes with a flag; above its `error_above`",
        "it is set aside, or, where the check looks at a whole session or file, the session is blocked. A finding that is explained",
        "does neither. Each check can be switched off (`<id>.enabled`), and its limits can be turned within their range.",
        "",
        f"A session is blocked, for a person to decide, when more than `{BLOCK_ABOVE.key}` of its lines are set aside or cannot be read:",
        f"{BLOCK_ABOVE.default:g} % ({BLOCK_ABOVE.low:g} to {BLOCK_ABOVE.high:g}).",
    ]
    for scope in dict.fromkeys(item["scope"] for item in found):
        lines += ["", f"## {scope.replace('_', ' ').capitalize()}", "", "| check | rule | warns above | error above | explained by |"]
        lines += ["|---|---|---|---|---|"]
        lines += [_line(item) for item in found if item["scope"] == scope]
    return "\n".join([*lines, ""])


def _line(item: Mapping[str, Any]) -> str:
    from engine.quality import CHECKS  # noqa: PLC0415, used by this command only

    check = CHECKS[item["id"]]
    limits = [
        "-" if limit is None else "anything found" if limit.fixed else f"{limit.default:g} {check.unit} ({limit.low:g} to {limit.high:g})"
        for limit in (check.warn_above, check.error_above)
    ]
    return f"| `{item['id']}` | {item['words']} | {limits[0]} | {limits[1]} | {item['explanation'] or '-'} |"
