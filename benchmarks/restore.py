"""How soon the two-year store is a home again, and what its backups cost.

Run from the repository: `python -m benchmarks.restore`. It backfills the whole span in a fresh home (real files where they are at hand),
makes two backups with the commands that a person gives, verifies the newest and restores it into a new folder. A drill is measured too:
it is what the console shows. Then one more day is run again and again, with jobs beside it one after the other and without.
"""

import json
import statistics
from collections.abc import Iterator
from datetime import date, timedelta
from threading import Event, Thread
from typing import Any

from benchmarks.one_day import BEFORE, one_more
from benchmarks.parts.figures import percentile, show
from benchmarks.parts.homes import PIPELINE, SINCE, UNTIL, Finished, command, fresh_home, kind, process
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings
from engine.waiting import runner_is_alive, wait_until
from storage import jobs

GOAL = 60  # seconds until the store is a home again
ROUNDS, DAYS = 4, 10  # session dates that are run by turns: with jobs beside them and without


def answered(settings: Settings, *arguments: object) -> tuple[Finished, dict[str, Any]]:
    """Run a command with `--json` and return it with its answer."""
    done = command(settings, *arguments, "--json")
    return done, json.loads(done.said)


def whole(settings: Settings) -> None:
    """Measure backup, verification, restore and drill of the whole span."""
    command(settings, "backfill", PIPELINE, "--since", SINCE, "--until", UNTIL, "--wait", "--json")
    first, made = answered(settings, "backup")
    print(f"a home of {made['sessions']} sessions ({made['runs']} runs) of {kind(settings)}: {made['files']:,} files, {mb(made['bytes'])}")
    took = f"{first.cpu:.1f} s CPU, {mb(first.peak)} of memory; {mb(made['new_bytes'])} new"
    show("first backup, the command", f"{first.wall:.1f} s", took)
    second, again = answered(settings, "backup")
    show("second backup, nothing written since", f"{second.wall:.1f} s", f"{mb(again['new_bytes'])} new (the database)")
    verified, found = answered(settings, "verify")
    show("verify, every byte read", f"{verified.wall:.1f} s", f"{found['wrong']} wrong of {found['files']:,}")
    restored, _ = answered(settings, "restore", again["backup"], "--to", settings.home / "restored")
    show("restore into a new folder, the command", f"{restored.wall:.1f} s", f"goal {GOAL} s or less; {restored.cpu:.1f} s CPU")
    drilled = answered(settings, "jobs", "--run", "drill")[1]["figures"]
    show("drill: until the restored home is open", f"{drilled['recovery_seconds']:.1f} s", "as the Overview shows it")
    scrub, answer = answered(settings, "jobs", "--run", "scrub")
    read = answer["figures"]
    show("scrub of the lake", f"{scrub.wall:.1f} s", f"{read['files']:,} files, {mb(read['bytes'])}, {read['findings']} findings")


def mb(number: int) -> str:
    """Return bytes in megabytes."""
    return f"{number / 1e6:.0f} MB"


def always_a_job(runtime: Runtime, enough: Event) -> None:
    """Ask for one job after the other, so that there is always one; returns when the last one is over."""
    services = Services(runtime, actor="benchmark")
    while not enough.is_set():
        for name in ("backup", "drill", "scrub"):
            services.ask_for(name)
        wait_until(lambda: not busy(runtime), timeout=timedelta(minutes=5), glance=0.05)


def busy(runtime: Runtime) -> bool:
    """Say whether a job is queued or runs."""
    with runtime.database.reading() as connection:
        return bool(jobs.unfinished(connection))


def walls(runtime: Runtime, days: Iterator[date]) -> list[float]:
    """Run some session dates and return the wall seconds of each."""
    measured: list[float] = []
    while len(measured) < DAYS:
        if took := one_more(runtime, next(days)):
            measured.append(took[0])
    return measured


def beside() -> None:
    """Measure a day's run with jobs beside it."""
    with fresh_home() as settings:
        last = SINCE + timedelta(days=BEFORE - 1)
        command(settings, "backfill", PIPELINE, "--since", SINCE, "--until", last, "--wait", "--json")
        runtime, alone, accompanied = compose(settings), [], []
        days = (last + timedelta(days=number) for number in range(1, 1000))
        with process(settings, "-m", "engine", "runner"):
            assert wait_until(lambda: runner_is_alive(runtime), timeout=timedelta(seconds=30)), "no runner came to life"
            walls(runtime, days)  # warm
            for _ in range(ROUNDS):
                alone += walls(runtime, days)
                enough = Event()
                asking = Thread(target=always_a_job, args=(runtime, enough))
                asking.start()
                assert wait_until(lambda: busy(runtime), timeout=timedelta(seconds=30)), "no job was asked for"
                accompanied += walls(runtime, days)
                enough.set()
                asking.join()
        print(f"one more day on a warm runner, {len(alone)} session dates each, by turns")
        for name, found in (("alone", alone), ("with backup, drill and scrub beside it all the time", accompanied)):
            told = f"{percentile(found, 0.95) * 1000:.0f} ms at the 95th percentile"
            show(f"{name}, median", f"{statistics.median(found) * 1000:.0f} ms", told)


def main() -> None:
    """Measure and print."""
    with fresh_home() as settings:
        whole(settings)
    beside()


if __name__ == "__main__":
    main()
