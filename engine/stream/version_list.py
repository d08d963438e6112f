"""Versions of past sessions as people and programs read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from engine.errors import UnknownName
from engine.jobs.following import followed
from engine.runtime import Runtime
from engine.stream.alert_diff import Side
from engine.stream.version_diff import Compared, Counts, Difference, Part
from storage import jobs, stream_versions
from storage.status import VersionState

JOB = "rebuild_stream"
_SIDES = {Side.ONLY_A: "served", Side.ONLY_B: "version", Side.BOTH: "both"}


@dataclass(frozen=True, slots=True)
class SessionOf:
    """One session of a version; `counts` are those of when it was built, None before."""

    session: date
    built_at: datetime | None
    code_version: str | None
    counts: Mapping[Part, Counts] | None
    other_closes: int
    failure: str | None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "SessionOf":
        """Make one out of a row of `stream_version_session`."""
        found = row["compared"]
        counts = {part: Counts(**found[part.value]) for part in Part} if found else None
        closes = found["other_closes"] if found else 0
        return cls(row["session"], row["built_at"], row["code_version"], counts, closes, row["failure"])

    @property
    def different(self) -> int:
        """How many bars, days, alerts and letters are not equal."""
        return sum(counts.different for counts in (self.counts or {}).values())


@dataclass(frozen=True, slots=True)
class Version:
    """A version with its sessions, oldest first."""

    id: int
    state: VersionState
    turned: Mapping[str, float]
    thresholds: int
    reason: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    sessions: Sequence[SessionOf]

    @classmethod
    def of(cls, row: Mapping[Any, Any], sessions: Sequence[Mapping[Any, Any]]) -> "Version":
        """Make one out of its rows."""
        return cls(
            id=row["id"],
            state=VersionState(row["state"]),
            turned=dict(row["turned"] or {}),
            thresholds=row["thresholds"],
            reason=row["reason"],
            requested_by=row["requested_by"],
            requested_at=row["requested_at"],
            decided_by=row["decided_by"],
            decided_at=row["decided_at"],
            sessions=tuple(map(SessionOf.of, sessions)),
        )

    @property
    def built(self) -> Sequence[SessionOf]:
        """Its sessions that are built."""
        return [one for one in self.sessions if one.counts is not None]

    @property
    def failed(self) -> Sequence[SessionOf]:
        """Its sessions that cannot be built."""
        return [one for one in self.sessions if one.failure is not None]

    def total(self, part: Part) -> Counts:
        """Return the counts of a part over all sessions that are built."""
        found = [one.counts[part] for one in self.sessions if one.counts is not None]
        return Counts(*(sum(getattr(each, name) for each in found) for name in Counts.__dataclass_fields__))

    @property
    def different(self) -> int:
        """How many bars, days, alerts and letters of all sessions are not equal to what was served."""
        return sum(one.different for one in self.sessions)


def listed(connection: Connection, *, session: date | None = None, limit: int = 50) -> list[Version]:
    """Return the newest versions first, those that hold a session or all."""
    rows = stream_versions.recent(connection, session=session, limit=limit)
    sessions = stream_versions.sessions_of_all(connection, [row["id"] for row in rows])
    return [Version.of(row, sessions[row["id"]]) for row in rows]


def one(connection: Connection, version: int) -> Version:
    """Return one version; `UnknownName` where there is none of that number."""
    row = stream_versions.one(connection, version)
    if row is None:
        raise UnknownName(f"there is no version {version}; list them with: python -m engine stream versions")
    return Version.of(row, stream_versions.sessions_of(connection, version))


def waited_for(runtime: Runtime, version: int, job_run: int, *, timeout: float | None) -> Version:
    """Build a version in this process, or wait for the one that does, at most `timeout` seconds; return what became of it."""
    followed(runtime, job_run, timeout=None if timeout is None else timedelta(seconds=timeout))
    with runtime.database.reading() as connection:
        return one(connection, version)


def is_left(connection: Connection, version: Version) -> bool:
    """Say whether a version waits to be built and nobody is about to: the process that did has died too often."""
    return version.state is VersionState.BUILDING and not any(row["job"] == JOB for row in jobs.unfinished(connection))


def version_row(version: Version) -> dict[str, Any]:
    """Return a version as a mapping."""
    compared = {part.value: counts_row(version.total(part)) for part in Part} if version.built else None
    return {
        "version": version.id,
        "state": version.state.value,
        "sessions": [one.session for one in version.sessions],
        "built": len(version.built),
        "failed": len(version.failed),
        "equal": not version.different if len(version.built) == len(version.sessions) else None,
        "compared": compared,
        "set": dict(version.turned),
        "thresholds_version": version.thresholds,
        "code_versions": sorted({one.code_version for one in version.built if one.code_version}),
        "reason": version.reason,
        "requested_by": version.requested_by,
        "requested_at": version.requested_at,
        "decided_by": version.decided_by,
        "decided_at": version.decided_at,
        "failures": {str(one.session): one.failure for one in version.failed},
    }


def counts_row(counts: Counts) -> dict[str, int]:
    """Return counts as a mapping."""
    return {"equal": counts.equal, "only_served": counts.only_a, "only_in_version": counts.only_b, "differ": counts.differ}


def compared_row(session: date, found: Compared, *, most: int) -> dict[str, Any]:
    """Return a comparison as a mapping, with at most so many differences one by one."""
    return {
        "session": session,
        "equal": found.equal,
        **{part.value: counts_row(found.counts[part]) for part in Part},
        "symbols_with_another_previous_close": found.other_closes,
        "differences": [difference_row(one) for one in found.differences[:most]],
        "differences_left_out": max(len(found.differences) - most, 0),
    }


def difference_row(one: Difference) -> dict[str, Any]:
    """Return a difference as a mapping; times in UTC."""
    at = None if one.at is None else datetime.fromtimestamp(one.at // 1_000_000, UTC).replace(microsecond=one.at % 1_000_000)
    return {"part": one.part.value, "in": _SIDES[one.side], "symbol": one.symbol, "at": at, "name": one.name, "says": one.said}
