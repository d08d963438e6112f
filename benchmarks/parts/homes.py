"""Fresh homes over real exchange files where they are at hand, over the simulated exchange elsewhere, and commands run in them."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from engine.runtime import ROOT, child_environment
from engine.settings import Settings, SourceName

REAL_FILES = Path(os.environ.get("NEPSE_REAL_DATA", ROOT.parent / "shared" / "data" / "nepse"))
SINCE, UNTIL = date(2024, 3, 4), date(2025, 12, 31)  # what the real files span
PIPELINE = "daily_prices"


@contextmanager
def fresh_home(*, real: bool = True) -> Iterator[Settings]:
    """Give the settings of an empty home that is removed at the end; `real` files only where there are any."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        chosen = {"source": SourceName.SIMULATED, "source_dir": None}
        if real and (REAL_FILES / "daily").is_dir():
            chosen = {"source": SourceName.FILES, "source_dir": REAL_FILES}
        yield Settings(home=Path(folder), database_url=None, first_backfill_sessions=0, **chosen)


def kind(settings: Settings) -> str:
    """Say which data a home works on."""
    return "real exchange files" if settings.source is SourceName.FILES else "the simulated exchange"


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command said and took: seconds of wall and CPU (its children's too), and the largest process's peak in bytes."""

    said: str
    wall: float
    cpu: float
    peak: int


def command(settings: Settings, *arguments: object) -> Finished:
    """Run `python -m engine ...` in a home to its end; its exit code is the caller's business."""
    began = time.perf_counter()
    program = [sys.executable, "-m", "engine", *map(str, arguments)]
    process = subprocess.Popen(program, cwd=ROOT, env=child_environment(settings), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process.stdout:
        said = process.stdout.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Finished(said, time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


@contextmanager
def process(settings: Settings, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have a Python program running in a home inside the block; its output goes to a file there."""
    with (settings.home / "output.log").open("wb") as output:
        started = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=child_environment(settings), stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield started
        finally:
            started.terminate()
            started.wait(15)
