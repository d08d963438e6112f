"""`python -m engine` with a pipeline whose second stage waits until it may go on; HOST_NAME makes this process one of another machine."""

import os
import time

from engine.cli import commands as cli
from engine.pipeline import rescue, runner
from engine.pipeline.context import StageContext
from engine.pipeline.graph import Pipeline
from engine.pipelines import PIPELINES

waiting = Pipeline("waiting", "For the benchmark of rescues: any number of its dates at once.")


@waiting.stage()
def first(context: StageContext) -> int:  # noqa: ARG001, a stage that must not be done twice
    """Be finished."""
    return 1


@waiting.stage()
def second(first: int, context: StageContext) -> int:
    """Wait until the date may go on."""
    while not (context.runtime.settings.home / f"open-{context.day}").exists():
        time.sleep(0.005)
    return first


PIPELINES[waiting.name] = waiting

if __name__ == "__main__":
    if host := os.environ.get("HOST_NAME"):
        runner.HOST = rescue.HOST = host
    cli.main()
