"""A process that streams 100,000 trades a second through windows of 300 seconds until they are full, and prints the most memory it took.

A process of its own: the peak of one that is forked begins at its parent's. It loads what the real one loads, and keeps what that keeps.
"""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import engine.stream.work  # noqa: F401, all that the real process has in its memory
from benchmarks.stream import DAY, OPENING, SYMBOLS, dense_tape
from engine.lean import leave_pandas_out
from engine.stream.contracts import first_id
from engine.stream.processor import Processor
from engine.stream.ticks import SECOND, Symbols, Ticks
from engine.thresholds import snapshot

PER_SECOND, WINDOW = 100_000, 300
BATCH = 10_000
SEQUENCES = 999_999  # ids of one partition


def second(tape: Ticks, number: int) -> Ticks:
    """Return the trades of one second, those of the next having other contracts."""
    trades = number * PER_SECOND + np.arange(PER_SECOND)
    time = OPENING + (600 + number) * SECOND + np.arange(PER_SECOND) * (SECOND // PER_SECOND)
    return replace(tape, contract=first_id(DAY) + trades // SEQUENCES * (SEQUENCES + 1) + trades % SEQUENCES + 1, time=time)


def peak_mb() -> float:
    """Return the most memory that this process has ever had, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def main() -> None:
    """Stream, and print the memory of the process before and after."""
    leave_pandas_out()
    tape = dense_tape(PER_SECOND)
    before = peak_mb()
    processor = Processor(DAY, Symbols(f"S{number}" for number in range(SYMBOLS)), snapshot({"stream.window_s": float(WINDOW)}, 0))
    for number in range(WINDOW + 10):
        trades = second(tape, number)
        for start in range(0, PER_SECOND, BATCH):
            processor.feed(trades.take(slice(start, start + BATCH)))
    sys.stdout.write(f"{before:.0f} {peak_mb():.0f}\n")


if __name__ == "__main__":
    main()
