"""What a batch of ticks costs on its way to the disk: from JSON messages, and from columns, to what is committed with it.

Run from the repository: `python -m benchmarks.stream_commits`. Seeded; CPU time of this process, latencies by the wall; half a minute.
Each batch is one transaction: block of the log, closed bars, days, alerts, dead letters, state. SQLite, durability normal.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.parts.figures import percentile, show
from benchmarks.stream import DAY, SYMBOLS, dense_tape
from engine.clock import NEPAL
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings, SourceName
from engine.stream.logs import log_of
from engine.stream.records import Records
from engine.stream.sources.messages import decoded
from engine.stream.speed_layer import Session
from engine.stream.ticks import SECOND, Symbols, Ticks
from engine.thresholds import snapshot
from storage import moves

TICKS = 200_000
MEASURED_AT = 1_000  # ticks a batch, for which the goal is
NAMES = [f"S{number}" for number in range(SYMBOLS)]


def opened(folder: Path) -> tuple[Runtime, dict[str, object]]:
    """Return a home with a session that this process works on."""
    (folder / "source" / "daily").mkdir(parents=True)
    runtime = compose(Settings(source=SourceName.FILES, home=folder / "home", source_dir=folder / "source"))
    run_id = Services(runtime, actor="benchmark").start_stream(DAY).run_id
    run = moves.claim_one(runtime.database, run_id, runner_id="benchmark", at=runtime.clock.now(), source="files", simulated=False)
    return runtime, dict(run)


def messages(ticks: Ticks) -> list[bytes]:
    """Return ticks as a broker would give them, one a message."""
    made = []
    for row in range(len(ticks)):
        time_us, rate, quantity = int(ticks.time[row]), int(ticks.rate[row]), int(ticks.quantity[row])
        at = datetime.fromtimestamp(time_us // SECOND, UTC).replace(microsecond=time_us % SECOND).astimezone(NEPAL).replace(tzinfo=None)
        trade = {
            "contractId": int(ticks.contract[row]),
            "stockSymbol": NAMES[int(ticks.symbol[row])],
            "contractQuantity": quantity,
            "contractRate": rate / 100,
            "contractAmount": quantity * rate / 100,
            "tradeTime": at.isoformat(timespec="microseconds"),
        }
        made.append(json.dumps(trade).encode())
    return made


def committed(batches: Sequence[Sequence[bytes] | Ticks]) -> tuple[float, float, float]:
    """Return ticks a CPU second, and the median and 99th percentile of a batch's wall, in ms."""
    with tempfile.TemporaryDirectory() as folder:
        runtime, run = opened(Path(folder))
        session = Session(DAY, log_of(runtime), snapshot({}, 0), {})
        symbols, late = Symbols(NAMES), []
        began = time.process_time()
        for batch in batches:
            first = time.perf_counter()
            records = Records(batch, symbols, batch.time) if isinstance(batch, Ticks) else decoded(batch, symbols, 2**60)
            with runtime.database.transaction() as connection:
                session.take(connection, run, records, at=runtime.clock.now(), source="benchmark", position=None)
            late.append((time.perf_counter() - first) * 1000)
        spent = time.process_time() - began
        assert session.records == session.records - session.aside.total() == TICKS
        runtime.database.close()
    return TICKS / spent, float(np.median(late)), percentile(late, 0.99)


def main() -> None:
    """Print every figure."""
    tape = dense_tape().take(slice(TICKS))
    texts = messages(tape)
    print(f"{TICKS:,} ticks of {SYMBOLS} symbols, ten seconds of a dense tape; each batch one transaction")
    for size in (200, 1_000, 5_000):
        starts = range(0, TICKS, size)
        for what, batches in (
            ("from JSON, one a message", [texts[start : start + size] for start in starts]),
            ("from columns", [tape.take(slice(start, start + size)) for start in starts]),
        ):
            rate, median, high = committed(batches)
            goal = "goal 500 k; p99 50 ms" if what.startswith("from JSON") and size == MEASURED_AT else ""
            show(f"{what}, batches of {size:,}", f"{rate / 1e3:.0f} k/s", f"{median:.1f} ms a batch, p99 {high:.1f}  {goal}".rstrip())


if __name__ == "__main__":
    main()
