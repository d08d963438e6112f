"""The heaviest real session replayed at sixty times the clock by the real process, with the console up and a browser on its Stream page.

Run from the repository: `python -m benchmarks.stream_live` (the whole session: five minutes), `--minutes N` (its busiest N x 60 minutes).
Needs the real data set beside the repository. Lag is how long the oldest record that was due had waited for its commit, looked at ten
times a second; due is what a replay without any delay would have given, behind its own fastest commit.
"""

import argparse
import gzip
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.parts.figures import percentile, show
from benchmarks.parts.servers import Server, served
from benchmarks.parts.watched_page import CHROMIUM, Seen, watched
from benchmarks.stream import REAL
from engine.market.floorsheet import read_floorsheet
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings, SourceName
from engine.stream.sources.floorsheet import replayed
from engine.stream.ticks import SECOND, Ints
from storage import runners, runs, speed_layer
from storage.status import ProcessKind

SPEED = 60
GLANCE = 0.1  # seconds
MINUTE_US = 60 * SECOND


@dataclass(slots=True)
class Watch:
    """What was seen of the stream: at instants of the wall, how many records were committed; and its process's CPU seconds."""

    at: list[float] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    commit_ms: list[float] = field(default_factory=list)
    worker: Server | None = None
    worker_cpu: float = 0.0

    def look(self, runtime: Runtime, run_id: int, day: Any) -> bool:
        """Look once; say whether the session goes on."""
        with runtime.database.reading() as connection:
            now, state, run = time.time(), speed_layer.state(connection, day), runs.one(connection, run_id)
            workers = [row["pid"] for row in runners.unstopped(connection) if row["kind"] == ProcessKind.STREAM]
        if workers:
            self.worker = Server("", workers[0])
            self.worker_cpu = self.worker.cpu()
        if state is not None and state["records"]:
            self.at.append(now)
            self.records.append(state["records"])
            self.commit_ms.append(state["commit_ms"] or 0.0)
        return run is None or not runs.is_final(run["status"])

    def lags(self, due: Ints) -> list[float]:
        """Return the seconds of the wall that the oldest record not committed had waited at each look; `due` are microseconds."""
        at, committed = np.array(self.at), np.array(self.records)
        wall = (due - due[0]) / SECOND / SPEED
        began = float((at - wall[committed - 1]).min())
        going = committed < len(due)
        waited = at[going] - began - wall[committed[going]]
        return np.maximum(waited, 0.0).tolist()


def busiest(content: bytes, minutes: float | None) -> bytes:
    """Return a floorsheet with the lines of its busiest so many minutes at sixty times the clock; None: with all."""
    if minutes is None:
        return content
    lines = gzip.decompress(content).splitlines(keepends=True)
    sheet = read_floorsheet(content, REAL.name)
    time_us = sheet.ticks.time
    rising = np.sort(time_us)
    span = int(minutes * SPEED * MINUTE_US)
    start = rising[np.argmax(np.searchsorted(rising, rising + span) - np.arange(len(rising)))]
    inside = np.flatnonzero((time_us >= start) & (time_us < start + span)).tolist()
    return gzip.compress(b"".join([lines[0], *(lines[1 + row] for row in inside)]), compresslevel=1)


@contextmanager
def home(content: bytes) -> Iterator[Settings]:
    """Give a fresh home whose source has this one floorsheet."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        source = Path(folder) / "source"
        (source / "daily").mkdir(parents=True)
        (source / "floorsheet").mkdir()
        (source / "floorsheet" / REAL.name).write_bytes(content)
        (Path(folder) / "home").mkdir()
        yield Settings(source=SourceName.FILES, source_dir=source, home=Path(folder) / "home", database_url=None, first_backfill_sessions=0)


@contextmanager
def looking(address: str) -> Iterator[tuple[Callable[[float], None], Callable[[], Seen] | None]]:
    """Have a browser on the Stream page where there is one; give what waits (ms), and what says what it saw."""
    if CHROMIUM.exists():
        with watched(f"http://{address}/stream", "of the session") as (wait, seen):
            yield wait, seen
    else:
        yield lambda milliseconds: time.sleep(milliseconds / 1000), None


def main() -> None:
    """Replay, watch, and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, help="of the wall; without it the whole session")
    minutes = options.parse_args().minutes
    if not REAL.exists():
        print(f"{REAL} is not there; this needs the real data set")
        return
    content = busiest(REAL.read_bytes(), minutes)
    sheet = read_floorsheet(content, REAL.name)
    due = replayed(sheet).ingest
    part = "whole" if minutes is None else f"the busiest {minutes * SPEED:g} minutes"
    print(f"the real session {sheet.session}, {part}: {len(due):,} records at {SPEED} times the clock")
    with home(content) as settings, served(settings) as server:
        runtime = compose(settings)
        run_id = Services(runtime, actor="benchmark").start_stream(sheet.session, speed=SPEED).run_id
        watch, cpu = Watch(), server.cpu()
        with looking(server.address) as (wait, seen):
            began = time.perf_counter()
            while watch.look(runtime, run_id, sheet.session):
                wait(GLANCE * 1000)
            took, saw = time.perf_counter() - began, seen() if seen is not None else None
        told(watch, due, took)
        show("CPU of the console's server", f"{(server.cpu() - cpu) / took:.0%}", "of one core")
        page(saw)
        with runtime.database.reading() as connection:
            state = speed_layer.state(connection, sheet.session)
        assert state is not None, "the session was never begun"
        lost = len(due) - state["records"]
        show("records lost", f"{lost:,}", f"goal 0; {state['accepted']:,} of {state['records']:,} accepted, {state['bars']:,} bars")
        runtime.database.close()


def told(watch: Watch, due: Ints, took: float) -> None:
    """Print what the stream took."""
    lags = watch.lags(due)
    for name, lag in (("median", median(lags)), ("99th percentile", percentile(lags, 0.99)), ("worst", max(lags))):
        show(f"lag, {name}", f"{lag * 1000:.0f} ms", f"of the wall: {lag * SPEED:.1f} s of the session")
    half = len(lags) // 2
    show("  worst of the first half and of the second", f"{max(lags[:half]) * 1000:.0f}, {max(lags[half:]) * 1000:.0f} ms", "no growth")
    commits = watch.commit_ms
    show("a commit, median and 99th percentile", f"{median(commits):.0f}, {percentile(commits, 0.99):.0f} ms")
    show("CPU of the stream's process", f"{watch.worker_cpu / took:.0%}", f"of one core, its start included; {took:.0f} s in all")


def page(saw: Seen | None) -> None:
    """Print what the browser saw."""
    if saw is None:
        print("  no browser is here: the page was not looked at")
        return
    show(
        "the page's moving part drawn anew, median",
        f"{median(saw.redraws):.0f} ms",
        f"{len(saw.redraws)} redraws, from asking to the last message",
    )
    show("  99th percentile and slowest", f"{percentile(saw.redraws, 0.99):.0f}, {max(saw.redraws):.0f} ms")
    show("time between two frames, 99th percentile and longest", f"{percentile(saw.gaps, 0.99):.0f}, {max(saw.gaps):.0f} ms")
    watched_for = sum(saw.gaps) / 1000
    show("CPU of the page's process", f"{saw.cpu / watched_for:.0%}", f"of one core: {saw.cpu / len(saw.redraws) * 1000:.0f} ms a redraw")


if __name__ == "__main__":
    main()
