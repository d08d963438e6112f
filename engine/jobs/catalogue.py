"""Every job: what it does, and when it is due."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from engine.backup import shelf
from engine.backup.drill import drill as restore_drill
from engine.backup.inspection import inspect_backup
from engine.backup.scrub import Progress
from engine.backup.scrub import scrub as read_again
from engine.backup.snapshot import take
from engine.drifting import catch_up
from engine.errors import BackupError
from engine.lifecycle.policy import is_wanted
from engine.lifecycle.steps import work_off
from engine.rebuild import rebuild_gold as rebuild_all_gold
from engine.runtime import Runtime
from engine.stream.retention import tidy
from engine.stream.versions import build_waiting
from storage.drift import first_due
from storage.status import JobOutcome, StepState

JOBS: dict[str, "Job"] = {}


@dataclass(frozen=True, slots=True)
class Done:
    """How a job ended, in a sentence and in figures."""

    outcome: JobOutcome
    message: str
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """What a job works with."""

    runtime: Runtime
    resumed: Mapping[str, Any] | None  # what `tell` was last told by an execution whose process died
    tell: Callable[[Mapping[str, Any]], Any]  # how far it has come; raises `Fenced` when another process has taken the job over
    rest: Callable[[float], Any]  # waits so many seconds, or until there is no reason to go on


@dataclass(frozen=True, slots=True)
class Job:
    """A declared job."""

    name: str
    title: str
    summary: str
    work: Callable[[Task], Done]
    nightly: int | None = None  # the hour in Nepal at which it is due
    often: bool = False  # due every `NEPSE_BACKUP_MINUTES` in which something was written
    needs_backup: bool = False  # due only once there is a backup
    needs_ticks: bool = False  # due only once the stream has received something
    when: Callable[[Connection], bool] | None = None  # due only while it says so
    follows: Callable[[Connection], bool] | None = None  # due when it says that there is something to do, and no run has more to do


def job(
    title: str,
    *,
    nightly: int | None = None,
    often: bool = False,
    needs_backup: bool = False,
    needs_ticks: bool = False,
    when: Callable[[Connection], bool] | None = None,
    follows: Callable[[Connection], bool] | None = None,
) -> Callable[[Callable[[Task], Done]], Callable[[Task], Done]]:
    """Declare a function as a job of its name; its docstring is what people read. Without a time it is done only when asked for."""

    def declare(work: Callable[[Task], Done]) -> Callable[[Task], Done]:
        name = work.__name__
        if name in JOBS:
            raise ValueError(f"job {name!r} exists twice")
        summary = (work.__doc__ or "").strip()
        JOBS[name] = Job(name, title, summary, work, nightly, often, needs_backup, needs_ticks, when, follows)
        return work

    return declare


@job("Backup", often=True)
def backup(task: Task) -> Done:
    """Copies database and lake into the folder of the backups, and removes the oldest ones."""
    runtime = task.runtime
    server = runtime.database.dialect != "sqlite"
    taken = take(runtime, runtime.settings.backups, lake_only=server)
    removed = shelf.prune(runtime.settings.backups, keep=runtime.settings.backup_keep)
    figures = taken.figures() | {"removed": list(removed)}
    size, new = taken.manifest.bytes / 1e6, taken.new_bytes / 1e6
    said = f"{taken.folder.name}: {len(taken.manifest.files):,} files, {size:,.1f} MB ({new:,.1f} MB new) in {taken.seconds:.1f} s"
    if taken.manifest.lost:
        return Done(JobOutcome.FAILED, f"{said}; {_lost(taken.manifest.lost)}", figures)
    return Done(JobOutcome.SUCCEEDED, said + ("; the lake alone: pg_dump saves the database" if server else ""), figures)


def _lost(paths: tuple[str, ...]) -> str:
    return f"{len(paths):,} files of the catalog are lost and in no earlier backup, {paths[0]} first: scrub, then rebuild what it finds"


@job("Verify")
def verify(task: Task) -> Done:
    """Reads the newest backup from end to end and compares it with its manifest."""
    newest = shelf.newest(task.runtime.settings.backups)
    found = inspect_backup(newest)
    shelf.mark_verified(newest, None if found.faults else task.runtime.clock.now())
    outcome = JobOutcome.FAILED if found.faults else JobOutcome.SUCCEEDED
    figures = found.figures()
    return Done(outcome, f"{newest.name}: {found.sentence()}", figures | {"faults": figures["faults"][:20]})


@job("Restore drill", nightly=3, needs_backup=True)
def drill(task: Task) -> Done:
    """Restores the newest backup into a folder of its own, opens it, measures recovery point and time, and removes it again."""
    newest = shelf.newest(task.runtime.settings.backups)
    try:
        figures = restore_drill(task.runtime, newest)
    except BackupError:
        shelf.mark_verified(newest, None)
        raise
    shelf.mark_verified(newest, task.runtime.clock.now())
    what = "the lake of it, its database being pg_dump's," if figures["lake_only"] else "it"
    said = f"{newest.name}: {what} is back in {figures['recovery_seconds']:.1f} s"
    unsaved = figures["unsaved_seconds"]
    return Done(
        JobOutcome.SUCCEEDED, said + (f"; writes of the last {unsaved:,.0f} s would be lost" if unsaved else "; nothing is lost"), figures
    )


@job("Scrub", nightly=2)
def scrub(task: Task) -> Done:
    """Reads every file of the lake again and compares it with what was published."""
    found: Progress = read_again(task.runtime, resume=dict(task.resumed) if task.resumed else None, tell=task.tell, rest=task.rest)
    said = f"{found.files:,} files, {found.bytes / 1e6:,.1f} MB"
    figures = found.as_json()
    if found.removed:
        said += f", {found.removed:,} more that killed processes left are removed"
    if found.findings:
        return Done(JobOutcome.FAILED, f"{said}: {found.findings:,} damaged; see the Safety page for what to do with each", figures)
    return Done(JobOutcome.SUCCEEDED, f"{said}: all are what was published", figures)


@job("Tick log", nightly=1, needs_ticks=True)
def tick_log(task: Task) -> Done:
    """Brings sessions of the stream that are over into a file each, and drops logs that are older than they are kept."""
    found = tidy(task.runtime)
    return Done(JobOutcome.FAILED if found.put_off else JobOutcome.SUCCEEDED, found.sentence(), found.figures())


@job("Rebuild gold")
def rebuild_gold(task: Task) -> Done:
    """Computes all features again from silver and publishes what differs or is damaged."""
    found = rebuild_all_gold(task.runtime, publish=True)
    return Done(JobOutcome.SUCCEEDED, f"{found['written']:,} of {found['sessions']:,} sessions written anew", found)


@job("Rebuild of the stream")
def rebuild_stream(task: Task) -> Done:
    """Computes the sessions of the stream anew that people have asked for, from their logs, beside what is served."""
    built = build_waiting(task.runtime, task.tell)
    figures = {"sessions": built.sessions, "failed": built.failed}
    if built.failed:
        return Done(JobOutcome.FAILED, f"{built.sessions:,} sessions built, {built.failed:,} cannot be: see the Rebuild page", figures)
    return Done(JobOutcome.SUCCEEDED, f"{built.sessions:,} sessions built", figures)


@job("Drift", follows=lambda connection: first_due(connection) is not None)
def drift(task: Task) -> Done:
    """Compares each session that was loaded with the sessions before it; behind the runs, so that it holds none of them up."""
    counts = catch_up(task.runtime, rest=task.rest)
    said = f"{counts['sessions']:,} sessions compared, {counts['alarms']:,} alarms"
    if counts["unreadable"]:
        return Done(JobOutcome.FAILED, f"{said}; {counts['unreadable']:,} cannot be read: scrub, and rerun their dates", dict(counts))
    return Done(JobOutcome.SUCCEEDED, said, dict(counts))


@job("Lifecycle", nightly=4, when=is_wanted)
def lifecycle(task: Task) -> Done:
    """Packs closed months of the lake and moves old packs into the cold: what was asked for, or is set to be done."""
    done = work_off(task.runtime, task.tell)
    if not done:
        return Done(JobOutcome.SKIPPED, "there is nothing to pack, to move or to undo that was asked for", {"steps": []})
    failed = any(step["state"] == StepState.FAILED for step in done)
    said = "; ".join(f"step {step['step']}: {step['message']}" for step in done)
    return Done(JobOutcome.FAILED if failed else JobOutcome.SUCCEEDED, said, {"steps": done})
