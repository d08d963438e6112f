"""What a tick costs: windows, rules and bars beside the textbook's loop and a deque a tick, and a whole day replayed.

Run from the repository: `python -m benchmarks.stream`. Seeded; CPU time of this process, the best of some rounds; a minute. The rivals do
less: a trailing mean and a comparison with 5 %, no bars, no alerts, no other rule. With the real data set beside the repository
(`../shared/data/nepse`), the heaviest day of it is replayed too.
"""

import subprocess
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.parts.figures import show
from engine.market.floorsheet import read_floorsheet
from engine.stream.bars import OpenBars
from engine.stream.contracts import first_id
from engine.stream.one_by_one import OneByOne
from engine.stream.processor import Processor
from engine.stream.replay import replayed
from engine.stream.rules import Known, active, moment
from engine.stream.ticks import SECOND, Symbols, Ticks
from engine.stream.trailing import Trailing, grouped
from engine.thresholds import snapshot

DAY = date(2024, 7, 17)
OPENING = 1_721_193_300 * SECOND  # 11:00 in Nepal on that day
REPOSITORY = Path(__file__).resolve().parents[1]
REAL = REPOSITORY.parent / "shared/data/nepse/floorsheet/2024-07-17.csv.gz"
SYMBOLS, PER_SECOND, SECONDS = 300, 20_000, 60
TAPE = PER_SECOND * SECONDS
ROUNDS = 5
ODD_LOTS = 0.005  # of all trades, as on the exchange
FEW = 1_000  # ticks that the textbook's loop is measured on, its buffers full


def dense_tape(count: int = TAPE) -> Ticks:
    """Return so many trades of a minute, a few symbols having most of them; prices move by less than any rule forbids."""
    draw = np.random.default_rng(2024)
    weights = 1 / np.arange(1, SYMBOLS + 1)
    symbol = draw.choice(SYMBOLS, count, p=weights / weights.sum()).astype(np.uint16)
    base = draw.integers(1_000, 20_000, SYMBOLS)[symbol]
    return Ticks(
        contract=first_id(DAY) + 1_000_000 + 1 + np.arange(count) % 900_000 + np.arange(count) // 900_000 * 1_000_000,
        time=OPENING + 600 * SECOND + np.sort(draw.integers(0, SECONDS * SECOND, count)),
        symbol=symbol,
        quantity=np.where(draw.random(count) < ODD_LOTS, 5, draw.integers(10, 500, count)).astype(np.int64),
        rate=base * 10 + draw.integers(0, 50, count) * base // 5_000,
    )


def fastest(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the least CPU time of some rounds, in seconds."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def streamed(tape: Ticks, batch: int, window: int) -> float:
    """Return the ticks a CPU second of intake, windows, rules, alerts and bars."""
    names = [f"S{number}" for number in range(SYMBOLS)]
    batches = [tape.take(slice(start, start + batch)) for start in range(0, len(tape), batch)]

    def work() -> None:
        processor = Processor(DAY, Symbols(names), snapshot({"stream.window_s": window}, 0))
        for ticks in batches:
            processor.feed(ticks)
        processor.close()

    return len(tape) / fastest(work)


def core(tape: Ticks, batch: int, window: int) -> float:
    """Return the ticks a CPU second of windows, rules and bars alone: of ticks that are in order."""
    batches = [tape.take(slice(start, start + batch)) for start in range(0, len(tape), batch)]
    limits = snapshot({"stream.window_s": window}, 0)
    rules = active(limits)
    known = Known(OPENING // SECOND, 10.0, np.full(SYMBOLS, np.nan))

    def work() -> None:
        trailing, bars = Trailing(window), OpenBars(60 * SECOND, 10)
        for ticks in batches:
            group = grouped(ticks)
            seen = moment(group, trailing.add(group), trailing, known, limits)
            for rule in rules:
                (rule.score(seen) > limits[rule.limit.key]).any()
            bars.add(ticks, group)
            bars.close(int(ticks.time[-1]))

    return len(tape) / fastest(work)


def one_by_one(tape: Ticks, window: int) -> float:
    """Return the ticks a CPU second of the interface that takes one trade at a time, with a comparison of each."""
    count = 200_000
    rows = list(zip(*(column[:count].tolist() for column in (tape.symbol, tape.time, tape.rate)), strict=True))

    def work() -> int:
        add, broken = OneByOne(window).add, 0
        for symbol, time_us, rate in rows:
            total, number = add(symbol, time_us, rate)
            if number and abs(rate * number - total) > 0.05 * total:
                broken += 1
        return broken

    return count / fastest(work, 3)


def deque_a_tick(tape: Ticks, window: int) -> float:
    """Return the ticks a CPU second of a deque and a running sum for each symbol: the best that plain Python does."""
    count = 200_000
    rows = list(zip(*(column[:count].tolist() for column in (tape.time, tape.symbol, tape.rate)), strict=True))

    def work() -> int:
        buffers: dict[int, deque[tuple[int, int]]] = defaultdict(deque)
        sums: dict[int, int] = defaultdict(int)
        broken, span = 0, window * SECOND
        for time_us, symbol, rate in rows:
            buffer = buffers[symbol]
            while buffer and buffer[0][0] <= time_us - span:
                sums[symbol] -= buffer.popleft()[1]
            if buffer and abs(rate - sums[symbol] / len(buffer)) > 0.05 * sums[symbol] / len(buffer):
                broken += 1
            buffer.append((time_us, rate))
            sums[symbol] += rate
        return broken

    return count / fastest(work, 2)


def textbook_loop(tape: Ticks, window: int) -> float:
    """Return the ticks a CPU second of a list for each symbol that every tick filters anew, by event time, its buffers full."""
    before = TAPE // 2
    columns = [column[: before + FEW].tolist() for column in (tape.time, tape.symbol, tape.rate)]
    rows = list(zip(*columns, strict=True))
    buffers: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for time_us, symbol, rate in rows[:before]:
        buffers[symbol].append((time_us, rate))

    def work() -> int:
        broken, span = 0, window * SECOND
        for time_us, symbol, rate in rows[before:]:
            buffer = [each for each in buffers[symbol] if each[0] > time_us - span]
            recent = [each for each in buffer if each[0] > time_us - span]
            mean = sum(price for _, price in recent) / max(len(recent), 1)
            broken += abs(rate - mean) > 0.05 * mean
        return broken

    return FEW / fastest(work, 1)


def memory() -> None:
    """Print what a process needs whose windows are full."""
    command = [sys.executable, "-m", "benchmarks.parts.full_windows"]
    before, peak = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout.split()
    show(
        "a process with 100,000 trades a second in windows of 300 s",
        f"{peak} MB",
        f"goal under 300 MB in all; {before} MB before the first",
    )


def real_day() -> None:
    """Print what a replay of the heaviest real day costs."""
    if not REAL.exists():
        print(f"the heaviest real day: {REAL} is not there, left out")
        return
    sheet = read_floorsheet(REAL.read_bytes(), REAL.name)
    tape = sheet.ticks.in_order()
    spent = fastest(lambda: replayed(sheet.session, tape, sheet.symbols, snapshot({}, 0)), 9)
    print(f"the real day {sheet.session} replayed at once: {len(tape):,} trades, {len(sheet.symbols)} symbols")
    show("with bars, rules and alerts", f"{spent * 1000:.0f} ms CPU", "goal 100 ms or less; what-if 50 ms")
    show("ticks a CPU second", f"{len(tape) / spent / 1e6:.1f} M", "goal 5 M or more")
    read = fastest(lambda: read_floorsheet(REAL.read_bytes(), REAL.name), 3)
    show("to read its file", f"{read * 1000:.0f} ms CPU")


def main() -> None:
    """Print every figure."""
    tape = dense_tape()
    print(f"a dense tape: {PER_SECOND:,} trades a second of {SYMBOLS} symbols; ticks a CPU second")
    for batch, goal in ((1_000, 5), (10_000, 15)):
        for window in (60, 300, 3600):
            show(
                f"windows, rules and bars: batches of {batch:,}, {window:,} s",
                f"{core(tape, batch, window) / 1e6:.1f} M",
                f"goal {goal} M or more",
            )
        show(f"  with order, duplicates and alerts, {batch:,}, 300 s", f"{streamed(tape, batch, 300) / 1e6:.1f} M")
    for window in (60, 3600):
        show(f"one trade at a time, {window:,} s", f"{one_by_one(tape, window) / 1e6:.2f} M", "goal 1 M or more")
    show("a deque a tick, window 300 s (mean and comparison only)", f"{deque_a_tick(tape, 300) / 1e6:.2f} M")
    show("the textbook's loop, by event time, 300 s (the same)", f"{textbook_loop(tape, 300):,.0f}")
    memory()
    real_day()


if __name__ == "__main__":
    main()
