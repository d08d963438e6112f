"""Letters for tests: what a run found, and the run that found it."""

from datetime import UTC, date, datetime, timedelta

from storage.dead_letters import Letter
from storage.status import LetterKind, LetterState, RunType

PIPELINE = "daily_prices"
DAY = date(2025, 6, 1)
NOW = datetime(2025, 6, 1, 12, 15, tzinfo=UTC)
SHA, OTHER = "a" * 64, "b" * 64
RAW = b'1,ADBL,\xff\x00,"2,37.40"'
OPEN, EDITED, REPLAYED, DISCARDED, PARKED = (LetterState[name] for name in ("OPEN", "EDITED", "REPLAYED", "DISCARDED", "PARKED"))


def run(run_id: int = 1, *, run_type: RunType = RunType.MANUAL, day: date = DAY, **values):
    file = {"source_sha256": SHA, "source_file": "2025_06_01.csv"}
    return {"id": run_id, "pipeline": PIPELINE, "partition": day, "run_type": run_type} | file | values


def letter(line: int = 5, **values) -> Letter:
    said = {
        "kind": LetterKind.ROW,
        "line": line,
        "symbol": "ADBL",
        "reason": "price_band",
        "checks": [{"check": "price_band", "observed": 14.2, "bound": 10.0, "score": 4.2}],
        "message": "moved 14.2 %",
        "raw": RAW,
        "parsed": {"close": "237.40"},
        "session": DAY,
        "stage": "quality",
    }
    return Letter(**(said | values))


def fill(saw) -> None:
    """Forty dates of three letters each: a line that cannot be read, and two rows that fail."""
    for number in range(40):
        day = DAY - timedelta(days=number)
        found = [
            letter(2, kind=LetterKind.LINE, symbol=None, reason="ragged", parsed=None),
            letter(3, symbol="NABIL"),
            letter(4, reason="stale"),
        ]
        saw(*found, run_of=run(number + 1, day=day), sha256=f"{number:064}")
