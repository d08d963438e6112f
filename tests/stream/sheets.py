"""Floorsheet files out of ticks, for tests that need a source."""

import gzip
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from engine.stream.ticks import Ticks
from storage.types import EPOCH
from tests.stream.tapes import DAY, NAMES

HEADER = (
    "contractId,stockSymbol,buyerMemberId,sellerMemberId,contractQuantity,contractRate,contractAmount,businessDate,tradeBookId,stockId,"
    "buyerBrokerName,sellerBrokerName,tradeTime,securityName"
)
NEPAL_AHEAD = timedelta(hours=5, minutes=45)


def sheet_of(ticks: Ticks, names: Sequence[str] = NAMES) -> bytes:
    """Return a floorsheet of the newer layout, packed, its rows in no order."""
    lines = []
    for row in np.random.default_rng(5).permutation(len(ticks)).tolist():
        rate, quantity = int(ticks.rate[row]), int(ticks.quantity[row])
        time = (EPOCH + timedelta(microseconds=int(ticks.time[row])) + NEPAL_AHEAD).replace(tzinfo=None).isoformat()
        amount = rate * quantity
        cells = [ticks.contract[row], names[int(ticks.symbol[row])], 1, 2, quantity, f"{rate // 100}.{rate % 100:02}"]
        lines.append(
            ",".join(map(str, [*cells, f"{amount // 100}.{amount % 100:02}", DAY, row, 7, "A Broker", "B Broker", time, "A Company"]))
        )
    return gzip.compress("\n".join([HEADER, *lines, ""]).encode(), mtime=0)


def source_folder(root: Path, ticks: Ticks) -> Path:
    """Return a source folder that holds a floorsheet of `DAY`, and no daily file."""
    (root / "daily").mkdir(parents=True)
    (root / "floorsheet").mkdir()
    (root / "floorsheet" / f"{DAY}.csv.gz").write_bytes(sheet_of(ticks))
    return root
