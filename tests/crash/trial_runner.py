"""`python -m engine` with one more pipeline, `trial`, whose second stage does what the files of its home say."""

import os
import signal
import time
from datetime import timedelta
from functools import partial

import pyarrow as pa
from pyarrow import csv

from engine.cli import commands as cli
from engine.pipeline import runner
from engine.pipeline.context import StageContext
from engine.pipeline.graph import Pipeline
from engine.pipeline.rescue import Rescuer
from engine.pipelines import PIPELINES
from storage import database

NUMBERS = b"number\n" + b"1\n" * 4_000_000

trial = Pipeline("trial", "For tests with real processes.")


@trial.stage()
def first(context: StageContext) -> int:
    """Do nothing."""
    return 1


@trial.stage()
def second(first: int, context: StageContext) -> int:
    """Take the runner's life where there is poison, or wait until the gate is open; where there is something to read, read meanwhile."""
    home = context.runtime.settings.home
    if (home / "poison").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    (home / f"entered-{os.getpid()}").touch()
    while not (home / "open").exists():
        if (home / "read").exists():
            csv.read_csv(pa.py_buffer(NUMBERS))
            (home / "read-once").touch()
        else:
            time.sleep(0.005)
    return first + 1


@trial.stage()
def third(second: int) -> int:
    """Do nothing."""
    return second + 1


def main() -> None:
    """Be the command that `sys.argv` says, by the waits that the environment says."""
    PIPELINES["trial"] = trial
    if busy := os.environ.get("TRIAL_BUSY"):
        database.BUSY_SECONDS = float(busy)  # before a locked database counts as one that does not answer
    if silence := os.environ.get("TRIAL_SILENCE"):
        runner.Rescuer = partial(Rescuer, silence=timedelta(seconds=float(silence)))
        runner.BEAT = timedelta(seconds=float(silence) / 4)
    cli.main()
