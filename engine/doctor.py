"""Looks whether this machine is fit to run the product, and says what to do where it is not."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile

import pysqlite3

from engine.alerts.channels import channels_of
from engine.alerts.sending import trouble
from engine.backup import manifest, shelf
from engine.backup.snapshot import MARGIN
from engine.clock import NEPAL, nepal_date
from engine.errors import BackupError, ChannelsError, ConsoleError
from engine.runtime import Runtime, compose
from engine.settings import Settings, SourceName, idle
from engine.waiting import runner_is_alive
from storage import cold, marks, packs, runs
from storage.database import SAFE_SQLITE, free_bytes, nearest, version

LOW_DISK = 512 * 1024**2
OLD_BACKUP = timedelta(days=1)
OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO  # rights on a file
CLOCK_YEARS = (2025, 2100)
CLOCK_SLACK = timedelta(minutes=1)  # between two machines that share a home


class Health(StrEnum):
    """How one finding stands."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` is empty where nothing need be done."""

    name: str
    health: Health
    observed: str
    advice: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Return every finding, in the order in which they matter."""
    looks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (_variables, _sqlite, _home, _disk, _source_folder, _channels, _opened)
    return [finding for look in looks for finding in look(settings)]


def _sqlite(settings: Settings) -> Iterator[Finding]:
    found, needed = pysqlite3.sqlite_version, ".".join(map(str, SAFE_SQLITE))
    if not settings.url.startswith("sqlite"):
        yield Finding("sqlite", Health.OK, f"not used (the database is {settings.url.split(':', maxsplit=1)[0]})")
    elif pysqlite3.sqlite_version_info < SAFE_SQLITE:
        yield Finding("sqlite", Health.FAILED, found, f"older than {needed}, which can corrupt a WAL database: pip install -U pysqlite3")
    else:
        yield Finding("sqlite", Health.OK, found)


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home.absolute()
    found = nearest(home)
    if not _writable(found):
        yield Finding(
            "permissions",
            Health.FAILED,
            f"{found} cannot be written",
            "choose another NEPSE_HOME, or give this user the right to write it",
        )
    else:
        yield Finding("permissions", Health.OK, f"{home} can be written")


def _writable(folder: Path) -> bool:
    try:
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _disk(settings: Settings) -> Iterator[Finding]:
    free = free_bytes(settings.home.absolute())
    told = f"{free / 1024**3:.1f} GiB free"
    if free < LOW_DISK:
        yield Finding("disk", Health.FAILED, told, f"free at least {LOW_DISK / 1024**2:.0f} MiB on the disk of {settings.home.absolute()}")
    else:
        yield Finding("disk", Health.OK, told)


def _source_folder(settings: Settings) -> Iterator[Finding]:
    if settings.source is SourceName.SIMULATED:
        yield Finding("source", Health.OK, f"simulated exchange, seed {settings.simulated_seed}")
        return
    daily = Path(settings.source_dir or ".") / "daily"
    if nearest(daily) != daily:
        advice = "point NEPSE_SOURCE_DIR to the folder that holds daily/, and let this user see it"
        yield Finding("source", Health.FAILED, f"no folder {daily}", advice)
    elif not os.access(daily, os.R_OK | os.X_OK):
        yield Finding("source", Health.FAILED, f"{daily} cannot be read", "give this user the right to read it")


def _variables(_settings: Settings) -> Iterator[Finding]:
    """Look for variables that were set and change nothing: a slip of the pen, or one that needs another."""
    for name, why in idle().items():
        yield Finding("settings", Health.WARNING, f"{name} changes nothing: {why}", "mend its name or take it away")


def _channels(settings: Settings) -> Iterator[Finding]:
    """Look whether the channels of alerts can be read, their variables are set and their services known; nothing is sent."""
    try:
        named = channels_of(settings)
    except ChannelsError as error:
        yield Finding("channels", Health.FAILED, str(error), f"mend {settings.channels_file}; until then nobody is told of alerts")
        return
    if unusable := "; ".join(filter(None, map(trouble, named.values()))):
        yield Finding("channels", Health.FAILED, unusable, f"mend {settings.channels_file}; until then they are told nothing")
        return
    if named and settings.channels_file.stat().st_mode & OF_OTHERS:
        yield Finding("channels", Health.WARNING, "other users can read their secrets", f"chmod 600 {settings.channels_file}")
        return
    told = ", ".join(named) or f"none: alerts are shown in the console only (name some in {settings.channels_file})"
    yield Finding("channels", Health.OK, told)


def _opened(settings: Settings) -> Iterator[Finding]:
    """Look at what only shows once everything is open."""
    try:
        runtime = compose(settings)
        span = runtime.source.span()
    except ConsoleError as error:
        yield Finding("opening", Health.FAILED, str(error), "mend this first")
        return
    if settings.source is not SourceName.SIMULATED:
        told = f"files of {span[0]} to {span[1]}" if span else "no daily file"
        yield Finding(
            "source", Health.OK if span else Health.WARNING, told, "" if span else f"put daily files into {settings.source_dir}/daily"
        )
        yield from _calendar(runtime)
    yield Finding("database", Health.OK, version(runtime.database))
    yield _clock(runtime, span[1] if span else None)
    yield from _backups(runtime)
    yield from _cold(runtime)
    if runner_is_alive(runtime):
        yield Finding("runner", Health.OK, "alive")
    else:
        yield Finding("runner", Health.WARNING, "no runner is alive", "start the console (make run) or `python -m engine runner`")


def _calendar(runtime: Runtime) -> Iterator[Finding]:
    """Look whether the announced calendar goes on; silent where there is none: then the trading week alone is asked."""
    try:
        announced = runtime.source.reference().calendar
    except ConsoleError as error:
        yield Finding("calendar", Health.FAILED, str(error), "mend this file, or take it away")
        return
    if announced and (last := max(announced)) < nepal_date(runtime.clock.now()):
        told = f"it ends on {last}: since then a session is expected on every holiday, and called late"
        yield Finding("calendar", Health.WARNING, told, "put the calendar of this year into calendar/trading_calendar.csv of the source")
    elif announced:
        yield Finding("calendar", Health.OK, f"it goes to {last}")


def _backups(runtime: Runtime) -> Iterator[Finding]:
    """Judge whether a backup fits on its disk, and whether the newest one is too old for what was written since."""
    settings, now = runtime.settings, runtime.clock.now()
    place, free = settings.backups.absolute(), free_bytes(settings.backups.absolute())
    database = Path(runtime.database.pool.url.database or "") if runtime.database.dialect == "sqlite" else None
    needed = MARGIN + (database.stat().st_size if database is not None and database.exists() else 0)
    told = f"{free / 1024**3:.1f} GiB free for {place}"
    if free < needed:
        yield Finding(
            "backup space", Health.FAILED, told, f"free {needed / 1024**2:.0f} MiB there, or set NEPSE_BACKUP_DIR to another disk"
        )
    else:
        yield Finding("backup space", Health.OK, told)
    with runtime.database.reading() as connection:
        mark = marks.newest(connection)
    found = next(iter(shelf.backups(place)), None)
    try:
        made = manifest.read(found) if found is not None else None
    except BackupError as error:
        yield Finding("backup", Health.WARNING, str(error), "make one: python -m engine backup")
        return
    since = made.taken_at if made is not None else mark.at
    saved = mark.at is None or (made is not None and made.mark.covers(mark))
    told = f"{made.taken_at.astimezone(NEPAL):%Y-%m-%d %H:%M} in Nepal" if made is not None else "none yet"
    if not saved and since is not None and now - since > OLD_BACKUP:
        yield Finding("backup", Health.WARNING, f"{told}, and newer writes are in none", "make one: python -m engine backup")
    else:
        yield Finding("backup", Health.OK, told)


def _cold(runtime: Runtime) -> Iterator[Finding]:
    """Look whether what lies in the cold could be read, and where it would go; silent where nothing does."""
    root = runtime.settings.cold_root
    with runtime.database.reading() as connection:
        moved = [row for row in packs.listed(connection) if row["cold"] is not None]
    if not moved:
        if root is not None:
            yield Finding("cold", Health.OK, f"nothing lies in {root} yet")
        return
    try:
        missing = cold.size(moved[0]["cold"]) is None
    except OSError as error:
        yield Finding(
            "cold",
            Health.FAILED,
            f"{moved[0]['cold']} cannot be looked at: {error}",
            "make it reachable; until then these months cannot be read",
        )
        return
    told = f"{len(moved):,} packs, {moved[0]['cold']} first"
    advice = "bring back what is missing there, or take the packs back from a backup (scrub lists them)"
    yield Finding("cold", Health.FAILED if missing else Health.OK, told, advice if missing else "")


def _clock(runtime: Runtime, newest_file: date | None) -> Finding:
    """Judge the clock by what must lie behind it: the newest run, and the newest daily file."""
    now = runtime.clock.now()
    told = f"{now.astimezone(NEPAL):%Y-%m-%d %H:%M} in Nepal"
    with runtime.database.reading() as connection:
        newest = next(iter(runs.recent(connection, limit=1)), None)
    if not CLOCK_YEARS[0] <= now.year < CLOCK_YEARS[1]:
        return Finding("clock", Health.FAILED, told, "set the machine's clock (NTP)")
    if newest is not None and newest["queued_at"] - now > CLOCK_SLACK:
        told += f", yet run {newest['id']} was queued at {newest['queued_at'].astimezone(NEPAL):%Y-%m-%d %H:%M}"
        return Finding("clock", Health.FAILED, told, "the clock was set back; set it right (NTP)")
    if newest_file is not None and newest_file > nepal_date(now):
        told += f", yet the source has a file of {newest_file}"
        return Finding(
            "clock", Health.WARNING, told, "set the machine's clock (NTP), or take the file away: it is not looked at before its day"
        )
    return Finding("clock", Health.OK, told)
