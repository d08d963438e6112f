"""What a batch of ticks costs on its way to the disk: from JSON messages, and from columns, to what is committed with it.

Run from the repository: `python -m benchmarks.stream_commits`. Seeded; CPU time of this process, latencies by the wall; a minute.
Each batch is one transaction: block of the log, closed bars, days, alerts, dead letters, state. SQLite, durability normal.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.parts.figures import percentile, show
from benchmarks.stream import DAY, SYMBOLS, dense_tape, fastest
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
ROUNDS = 3
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
    """Return ticks a CPU second, and the median and 99th percentile of a batch's wall, in ms; the end of the session counts with them."""
    with tempfile.TemporaryDirectory() as folder:
        runtime, run = opened(Path(folder))
        session = Session(DAY, log_of(runtime), snapshot({}, 0), {})
        symbols, late = Symbols(NAMES), []
        with runtime.database.keeping() as database:
            began = time.process_time()
            for batch in batches:
                first = time.perf_counter()
                records = Records(batch, symbols, batch.time) if isinstance(batch, Ticks) else decoded(batch, symbols, 2**60)
                with database.transaction() as connection:
                    session.take(connection, run, records, at=runtime.clock.now(), source="benchmark", position=None)
                late.append((time.perf_counter() - first) * 1000)
            with database.transaction() as connection:
                session.close(connection, at=runtime.clock.now())
            spent = time.process_time() - began
        assert session.records == session.records - session.aside.total() == TICKS
        runtime.database.close()
    return TICKS / spent, float(np.median(late)), percentile(late, 0.99)


def ceiling(texts: Sequence[bytes]) -> float:
    """Return the messages a CPU second that are only decoded to numbers and put in columns: by floats, unchecked, nothing kept."""

    class Trade(msgspec.Struct, gc=False):
        contractId: int  # noqa: N815
        stockSymbol: str  # noqa: N815
        contractQuantity: int  # noqa: N815
        contractRate: float  # noqa: N815
        tradeTime: str  # noqa: N815

    decode = msgspec.json.Decoder(Trade).decode
    codes = {name: code for code, name in enumerate(NAMES)}

    def work() -> None:
        for start in range(0, len(texts), MEASURED_AT):
            trades = list(map(decode, texts[start : start + MEASURED_AT]))
            np.array([trade.contractId for trade in trades], np.int64)
            np.array([codes[trade.stockSymbol] for trade in trades], np.uint16)
            np.array([trade.contractQuantity for trade in trades], np.int64)
            np.array([trade.contractRate for trade in trades], np.float64)
            np.array([trade.tradeTime for trade in trades], "datetime64[us]")

    return len(texts) / fastest(work)


def best(batches: Sequence[Sequence[bytes] | Ticks]) -> tuple[float, float, float]:
    """Return the figures of the round that took the least CPU time."""
    return max(committed(batches) for _ in range(ROUNDS))


def main() -> None:
    """Print every figure."""
    tape = dense_tape().take(slice(TICKS))
    texts = messages(tape)
    print(f"{TICKS:,} ticks of {SYMBOLS} symbols, ten seconds of a dense tape; each batch one transaction; the best of {ROUNDS} rounds")
    for size in (200, 1_000, 5_000):
        starts = range(0, TICKS, size)
        for what, batches in (
            ("from JSON, one a message", [texts[start : start + size] for start in starts]),
            ("from columns", [tape.take(slice(start, start + size)) for start in starts]),
        ):
            rate, median, high = best(batches)
            goal = "goal 500 k; p99 50 ms" if what.startswith("from JSON") and size == MEASURED_AT else ""
            show(f"{what}, batches of {size:,}", f"{rate / 1e3:.0f} k/s", f"{median:.1f} ms a batch, p99 {high:.1f}  {goal}".rstrip())
    show("only decoded by msgspec and put in columns of numbers", f"{ceiling(texts) / 1e3:.0f} k/s", "nothing checked, nothing kept")


if __name__ == "__main__":
    main()
