"""Starts processes of the product by the dozen: one that has loaded it forks the others, so that each costs no second of imports.

Each child is a process of its own, with its own connections and threads, and does what `python -m engine <arguments>` does. One order
a line comes in (JSON), `began <pid>` and `ended <pid> <code>` go out. Run as a script.
"""

import os
import signal
import sys
from contextlib import suppress
from datetime import timedelta
from functools import partial
from json import dumps, loads
from pathlib import Path
from typing import Any

import alembic.command

from engine.backup import drill, snapshot  # noqa: F401, loaded once for all
from engine.cli import commands as cli
from engine.jobs import following  # noqa: F401
from engine.pipeline import runner
from engine.pipeline.rescue import Rescuer
from engine.runtime import runtime
from engine.services import Services
from tests.crash import scatter  # noqa: F401, registers its pipeline
from tests.crash.journal import Journal
from tests.crash.points import Passage

assert alembic.command


def main() -> None:
    """Take orders until there are no more."""
    signal.signal(signal.SIGCHLD, _tell_of_the_dead)
    for line in sys.stdin:
        order = loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os._exit(_be(order))
        os.write(1, f"began {pid}\n".encode())


def _tell_of_the_dead(_number: int, _frame: Any) -> None:
    with suppress(ChildProcessError):
        while (dead := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            os.write(1, f"ended {dead[0]} {os.waitstatus_to_exitcode(dead[1])}\n".encode())


def _be(order: dict[str, Any]) -> int:
    """Be the process that was ordered; return its exit code."""
    os.environ.update(order["environment"])
    for handle, file in ((0, os.devnull), (1, order["said"]), (2, order["log"])):
        os.dup2(os.open(file, (os.O_RDWR | os.O_CREAT | os.O_APPEND), 0o644), handle)
    if order["silence"]:
        silence = timedelta(seconds=order["silence"])
        runner.Rescuer = partial(Rescuer, silence=silence)
        runner.BEAT = silence / 4
    sign = signal.Signals(order["sign"])
    Passage(Journal.opened(Path(order["journal"])), order["role"], order["point"], order["nth"], sign).lay()
    try:
        if order["role"] == "replay":
            _replay(order["arguments"])
        else:
            sys.argv = ["nepse", *order["arguments"]]
            cli.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001, as the interpreter does at the end of a process
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _replay(arguments: list[str]) -> None:
    """Ask for a replay as a page does: with the key of its button, which makes a request that is made twice one."""
    key, *letters = arguments
    asked = Services(runtime(), actor="test").replay_letters([int(letter) for letter in letters], request_key=key)
    print(dumps({"backfill": asked.backfill_id, "dates": [str(day) for day in asked.dates]}))  # noqa: T201, its answer


if __name__ == "__main__":
    main()
