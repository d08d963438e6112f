"""The process behind `forked_servers.py`: it loads what a server loads, then forks one for each line that it is given."""

import importlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from streamlit.web import cli

from pages.ui.server import warm_modules


def _serve(arguments: Sequence[str], environment: Mapping[str, str], log: str) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    for stream, file, how in ((0, os.devnull, os.O_RDONLY), (1, log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)):
        os.dup2(os.open(file, how), stream)
    os.dup2(1, 2)
    sys.argv = ["streamlit", *arguments]
    cli.main()


def main() -> None:
    """Answer each line, a server's arguments, environment and log, with the id of its process."""
    for name in warm_modules():
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they end
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            _serve(*json.loads(line))
            return
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
