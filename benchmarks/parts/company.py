"""What goes on beside a run for as long as a block lasts: visitors of the console, or the jobs that look after the data."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

from benchmarks.parts.crowd import Felt
from benchmarks.parts.servers import Server
from engine.runtime import ROOT, Runtime
from engine.services import Services
from engine.waiting import wait_until
from storage import jobs


@contextmanager
def visited(server: Server, pages: Sequence[str], count: int, felt: list[Felt]) -> Iterator[None]:
    """Have so many visitors at the console inside the block; what they felt is appended at its end."""
    arguments = [server.address, str(server.pid), str(count), *pages]
    crowd = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.parts.crowd", *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with crowd:
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        assert crowd.stdout.readline() == "come\n", "the visitors did not all get their page"
        yield
        crowd.stdin.close()
        felt.append(Felt(**json.loads(crowd.stdout.read())))


@contextmanager
def looked_after(runtime: Runtime) -> Iterator[None]:
    """Have backup, drill and scrub one after the other, without a pause, inside the block."""
    enough = Event()
    asking = Thread(target=_always_a_job, args=(runtime, enough))
    asking.start()
    try:
        assert wait_until(lambda: _busy(runtime), timeout=timedelta(seconds=30)), "no job was asked for"
        yield
    finally:
        enough.set()
        asking.join()


def _always_a_job(runtime: Runtime, enough: Event) -> None:
    services = Services(runtime, actor="benchmark")
    while not enough.is_set():
        for name in ("backup", "drill", "scrub"):
            services.ask_for(name)
        wait_until(lambda: not _busy(runtime), timeout=timedelta(minutes=5), glance=0.05)


def _busy(runtime: Runtime) -> bool:
    with runtime.database.reading() as connection:
        return bool(jobs.unfinished(connection))
