"""The benchmarks know what they measure."""

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
UNKNOWN = """
import datetime, json
from benchmarks import queries
day = datetime.date(2025, 6, 1)
queries.data.today = lambda: day
known = queries.calls(1, {"newest": 1, "day": day, "sessions": ()})
print(json.dumps([f"{module.__name__}.{name}" for module in queries.MODULES for name in queries.reads(module) if name not in known]))
"""


def test_the_benchmark_of_the_pages_knows_each_of_their_reads():
    done = subprocess.run([sys.executable, "-c", UNKNOWN], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []
