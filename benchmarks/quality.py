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
SIZES = ((350, 0.01, 7), (1_000_000, 0.01, 5), (1_000_000, 0.30, 5))  # rows, share of bad ones, rounds
BEFORE = {(1_000_000, 0.01): 1.4, (1_000_000, 0.30): 24.0}  # s CPU, Great Expectations 1.24 with five checks, in October 2026
GOALS = {(350, 0.01): "goal <= 3 ms", (1_000_000, 0.01): "goal <= 0.5 s", (1_000_000, 0.30): "goal <= twice that at 1 %"}
NAMES = {
    "ours": "ours, all of the catalogue",
    "pandera": "pandera, each of 12 rules a frame check (once)",
    "pandera_fast": "pandera, the 12 rules computed before as columns of truth",
}
ONCE = {"pandera", "ge"}
BAD = 0.1
INSTALL = ("great_expectations==1.*", "pandas<3", "pyarrow")


def one(python: Path, engine: str, rows: int, share: float) -> dict[str, float]:
    """Return the CPU seconds of one judgement in a fresh process, and the bad rows that it found."""
    script = "benchmarks.parts.ge_checks" if engine == "ge" else "benchmarks.parts.quality_engines"
    command = [str(python), "-m", script, engine, str(rows), str(share)]
    answer: dict[str, float] = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    return answer


def medians(engines: dict[str, Path], rows: int, share: float, *, rounds: int) -> dict[str, float]:
    """Return the median CPU seconds of each engine over fresh processes in turns; the slow ones at 30 % run once."""
    seconds: dict[str, list[float]] = {engine: [] for engine in engines}
    bad = set()
    for number in range(rounds):
        for engine, python in engines.items():
            if number == 0 or engine not in ONCE:
                answer = one(python, engine, rows, share)
                seconds[engine].append(answer["cpu"])
                bad.add(answer["bad"])
    assert len(bad) == 1, f"the engines do not agree on the bad rows: {bad}"
    return {engine: statistics.median(every) for engine, every in seconds.items()}


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
    engines = dict.fromkeys(NAMES, Path(sys.executable)) | ({"ge": great_expectations()} if with_ge else {})
    began = time.perf_counter()
    at_one_percent = 0.0
    for rows, share, rounds in SIZES:
        print(f"{rows:,} rows, {share:.0%} of them bad: CPU of one judgement, median of {rounds} fresh processes in turns")
        cpu = medians(engines, rows, share, rounds=rounds)
        show("ours, all of the catalogue", _shown(cpu["ours"]), GOALS[rows, share])
        if share > BAD:
            show("... against our own figure at 1 %", f"{cpu['ours'] / at_one_percent:.2f} times", "goal <= 2")
        at_one_percent = cpu["ours"]
        for engine, name in (NAMES | {"ge": "Great Expectations 1, the same rules (once)"}).items():
            if engine != "ours" and engine in cpu:
                show(name, _shown(cpu[engine]), f"{cpu[engine] / cpu['ours']:.1f} times ours")
        if not with_ge and (rows, share) in BEFORE:
            once = BEFORE[rows, share]
            show("Great Expectations 1.24, five rules", _shown(once), f"{once / cpu['ours']:.0f} times ours; measured before: 2026-10")
    print(f"in {time.perf_counter() - began:.0f} s of wall clock")


def _shown(cpu: float) -> str:
    return f"{1000 * cpu:.2f} ms" if cpu < 0.1 else f"{cpu:.2f} s"  # noqa: PLR2004, of a second


if __name__ == "__main__":
    main()
