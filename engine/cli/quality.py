"""Commands about dead letters, thresholds and blocked sessions."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from engine.cli import quality_reading, reading
from engine.cli.fate import tell_fate
from engine.cli.following import MaybeDay, Timeout, Wait, commands, follow, tell_failure, wait_for_backfill, wait_for_run
from engine.cli.parts import FAILED, Json, date_of, option_of, told
from engine.cli.stream import replay_floorsheet
from engine.errors import UsageError
from engine.printing import complain, show
from engine.runtime import runtime
from engine.services import Replay, Services
from storage import dead_letters, moves
from storage.dead_letters import LetterFilter
from storage.status import LetterState, RunStatus

app = typer.Typer()

Pipeline = Annotated[str | None, typer.Option("--pipeline", help="Only of this pipeline: daily_prices, or ticks for the stream.")]
Why = Annotated[str, typer.Option("--reason", help="Why; whoever looks at it later reads it.")]
Reason = Annotated[str | None, typer.Option(help="Only of this check, defect or error.")]
MaybeSince = Annotated[date | None, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="First date.")]
MaybeUntil = Annotated[date | None, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="Last date.")]
GOOD = {RunStatus.SUCCEEDED, RunStatus.SKIPPED}
_LISTED = ("letter", "date", "line", "symbol", "reason", "message", "state")  # what a line says to a person
_TOLD = 5  # letters that have not passed, each in a line of its own


@app.command(name="dead-letters")
@told
def list_letters(  # noqa: PLR0913, each is one option
    state: Annotated[list[LetterState] | None, option_of(LetterState, "Only in this state; may be given more than once.")] = None,
    reason: Reason = None,
    symbol: Annotated[str | None, typer.Option(help="Only of this symbol.")] = None,
    since: MaybeSince = None,
    until: MaybeUntil = None,
    before: Annotated[int | None, typer.Option(help="Only behind this letter: the next page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    *,
    day: MaybeDay = None,
    pipeline: Pipeline = None,
    to_json: Json = False,
) -> None:
    """List what did not pass, newest first: lines that cannot be read, rows that a check refused, files that cannot be used."""
    if day is not None and (since is not None or until is not None):
        raise UsageError("say one date (--date 2025-06-01) or a range (--since, --until), one of the two")
    of = pipeline and reading.known_pipeline(pipeline)
    chosen = LetterFilter(tuple(state or ()), reason, symbol, day or since, day or until, pipeline=of)
    found = quality_reading.letters(runtime(), chosen, before=before, limit=limit)
    show(found if to_json else [{name: letter[name] for name in _LISTED} for letter in found], to_json=to_json)


@app.command(name="dead-letter")
@told
def show_letter(letter: Annotated[int, typer.Argument(help="Number of a dead letter.")], *, to_json: Json = False) -> None:
    """Show a dead letter: its line as it came, what was read of it, and what it did not pass."""
    show(quality_reading.letter(runtime(), letter), to_json=to_json)


@app.command()
@told
def replay(  # noqa: PLR0913, each is one option
    letter: Annotated[list[int] | None, typer.Option("--id", help="Number of a dead letter; may be given more than once.")] = None,
    reason: Reason = None,
    day: MaybeDay = None,
    pipeline: Pipeline = None,
    *,
    floorsheet: Annotated[
        Path | None, typer.Option(help="Replay the trades of this file instead, and store nothing: bars, alerts, what is missing.")
    ] = None,
    turned: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="With --floorsheet: under this threshold; more than once.")
    ] = None,
    bars: Annotated[Path | None, typer.Option(help="With --floorsheet: write the bars to this CSV file.")] = None,
    every: Annotated[int | None, typer.Option(help="With --bars: how wide they are, 1, 60 or 300 seconds; else 60.")] = None,
    wait: Wait = False,
    timeout: Timeout = None,
    to_json: Json = False,
) -> None:
    """Run the dates of dead letters again with the corrections and limits of now, take late ticks in; or replay a floorsheet."""
    if floorsheet is not None:
        if letter or wait or any(option is not None for option in (reason, day, pipeline, timeout)):
            raise UsageError(
                "--floorsheet replays a file and knows no letter: leave --id, --reason, --date, --pipeline, --wait and --timeout out"
            )
        replay_floorsheet(floorsheet, turned or (), bars, every, to_json=to_json)
        return
    if turned or bars is not None or every is not None:
        raise UsageError("--set, --bars and --every belong to --floorsheet FILE")
    services = commands()
    if bool(letter) == (reason is not None or day is not None) or (letter and pipeline is not None):
        raise UsageError("say which letters (--id 17), or which of the open ones: --reason price_band, --date 2025-06-01 or both")
    asked_for = LetterFilter(reason=reason, since=day, until=day, pipeline=pipeline and reading.known_pipeline(pipeline))
    chosen = None if letter else asked_for
    with services.runtime.database.reading() as connection:
        letters = letter or dead_letters.open_ids(connection, asked_for)
    if _are_of_the_stream(services, letters):
        show({"message": services.reinject_letters(letters)}, to_json=to_json)
        return
    asked = services.replay_letters(letter or (), chosen=chosen)
    _follow_replay(services, asked, wait=wait, timeout=timeout, to_json=to_json)
    if wait:
        _tell_what_did_not_pass(services, letters)


def _are_of_the_stream(services: Services, letters: Sequence[int]) -> bool:
    with services.runtime.database.reading() as connection:
        return bool(letters) and {row["pipeline"] for row in dead_letters.by_ids(connection, letters)} == {moves.STREAM}


def _tell_what_did_not_pass(services: Services, letters: Sequence[int]) -> None:
    """Exit 0 only if every one of the letters has passed; say which has not, and why."""
    with services.runtime.database.reading() as connection:
        left = [row for row in dead_letters.by_ids(connection, letters) if row["state"] in dead_letters.WAITING]
    for row in left[:_TOLD]:
        complain(f"letter {row['id']} ({row['partition']}, line {row['line']}) has not passed: {row['message']}")
    if len(left) > _TOLD:
        complain(f"and {len(left) - _TOLD} more: python -m engine dead-letters --state open")
    if left:
        raise typer.Exit(FAILED)


def _follow_replay(services: Services, asked: Replay, *, wait: bool, timeout: float | None, to_json: bool) -> None:
    """Show how far a replay is; with `wait` at its end, and exit 0 only if no date of it failed."""
    opened, submitted = services.runtime, asked.submitted
    if submitted is not None and not submitted.created:
        complain(submitted.message)
    if wait and submitted is not None:
        wait_for_run(opened, submitted.run_id, timeout)
    elif wait and asked.backfill_id is not None:
        wait_for_backfill(opened, asked.backfill_id, timeout)
    found = quality_reading.replay(opened, asked)
    show(found, to_json=to_json)
    if wait and submitted is not None:
        tell_failure(reading.summary(opened, submitted.run_id))
    if wait and set(found["by_status"]) - GOOD:
        raise typer.Exit(FAILED)


@app.command()
@told
def edit(
    letter: Annotated[int, typer.Argument(help="Number of a dead letter.")],
    line: Annotated[str, typer.Option(help="The corrected line, whole.")],
    *,
    replay_now: Annotated[bool, typer.Option("--replay", help="Run its date again at once; take a tick in.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    to_json: Json = False,
) -> None:
    """Correct the line of a dead letter: it stands for the line in every later run of the same bytes; of the stream's, its record."""
    services = commands()
    tell_fate(services.runtime, letter, line)
    if replay_now and _are_of_the_stream(services, [letter]):
        show({"letter": letter, "message": services.edit_and_replay(letter, line).message}, to_json=to_json)
    elif replay_now:
        follow(services, services.edit_and_replay(letter, line), wait=wait, timeout=timeout, to_json=to_json)
        if wait:
            _tell_what_did_not_pass(services, [letter])
    else:
        show({"letter": letter, "message": services.edit_letter(letter, line)}, to_json=to_json)


@app.command()
@told
def discard(letters: Annotated[list[int], typer.Argument(help="Numbers of dead letters.")], reason: Why, *, to_json: Json = False) -> None:
    """Put dead letters away, with a reason."""
    show({"letters": letters, "message": commands().discard_letters(letters, reason=reason)}, to_json=to_json)


@app.command()
@told
def undo(letter: Annotated[int, typer.Argument(help="Number of a dead letter.")], *, to_json: Json = False) -> None:
    """Take back that a dead letter was discarded or corrected."""
    show({"letter": letter, "message": commands().undo_letter(letter)}, to_json=to_json)


@app.command()
@told
def thresholds(*, to_json: Json = False) -> None:
    """List every limit with its value, range, and who changed it last and why."""
    show(quality_reading.thresholds(runtime()), to_json=to_json)


@app.command()
@told
def threshold(
    key: Annotated[str, typer.Argument(help="Name of a limit.")],
    value: Annotated[str, typer.Argument(help="Its new value; a switch takes on or off.")],
    reason: Why,
    *,
    to_json: Json = False,
) -> None:
    """Change a limit from the next run on."""
    services = commands()
    change = services.set_threshold(key, value, reason=reason)
    (changed,) = (row for row in quality_reading.thresholds(services.runtime) if row["key"] == key)
    show(changed | {"change": change}, to_json=to_json)


@app.command()
@told
def approve(
    run_id: Annotated[int, typer.Argument(help="Number of a blocked run.")],
    reason: Why,
    *,
    wait: Wait = False,
    timeout: Timeout = None,
    to_json: Json = False,
) -> None:
    """Let a blocked session through: the same bytes are not blocked again."""
    services = commands()
    follow(services, services.approve(run_id, reason=reason), wait=wait, timeout=timeout, to_json=to_json)


@app.command()
@told
def reject(run_id: Annotated[int, typer.Argument(help="Number of a blocked run.")], reason: Why, *, to_json: Json = False) -> None:
    """Say that a blocked session is rightly held; its date stays failed."""
    show({"run_id": run_id, "message": commands().reject(run_id, reason=reason)}, to_json=to_json)
