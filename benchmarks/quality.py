"""What the catalogue of checks costs on a session and on a million rows, beside pandera and Great Expectations doing like work.

Run from the repository: `python -m benchmarks.quality`, and with `--with-ge` for Great Expectations, which is installed into an
environment of its own under the temporary folder. Each engine is given its rows in the form it likes best (ours: Arrow tables, theirs:
pandas frames of floats), in a fresh process each time, in turns; CPU time, medians. Each gives counts a check, a table of failing rows,
and the good and the bad rows apart. Ours runs all of the catalogue, with scores and reasons; the rivals the 12 row rules that they can
say at all.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.parts.figures import show

ROOT = Path(__file__).resolve().parent.parent
GE = Path(tempfile.gettempdir()) / "bench-great-expectations"
SIZES = ((350, 0.01, 9), (1_000_000, 0.01, 5), (1_000_000, 0.30, 3))  # rows, share of bad ones, rounds
BEFORE = {(1_000_000, 0.01): 1.4, (1_000_000, 0.30): 24.0}  # s CPU, Great Expectations 1.24 with five checks, in October 2026
GOALS = {(350, 0.01): "goal <= 3 ms", (1_000_000, 0.01): "goal <= 0.5 s", (1_000_000, 0.30): "goal <= twice the figure at 1 %"}
INSTALL = ("great_expectations==1.*", "pandas<3", "pyarrow")


def median_cpu(python: Path, engine: str, rows: int, share: float, *, rounds: int) -> tuple[float, str]:
    """Return the median CPU seconds of an engine over fresh processes, and what it found."""
    script = "benchmarks.parts.ge_checks" if engine == "ge" else "benchmarks.parts.quality_engines"
    command = [str(python), "-m", script, engine, str(rows), str(share)]
    answers = [json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout) for _ in range(rounds)]
    found = {answer["bad"] for answer in answers}
    assert len(found) == 1
    return statistics.median(answer["cpu"] for answer in answers), f"{found.pop():,} bad rows"


def great_expectations() -> Path:
    """Return the Python of an environment with Great Expectations, making it where it is not there."""
    python = GE / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(GE)], check=True)
        subprocess.run([str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", *INSTALL], check=True)
    return python


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--with-ge", action="store_true", help="measure Great Expectations too (installs it once, some minutes)")
    with_ge = options.parse_args().with_ge
    engines = {
        "ours, all of the catalogue": "ours",
        "pandera, each rule a frame check": "pandera",
        "pandera, rules computed before": "pandera_fast",
    }
    began = time.perf_counter()
    for rows, share, rounds in SIZES:
        print(f"{rows:,} rows, {share:.0%} of them bad: CPU of one judgement, medians of {rounds} fresh processes")
        ours = 0.0
        for name, engine in engines.items():
            cpu, found = median_cpu(Path(sys.executable), engine, rows, share, rounds=rounds if engine == "ours" or share < 0.1 else 1)  # noqa: PLR2004
            ours = ours or cpu
            show(name, _shown(cpu), GOALS[rows, share] if engine == "ours" else f"{cpu / ours:.1f} times ours; {found}")
        if with_ge:
            cpu, found = median_cpu(great_expectations(), "ge", rows, share, rounds=1)
            show("Great Expectations, the same rules", _shown(cpu), f"{cpu / ours:.1f} times ours; {found}")
        elif (rows, share) in BEFORE:
            cpu = BEFORE[rows, share]
            show(
                "Great Expectations (five rules)",
                _shown(cpu),
                f"{cpu / ours:.0f} times ours; measured before (October 2026), not in this run",
            )
    print(f"in {time.perf_counter() - began:.0f} s of wall clock")


def _shown(cpu: float) -> str:
    return f"{1000 * cpu:.2f} ms" if cpu < 0.1 else f"{cpu:.2f} s"  # noqa: PLR2004, of a second


if __name__ == "__main__":
    main()
