"""What each read of the pages costs at 1,000,000 runs and 10,000,000 metric rows.

Run from the repository: `python -m benchmarks.queries` (`--runs 10000` for a small store). Every cached read of the `data` modules of
`pages/ui` that are listed in `main` and in `calls_of_stream` is called without its cache, and the milliseconds hold all of it: SQL, rows,
and the values that the pages get. The store is made in a temporary folder and takes some 2 GB; the stream has one session in it. A read
that this file does not know ends the benchmark with an error.
"""

import argparse
import inspect
import logging
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from types import ModuleType
from typing import Any

from benchmarks.parts.figures import show
from benchmarks.parts.homes import PIPELINE, fresh_home
from benchmarks.parts.silver import write_newest
from benchmarks.parts.stores import BACKFILLS, Size, fill
from benchmarks.parts.streamed import stream_session
from engine.clock import SystemClock, nepal_date
from engine.costs.question import IN_FORCE
from engine.monitoring.history import Series
from engine.runtime import compose
from engine.stream.record_text import fields_in, record_of

logging.disable(logging.WARNING)  # Streamlit says that it serves nobody here

import engine.runtime  # noqa: E402
from pages.ui import (  # noqa: E402
    cost_data,
    cost_lab_data,
    data,
    letter_data,
    monitoring_data,
    quality_data,
    reconcile_data,
    run_data,
    safety_data,
    stream_data,
    stream_seconds,
)
from storage import moves  # noqa: E402
from storage.dead_letters import LetterFilter  # noqa: E402
from storage.log_search import LogFilter  # noqa: E402
from storage.run_list import RunFilter  # noqa: E402
from storage.status import CostWork, RunStatus  # noqa: E402

MODULES = (data, run_data, quality_data, safety_data, cost_data, cost_lab_data, monitoring_data)
REPEATS = 15
GOAL, GOAL_YEAR = 5, 20  # milliseconds of CPU; a year of dates or a long series may take more
GOAL_DAY, GOAL_LOG = 50, 500  # the sums of a day's bars; every record of a session judged, kept until something changes
GOAL_HOME = (
    200  # the whole catalog of the lake, and a trend through each layer's last thousand days: once a run has ended, twice a minute at most
)
Call = Callable[[Any], object]


def calls(runs: int, rows: Mapping[str, Any]) -> dict[str, list[tuple[str, int, Call]]]:
    """Return, by read, the calls to measure: how it is asked, the goal in ms, and the call itself."""
    today = data.today()
    year, month, newest = today - timedelta(days=365), today - timedelta(days=30), rows["newest"]
    dates = RunFilter(PIPELINE, since=year, until=today)
    failed = (RunStatus.FAILED, RunStatus.CRASHED)
    return (
        {
            "last_runs": [("8 newest", GOAL, lambda read: read(PIPELINE))],
            "run": [("one run", GOAL, lambda read: read(newest))],
            "run_log": [("one run", GOAL, lambda read: read(newest))],
            "runs_of_date": [("one date", GOAL, lambda read: read(PIPELINE, rows["day"]))],
            "waiting_runs": [("", GOAL, lambda read: read(PIPELINE))],
            "verdicts": [
                ("a month", GOAL, lambda read: read(PIPELINE, month, today)),
                ("a year", GOAL_YEAR, lambda r: r(PIPELINE, year, today)),
            ],
            "newest_session": [("", GOAL, lambda read: read())],
            "free_space": [],  # asks the disk, no query
            "source": [],  # asks the source, no query
            "circuit": [("", GOAL, lambda read: read())],
            "machine": [("", GOAL, lambda read: read())],
            "daily_counts": [("30 days", GOAL, lambda read: read(PIPELINE)), ("a year", GOAL_YEAR, lambda read: read(PIPELINE, days=365))],
            "took": [("200 newest", GOAL, lambda read: read(PIPELINE))],
            "metrics_of": [("one run", GOAL, lambda read: read(newest))],
            "schedule": [("", GOAL, lambda read: read(PIPELINE))],
            "slots": [
                ("a month", GOAL, lambda read: read(PIPELINE, month, today)),
                ("a year", GOAL_YEAR, lambda r: r(PIPELINE, year, today)),
            ],
            "backfills": [("10 newest", GOAL, lambda read: read())],
            "failures": [("of 10 backfills", GOAL, lambda read: read(tuple(range(BACKFILLS - 9, BACKFILLS + 1))))],
            "open_backfill": [("", GOAL, lambda read: read())],
            "waiting_sessions": [("every session", GOAL_YEAR, lambda read: read())],
            "tiles": [(f"{runs // 5 // BACKFILLS:,} runs of a backfill", GOAL_YEAR, lambda read: read(BACKFILLS))],
            "page": [
                ("50 newest", GOAL, lambda read: read(RunFilter(PIPELINE))),
                ("50 in the middle", GOAL, lambda read: read(RunFilter(PIPELINE), before=runs // 2)),
                ("50 failed", GOAL, lambda read: read(RunFilter(PIPELINE, failed))),
                ("50 of a status there is none of", GOAL, lambda read: read(RunFilter(PIPELINE, (RunStatus.CRASHED,)))),
                ("50 of a year", GOAL, lambda read: read(dates)),
                ("50 failed of all dates", GOAL, lambda read: read(RunFilter(PIPELINE, failed, until=today))),
                ("50 crashed of all dates: none", GOAL, lambda read: read(RunFilter(PIPELINE, (RunStatus.CRASHED,), until=today))),
                ("50 of a backfill", GOAL, lambda read: read(RunFilter(PIPELINE, backfill_id=BACKFILLS // 2))),
                ("50 of a backfill, a year", GOAL, lambda read: read(RunFilter(PIPELINE, since=year, until=today, backfill_id=BACKFILLS))),
                ("50 of a backfill, a year: none", GOAL, lambda read: read(RunFilter(PIPELINE, since=year, until=today, backfill_id=3))),
            ],
            "rows_of": [("50 runs", GOAL, lambda read: read(tuple(range(newest - 49, newest + 1))))],
            "_years_of_runs": [("", GOAL, lambda read: read(PIPELINE))],
            "opening_year": [("", GOAL, lambda read: read(PIPELINE))],
            "kept": [("backup, drill, scrub, damage", GOAL, lambda read: read())],
            "executions": [("20 newest", GOAL, lambda read: read())],
            "upcoming": [("", GOAL, lambda read: read())],
            "price_difference": [],  # reads two lake files, no query
            "set_aside": [],  # one
        }
        | _of_quality(rows)
        | _of_costs(rows)
        | _of_monitoring()
    )


def calls_of_stream(day: date) -> dict[ModuleType, dict[str, list[tuple[str, int, Call]]]]:
    """Return the calls of the pages Stream and Reconcile and of a record's letter, by module: names come twice among them."""
    symbol = max(inspect.unwrap(stream_data.movers)(day), key=lambda mover: mover.turnover_paisa).symbol
    letter = inspect.unwrap(letter_data.page)(LetterFilter(pipeline=moves.STREAM, reason="malformed"))[0].id
    record = record_of(fields_in(b""))
    return {
        stream_data: {
            "sessions": [("", GOAL, lambda read: read())],
            "offered": [],  # asks the source
            "working": [("one session", GOAL, lambda read: read(day))],
            "movers": [("every symbol", GOAL_YEAR, lambda read: read(day))],
            "candles": [("one symbol, 1 min", GOAL, lambda read: read(day, symbol, 60))],
            "minutes": [("the market, a day", GOAL_DAY, lambda read: read(day, 0))],
            "marks": [("one symbol", GOAL, lambda read: read(day, symbol))],
        },
        stream_seconds: {
            "looked": [("the whole log", GOAL_DAY, lambda read: read(day))],
            "_begun": [],  # reads nothing until it is looked at
            "candles": [("one symbol, 1 s", GOAL, lambda read: read(day, symbol))],
            "sliding": [("one symbol, a day", GOAL_YEAR, lambda read: read(day, symbol, 300, *stream_seconds.shown(day)))],
            "market": [("by 5 min", GOAL_YEAR, lambda read: read(day, 300, 0))],
        },
        reconcile_data: {
            "days": [("", GOAL, lambda read: read())],
            "sides": [("one session", GOAL, lambda read: read(day))],
            "_stamp": [("one session", GOAL, lambda read: read(day))],
            "_of_tape": [("a whole tape", GOAL_LOG, lambda read: read(day, data.settings().home, ()))],
            "_of_stream": [("a whole log", GOAL_LOG, lambda read: read(day, data.settings().home, ()))],
            "_gap": [("a whole log", GOAL_LOG, lambda read: read(day, data.settings().home, ()))],
            "served": [("one session", GOAL_YEAR, lambda read: read(day))],
            "letters_waiting": [("one session", GOAL, lambda read: read(day))],
        },
        letter_data: {"would_be_tick": [("a whole log", GOAL_LOG, lambda read: read(letter, record))]},
    }


def _of_quality(rows: Mapping[str, Any]) -> dict[str, list[tuple[str, int, Call]]]:
    """Return the calls of the Quality and the Thresholds page."""
    newest, day, ids = rows["newest"], rows["day"], rows["sessions"]
    return {
        "judged": [
            ("60 sessions", GOAL, lambda read: read(PIPELINE)),
            ("two years", GOAL_YEAR, lambda read: read(PIPELINE, limit=480)),
        ],
        "report": [("one session", GOAL, lambda read: read(PIPELINE, day))],
        "served_by": [("one session", GOAL, lambda read: read(day))],
        "results": [("one run", GOAL, lambda read: read(newest))],
        "statuses": [("36 checks of 60 sessions", GOAL_YEAR, lambda read: read(ids))],
        "decision": [("one file", GOAL, lambda read: read(PIPELINE, day, "f" * 64))],
        "labels_of": [("one session", GOAL, lambda read: read(day))],
        "labels": [("", GOAL, lambda read: read())],
        "_version": [("of thresholds", GOAL, lambda read: read())],
        "thresholds_at": [("", GOAL, lambda read: read(1))],
        "changes": [("of thresholds", GOAL, lambda read: read())],
        "last_changes": [("of thresholds", GOAL, lambda read: read())],
        "findings": [],  # a lake file, no query
        "aside": [],  # the same
    }


def _of_costs(rows: Mapping[str, Any]) -> dict[str, list[tuple[str, int, Call]]]:
    """Return the calls of the Costs page."""
    today = data.today()
    half = today - cost_data.SESSIONS_BACK
    return {
        "prices": [("in force", GOAL, lambda read: read())],
        "versions": [("of prices", GOAL, lambda read: read())],
        "month": [("this month's bill and its forecast", GOAL_YEAR, lambda read: read())],
        "runs": [("200 newest, with their costs", GOAL_YEAR, lambda read: read())],
        "sessions": [("half a year, with their costs", GOAL_YEAR, lambda read: read(half, today))],
        "stages": [("of 200 runs, with their costs", GOAL_YEAR, lambda read: read())],
        "days": [("two months, with their costs", GOAL, lambda read: read(today - timedelta(days=60), today))],
        "layers": [("of the lake, all dates", GOAL_YEAR, lambda read: read())],
        "lines_of": [("one run", GOAL, lambda read: read(CostWork.RUN, rows["newest"]))],
        "book": [("in force", GOAL, lambda read: read(IN_FORCE))],
        "_newest": [("run with costs", GOAL, lambda read: read())],
        "_workload": [("the work of a home, anew with each run", GOAL_HOME, lambda read: read("", rows["newest"]))],
        "saved": [("scenarios", GOAL, lambda read: read())],
    }


def _of_monitoring() -> dict[str, list[tuple[str, int, Call]]]:
    """Return the calls of the pages Service levels and Logs."""
    metric, of_stage = Series("", "cpu_seconds", "x"), Series("gold", "duration_seconds", "s")
    return {
        "statistics": [("of the newest runs", GOAL_YEAR, lambda read: read(PIPELINE))],
        "deadlines": [("of the newest sessions", GOAL_YEAR, lambda read: read(PIPELINE))],
        "series": [("", GOAL, lambda read: read(PIPELINE))],
        "values": [
            ("of a metric, newest", GOAL_YEAR, lambda read: read(PIPELINE, metric)),
            ("of a stage, newest", GOAL_YEAR, lambda read: read(PIPELINE, of_stage)),
        ],
        "log_page": [
            ("100 newest lines", GOAL, lambda read: read(LogFilter())),
            ("a word that is nowhere", GOAL_DAY, lambda read: read(LogFilter("nowhere"))),
        ],
    }


def reads(module: ModuleType) -> dict[str, Callable[..., object]]:
    """Return the cached reads of a module, each without its cache."""
    cached = {name: value for name, value in vars(module).items() if callable(value) and hasattr(value, "__wrapped__")}
    return {name: inspect.unwrap(value) for name, value in cached.items() if value.__module__ == module.__name__}


def milliseconds(call: Call, read: Callable[..., object]) -> float:
    """Return the median CPU milliseconds of a call."""
    measured = []
    for _ in range(REPEATS):
        began = time.process_time()
        call(read)
        measured.append((time.process_time() - began) * 1000)
    return statistics.median(measured)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=1_000_000)
    runs = options.parse_args().runs
    with fresh_home(real=False) as settings:
        runtime = compose(settings)
        engine.runtime.runtime = lambda: runtime  # the pages' reads ask for it at each call
        began = time.perf_counter()
        fill(runtime.database, Size(runs), until=nepal_date(SystemClock().now()))
        took, size = time.perf_counter() - began, (settings.home / "console.db").stat().st_size
        print(f"reads of the pages at {runs:,} runs and {runs * 10:,} metric rows ({size / 1e9:.1f} GB, made in {took:.0f} s)")
        write_newest(runtime)
        newest = inspect.unwrap(data.last_runs)(PIPELINE)[0]
        sessions = inspect.unwrap(quality_data.judged)(PIPELINE)
        ids = tuple(one.run_id for one in sessions)
        known = calls(runs, {"newest": newest.id, "day": newest.partition, "sessions": ids})
        slow = []
        for module in MODULES:
            for name, read in reads(module).items():
                for asked, goal, call in known[name]:
                    title = f"{name.strip('_')}{', ' if asked else ''}{asked}"
                    took = milliseconds(call, read)
                    slow += [title] if took > goal else []
                    show(title, f"{took:.2f} ms CPU", f"goal {goal}")
        for module, asked_of in calls_of_stream(stream_session(runtime, data.today())).items():
            for name, read in reads(module).items():
                for asked, goal, call in asked_of[name] if module is not letter_data else asked_of.get(name, ()):
                    title = f"{module.__name__.rsplit('.', 1)[-1]}.{name.strip('_')}{', ' if asked else ''}{asked}"
                    took = milliseconds(call, read)
                    slow += [title] if took > goal else []
                    show(title, f"{took:.2f} ms CPU", f"goal {goal}")
        print(f"  beyond its goal: {'; '.join(slow) or 'none'}")


if __name__ == "__main__":
    main()
