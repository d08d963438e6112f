"""What is known of the machine: its version, its processes, its source, its jobs and its disk."""

from collections import Counter
from collections.abc import Iterator

from engine.jobs.catalogue import JOBS
from engine.jobs.timetable import overdue
from engine.monitoring.family import Facts, Sample, family
from engine.version import VERSION, code_version
from storage import breakers, damage, jobs, runners
from storage.database import free_bytes
from storage.status import CircuitState, ProcessKind


@family("nepse_build_info", "version", "code")
def _build(_facts: Facts) -> Iterator[Sample]:
    """Which version of the console answers, and the fingerprint of its code."""
    yield (VERSION, code_version()), 1


@family("nepse_simulated")
def _simulated(facts: Facts) -> Iterator[Sample]:
    """Whether the exchange is simulated."""
    yield (), facts.runtime.simulated


@family("nepse_processes_alive", "kind")
def _processes(facts: Facts) -> Iterator[Sample]:
    """Processes that have shown a sign of life within ten seconds."""
    alive = Counter(row["kind"] for row in runners.alive(facts.connection, at=facts.now, within=runners.ALIVE_WITHIN))
    for kind in ProcessKind:
        yield (kind,), alive[kind]


@family("nepse_circuit_state", "source", "state")
def _circuits(facts: Facts) -> Iterator[Sample]:
    """The circuits of the sources: 1 for the state of each."""
    known = {facts.runtime.source.name: CircuitState.CLOSED} | {row["name"]: row["state"] for row in breakers.every(facts.connection)}
    for source, at in sorted(known.items()):
        for state in CircuitState:
            yield (source, state), at == state


@family("nepse_job_last_success_timestamp_seconds", "job")
def _jobs(facts: Facts) -> Iterator[Sample]:
    """When a job (backup, drill, scrub) succeeded last."""
    for job in JOBS:
        last = jobs.succeeded(facts.connection, job)
        if last is not None:
            yield (job,), last["finished_at"].timestamp()


@family("nepse_backup_overdue_seconds")
def _overdue(facts: Facts) -> Iterator[Sample]:
    """For how long a backup has been due that would hold something new; 0 where all is saved, or no clock asks for backups."""
    yield (), overdue(facts.connection, facts.runtime.settings, now=facts.now).total_seconds()


@family("nepse_damaged_files")
def _damaged(facts: Facts) -> Iterator[Sample]:
    """Files of the lake that were found missing or damaged."""
    yield (), len(damage.paths(facts.connection))


@family("nepse_disk_free_bytes")
def _disk(facts: Facts) -> Iterator[Sample]:
    """Bytes that are free on the disk of the home."""
    yield (), free_bytes(facts.runtime.settings.home)
