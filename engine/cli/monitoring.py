"""Commands that tell how the pipelines have done: statistics, deadlines, log lines, and what Prometheus reads."""

from dataclasses import asdict
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import typer

from engine.cli.monitoring_words import budget_in_words, statistics_in_words
from engine.cli.parts import FAILED, Json, date_of, option_of, told
from engine.clock import nepal_date
from engine.errors import UnknownName, UsageError
from engine.market.calendar import TradingCalendar
from engine.monitoring import history
from engine.monitoring.deadlines import MISSED, budget
from engine.monitoring.statistics import RunStatistics
from engine.pipeline.graph import find
from engine.pipelines import PIPELINES
from engine.pipelines.thresholds import load
from engine.printing import complain, show
from engine.runtime import Runtime, runtime
from storage import log_search, thresholds
from storage.log_search import LogFilter

app = typer.Typer()
Pipe = Annotated[str, typer.Option("--pipeline", help="The pipeline.")]
FIRST = next(iter(PIPELINES))
CHANGE_IS = "share of the trend's duration at the first of these runs"


class Level(StrEnum):
    """How grave a log line is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@app.command()
@told
def metrics(
    pipeline: Pipe = FIRST,
    name: Annotated[str | None, typer.Option("--series", help="One series, as STAGE.NAME or NAME: its values.")] = None,
    *,
    prometheus: Annotated[bool, typer.Option("--prometheus", help="What the console answers under /metrics.")] = False,
    to_json: Json = False,
) -> None:
    """Tell how the newest 200 runs of a pipeline have done; with --series the values of one thing that is measured."""
    opened = runtime()
    if prometheus:
        from engine.monitoring.exposition import exposition  # noqa: PLC0415, needed for this alone

        typer.echo(exposition(opened, _calendar(opened)).decode(), nl=False)
        return
    if pipeline not in history.MEASURED:
        raise UnknownName(f"nothing is measured of {pipeline!r}; there are: {', '.join(history.MEASURED)}")
    with opened.database.reading() as connection:
        if name is None:
            found = history.statistics(connection, pipeline)
            show(_figures(pipeline, found) if to_json else statistics_in_words(pipeline, found), to_json=to_json)
            return
        known = {f"{one.stage}.{one.name}".lstrip("."): one for one in history.series(connection, pipeline)}
        if name not in known:
            raise UnknownName(f"{pipeline} has no series {name!r}; it has: {', '.join(known)}")
        values = history.values(connection, pipeline, known[name])
    show([{**row, "unit": known[name].unit} for row in values], to_json=to_json)


@app.command()
@told
def deadlines(
    since: Annotated[date | None, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="The first session; else 120 days ago.")] = None,
    pipeline: Pipe = FIRST,
    *,
    to_json: Json = False,
) -> None:
    """List the sessions that the schedule promised, newest first, with their deadlines; exit code 1 when one is past it and not loaded."""
    chosen, opened = find(PIPELINES, pipeline), runtime()
    now = opened.clock.now()
    with opened.database.reading() as connection:
        limits = load(connection, thresholds.version(connection))
        known = history.deadlines(connection, chosen, _calendar(opened), limits, now=now, since=since)
    kept = budget(known, limits)
    rows = [{"session": one.day, "deadline": one.at, "state": one.state, "why": one.why, "loaded_at": one.loaded_at} for one in known]
    told_budget = {**asdict(kept), "allowed": kept.allowed, "left": kept.left}
    show({"today": nepal_date(now), "budget": told_budget if to_json else budget_in_words(kept), "deadlines": rows}, to_json=to_json)
    open_ones = [one.day for one in known if one.state in MISSED and one.loaded_at is None]
    if open_ones:
        complain(f"{len(open_ones)} past their deadline and not loaded: {', '.join(map(str, open_ones))}")
        raise typer.Exit(FAILED)


@app.command()
@told
def logs(
    text: Annotated[str, typer.Argument(help="What to look for in the event and its fields.")] = "",
    level: Annotated[list[Any] | None, option_of(Level, "Only lines of this level; may be given twice.")] = None,
    run_id: Annotated[int | None, typer.Option("--run", help="Only lines of this run.")] = None,
    day: Annotated[date | None, typer.Option("--date", parser=date_of, metavar="YYYY-MM-DD", help="Only runs of this date.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only lines of this stage.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many lines.")] = 100,
    *,
    to_json: Json = False,
) -> None:
    """Search the log lines of all runs, newest first."""
    if not 1 <= limit <= log_search.LOOK:
        raise UsageError(f"--limit may be 1 to {log_search.LOOK}, not {limit}")
    wanted = LogFilter(text=text, levels=tuple(level or ()), stage=stage, run_id=run_id, partition=day)
    with runtime().database.reading() as connection:
        page = log_search.search(connection, wanted, limit=limit)
    shown = ("at", "level", "pipeline", "partition", "stage", "event", "fields", "run_id")
    show([{name: row[name] for name in shown} for row in page.lines], to_json=to_json)
    if page.before is not None and len(page.lines) < limit:
        complain(f"only the newest {page.looked:,} lines were searched; narrow it with --run or --date to see older ones")


def _calendar(opened: Runtime) -> TradingCalendar:
    return TradingCalendar(opened.source.reference().calendar)


def _figures(pipeline: str, known: RunStatistics) -> dict[str, Any]:
    return {
        "pipeline": pipeline,
        "runs": known.runs,
        "succeeded": known.succeeded,
        "failed": known.failed,
        "success_rate": known.success_rate,
        "p50_seconds": known.p50_seconds,
        "p95_seconds": known.p95_seconds,
        "newest_seconds": known.newest_seconds,
        "newest_is_unusual": known.newest_is_unusual,
        "trend": None if known.trend is None else {"word": known.trend.word, **asdict(known.trend), "change_is": CHANGE_IS},
        "cpu_seconds": known.cpu_seconds,
        "rows_per_second": known.rows_per_second,
        "recovery": asdict(known.recovery),
    }
