"""What one turn of a threshold costs before it is saved: the whole gate over two years of sessions, from their stored scores.

Run from the repository: `python -m benchmarks.backtest`. Reads the findings of a home that is filled with the real files where there are
any (16 s), else with the simulated exchange; then the same with ten times as many findings. Wall and CPU time of this process.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from benchmarks.parts.homes import PIPELINE, SINCE, UNTIL, command, fresh_home, kind
from engine.quality.backtest import PastSession, ScoreBook
from engine.quality.preview import histogram, preview, scores
from engine.runtime import Runtime, compose
from engine.settings import SourceName
from engine.thresholds import SPECS, Thresholds, snapshot
from storage import quality
from storage.lake import Lake

GOAL_MS = 100
TIMES = 10  # as many findings, for the second measurement


def pasts(opened: Runtime) -> list[PastSession]:
    """Return every session as it was judged, from its findings in the lake."""
    with opened.database.reading() as connection:
        judged = quality.judged(connection, PIPELINE, limit=10_000)
    lake = Lake(opened.settings.lake)
    return [PastSession(row["session"], lake.read_table(row["findings_path"]), row["loaded"] + row["quarantined"], 0) for row in judged]


def more(past: PastSession, random: np.random.Generator) -> PastSession:
    """Return a session with many times its findings, on lines of their own and with scores of their own."""
    rows, count = past.findings, past.findings.num_rows
    many = pa.concat_tables([rows] * TIMES).combine_chunks()
    lines = pa.array(np.arange(many.num_rows) + 2, pa.int32(), mask=many["line"].is_null().to_numpy())
    scored = many["score"].to_numpy() * random.uniform(0.5, 2, count * TIMES)
    table = many.set_column(1, many.schema.field("line"), lines).set_column(4, many.schema.field("score"), pa.array(scored))
    return PastSession(past.session, table, past.rows * TIMES, 0)


def turns(random: np.random.Generator) -> list[dict[str, float]]:
    """Return one turn of each threshold, to a value inside its range."""
    return [{key: spec.default if spec.is_switch else float(random.uniform(spec.low, spec.high))} for key, spec in SPECS.items()]


def one_turn(book: ScoreBook, current: Thresholds, turned: dict[str, float]) -> None:
    """Do all that the page does with a turned slider, but for drawing it."""
    preview(book, current, turned)
    (key,) = turned
    name, spec = key.rpartition(".")[0], SPECS[key]
    histogram(scores(book, current, name), low=spec.low, high=spec.high)


def measure(title: str, sessions: list[PastSession]) -> None:
    """Build the book, turn every threshold once, and print what both took."""
    book, built = timed(lambda: ScoreBook(sessions))
    current, random = snapshot({}, 0), np.random.default_rng(2026)
    one_turn(book, current, {"gate.block_above": 5.0})  # the source of the rules is read once a process
    took = sorted(timed(lambda turned=turned: one_turn(book, current, turned))[1] for turned in turns(random))
    findings, rows = sum(past.findings.num_rows for past in sessions), int(book.rows.sum())
    print(f"{title}: {len(sessions)} sessions, {rows:,} rows, {findings:,} findings; the book is built in {built:.0f} ms")
    print(
        f"  one turn, {len(took)} thresholds in turn: median {statistics.median(took):.1f} ms, slowest {took[-1]:.1f} ms; "
        f"goal {GOAL_MS} ms: {'met' if took[-1] < GOAL_MS else 'MISSED'}"
    )


def timed(work: Callable[[], object]) -> tuple[object, float]:
    """Return what the work gives and the milliseconds of wall time that it took."""
    begun = time.perf_counter()
    made = work()
    return made, 1000 * (time.perf_counter() - begun)


def main() -> None:
    """Fill a home, measure and print."""
    with fresh_home() as settings:
        real = settings.source is SourceName.FILES
        span = (SINCE, UNTIL) if real else ("2023-06-01", "2025-05-31")
        command(settings, "backfill", PIPELINE, "--since", span[0], "--until", span[1], "--wait")
        opened = compose(settings)
        sessions, read = timed(lambda: pasts(opened))
        print(f"findings of {len(sessions)} sessions read from the lake in {read:.0f} ms ({kind(settings)})")
        random = np.random.default_rng(9)
        measure("as they are", sessions)
        measure(f"{TIMES} times as many", [more(past, random) for past in sessions])
        opened.database.close()


if __name__ == "__main__":
    main()
