"""Commands about versions of the stream's past sessions: rebuild, promote, take back, drop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping

from engine.clock import nepal_date
from engine.errors import Conflict, UnknownName, UsageError
from engine.services.base import MOST_DATES, Commands, reasoned
from engine.stream.content import packed, served, unpacked
from engine.stream.logs import log_of
from engine.stream.version_list import JOB
from engine.stream.versions import made_of
from engine.thresholds import validated
from storage import audit, jobs, moves, runs, speed_layer, stream_content, stream_versions, thresholds
from storage.status import VersionSide, VersionState
from storage.stream_content import Change
from storage.tick_log import TopicState

MOST_SESSIONS = 400  # of one version: more than a year
_TRIES = 3  # to promote while other people are at work
_STREAM_ONLY = "stream."


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A version that was asked for; not `created` where the same is being built already. `left_out` says of each date why."""

    version: int
    created: bool
    job_run: int
    sessions: Sequence[date]
    left_out: Mapping[date, str]
    message: str


@dataclass(frozen=True, slots=True)
class _Swap:
    """What is to be served of a session in the place of what is."""

    session: date
    change: Change
    figures: Mapping[str, Any]
    former: bytes  # what is served now


class VersionCommands(Commands):
    """Rebuild, promote, take back, drop."""

    def rebuild_sessions(
        self, since: date, until: date, *, turned: Mapping[str, float] | None = None, reason: str, request_key: str | None = None
    ) -> Rebuild:
        """Have the sessions of a range computed anew from their logs, under the thresholds of now with those that are `turned`.

        What comes out lies beside what is served, which stays as it is. `Conflict` where no session of the range is over.
        """
        why = reasoned(reason)
        self._refuse_range(since, until)
        given = {key: validated(_of_the_stream(key), value) for key, value in sorted((turned or {}).items())}
        log = log_of(self.runtime).sessions()
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "versions")
            asked = {"since": since, "until": until, "turned": given, "reason": why}
            self._asked(connection, request_key, "rebuild_sessions", **asked)
            taken, left_out = _that_are_over(connection, log, since, until)
            if not taken:
                raise Conflict(_nothing(since, until, left_out))
            if len(taken) > MOST_SESSIONS:
                raise UsageError(f"{len(taken):,} sessions are too many for one version; take at most {MOST_SESSIONS:,} at a time")
            standing = thresholds.newest(connection)
            version_of = max((int(row["id"]) for row in standing.values()), default=0)
            wanted = {"turned": given, "thresholds": version_of, "requested_by": self.actor, "reason": why}
            at = self.runtime.clock.now()
            version = _same(connection, wanted, taken, request_key)
            created = version is None
            if version is None:
                version = stream_versions.add(connection, taken, requested_at=at, request_key=request_key, **wanted)
                self._audited(connection, "rebuild_sessions", asked, f"version {version}: {len(taken)} sessions, {len(left_out)} left out")
            job_run = jobs.request(connection, JOB, by=self.actor, at=at)
        said = f"Version {version} is being built: {_many(len(taken))}" + (f", {len(left_out):,} left out." if left_out else ".")
        return Rebuild(version, created, job_run, taken, left_out, said)

    def promote_version(self, version: int) -> str:
        """Serve a version: all its sessions at once, or none. What was served stays with it and can be had back (`undo_version`).

        `Conflict` where a session's log, or what was taken in of it, or what is served of it, has changed since the version was built.
        """
        return self._swap(version, "promote_version", f"Version {version} is served.", to=VersionState.PROMOTED)

    def undo_version(self, version: int) -> str:
        """Serve again what a promoted version has taken the place of; `Conflict` where another was promoted since."""
        return self._swap(version, "undo_version", f"Version {version} is taken back: what was before it is served.", to=VersionState.BUILT)

    def drop_version(self, version: int) -> str:
        """Delete what a version holds, or have it built no further; `Conflict` while it is what is served."""
        said = f"Version {version} is dropped."
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "versions")
            row = _one(connection, version)
            if row["state"] == VersionState.DROPPED:
                return said
            if row["state"] == VersionState.PROMOTED:
                raise Conflict(f"version {version} is promoted; first take that back (python -m engine stream undo {version})")
            at = self.runtime.clock.now()
            stream_versions.abandon(connection, version, at=at)
            stream_versions.forget(connection, version)
            known = (VersionState.BUILDING, VersionState.BUILT, VersionState.FAILED)
            stream_versions.decide(connection, version, VersionState.DROPPED, of=known, decided_by=self.actor, decided_at=at)
            return self._audited(connection, "drop_version", {"version": version}, said)

    def _swap(self, version: int, command: str, said: str, *, to: VersionState) -> str:
        """Make the other content of each session what is served, in one transaction; what is served takes its place in the version."""
        for _ in range(_TRIES):
            with self.runtime.database.reading() as connection:
                row = _one(connection, version)
                if row["state"] == to:
                    return said
                _refuse_state(row, to)
                seen = audit.newest(connection)
                swaps = self._prepared(connection, version, to)
            # The reading and comparing above takes a while, in which nobody has to wait; the writing is short.
            with self.runtime.database.transaction() as connection:
                self.runtime.database.serialise(connection, "versions")
                if audit.newest(connection) != seen:
                    continue  # somebody has done something meanwhile: an acknowledgement would be lost
                self._write(connection, version, swaps, to)
                of = (VersionState.BUILT, VersionState.PROMOTED)
                stream_versions.decide(connection, version, to, of=of, decided_by=self.actor, decided_at=self.runtime.clock.now())
                return self._audited(connection, command, {"version": version}, said)
        raise Conflict(f"version {version} was left as it is: others changed things each time it was tried; ask again")

    def _prepared(self, connection: Connection, version: int, to: VersionState) -> list[_Swap]:
        log, found = log_of(self.runtime), []
        side = VersionSide.SHADOW if to is VersionState.PROMOTED else VersionSide.FORMER
        for own in stream_versions.sessions_of(connection, version):
            session = own["session"]
            self._refuse_changed(connection, own, made_of(connection, log, session), to)
            after = unpacked(stream_versions.content(connection, version, session, side) or b"")
            before = served(connection, session)
            change = stream_content.change_between(before.parts(), after.parts())
            found.append(_Swap(session, change, after.figures, packed(before)))
        return found

    def _refuse_changed(self, connection: Connection, own: RowMapping, origin: str, to: VersionState) -> None:
        version, session = own["version"], own["session"]
        state = speed_layer.state(connection, session)
        if runs.active_of(connection, moves.STREAM, session) is not None:
            raise Conflict(f"the stream works on {session}; wait for its end")
        now = None if state is None else state["version"]
        expected = own["against"] if to is VersionState.PROMOTED else version
        if now != expected:
            other = f"version {now} is served of {session}" if now is not None else f"what the stream made is served of {session} again"
            undo = "take that back first" if to is VersionState.BUILT or now is not None else "ask for a new version"
            raise Conflict(f"{other} since version {version} was {'built' if to is VersionState.PROMOTED else 'promoted'}; {undo}")
        if own["made_of"] != origin:
            raise Conflict(
                f"the log of {session}, or what people have taken in of it, is another since version {version} was "
                f"{'built' if to is VersionState.PROMOTED else 'promoted'}; ask for a new version of it"
            )

    def _write(self, connection: Connection, version: int, swaps: Sequence[_Swap], to: VersionState) -> None:
        log = log_of(self.runtime)
        own = {row["session"]: row for row in stream_versions.sessions_of(connection, version)}
        side = VersionSide.FORMER if to is VersionState.PROMOTED else VersionSide.SHADOW
        for swap in swaps:
            self._refuse_changed(connection, own[swap.session], made_of(connection, log, swap.session), to)
            stream_content.apply(connection, swap.session, swap.change)
            speed_layer.change(connection, swap.session, **swap.figures)
            stream_versions.keep(connection, version, swap.session, side, swap.former)
        if to is VersionState.BUILT:
            stream_versions.forget(connection, version, VersionSide.FORMER)

    def _refuse_range(self, since: date, until: date) -> None:
        today = nepal_date(self.runtime.clock.now())
        if until < since:
            raise UsageError(f"the range ends ({until}) before it begins ({since})")
        if until > today:
            raise UsageError(f"{until} lies in the future (today is {today} in Nepal)")
        if (until - since).days >= MOST_DATES:
            raise UsageError(f"{since} to {until} are too many dates; take at most {MOST_DATES:,} at a time")


def _of_the_stream(key: str) -> str:
    """Refuse a threshold that the stream does not read; an unknown one is refused by who reads it."""
    if "." in key and not key.startswith(_STREAM_ONLY):
        raise UsageError(f"{key} is no threshold of the stream, and changes nothing here; those begin with {_STREAM_ONLY}")
    return key


def _one(connection: Connection, version: int) -> RowMapping:
    row = stream_versions.one(connection, version)
    if row is None:
        raise UnknownName(f"there is no version {version}; list them with: python -m engine stream versions")
    return row


def _refuse_state(row: RowMapping, to: VersionState) -> None:
    """Refuse to serve a version that is not whole, and to take back one that is not served."""
    version, state = row["id"], row["state"]
    if to is VersionState.BUILT and state != VersionState.PROMOTED:
        raise Conflict(f"version {version} is {state}, not promoted; there is nothing to take back")
    says = {
        VersionState.BUILDING: "is still being built; wait for its end",
        VersionState.FAILED: "is not whole, because some of its sessions could not be built; ask for the others again",
        VersionState.DROPPED: "was dropped; ask for a new one",
    }
    if to is VersionState.PROMOTED and state in says:
        raise Conflict(f"version {version} {says[state]}")


def _that_are_over(connection: Connection, log: Mapping[date, TopicState], since: date, until: date) -> tuple[list[date], dict[date, str]]:
    """Return the sessions of a range that can be computed anew, oldest first, and why others cannot."""
    taken, left_out = [], {}
    for day, topic in log.items():
        if not since <= day <= until:
            continue
        state = speed_layer.state(connection, day)
        if topic.dropped_at is not None:
            left_out[day] = f"its log was dropped by retention on {topic.dropped_at:%Y-%m-%d}"
        elif state is None or state["ended_at"] is None or topic.closed_at is None:
            left_out[day] = "the session is not over: the stream has to come to its end first"
        else:
            taken.append(day)
    return taken, left_out


def _same(connection: Connection, wanted: Mapping[str, Any], days: Sequence[date], request_key: str | None) -> int | None:
    """Return the version that this request has made, or one that is being built of the same."""
    made = stream_versions.by_request_key(connection, request_key) if request_key else None
    return int(made["id"]) if made is not None else stream_versions.same_building(connection, wanted, days)


def _nothing(since: date, until: date, left_out: Mapping[date, str]) -> str:
    if left_out:
        day, why = next(iter(left_out.items()))
        return f"nothing of {since} to {until} can be rebuilt: {day}: {why}"
    where = f"on {since}" if since == until else f"between {since} and {until}"
    return f"the stream has no session {where}; start one with: python -m engine stream start --session D"


def _many(number: int) -> str:
    return "1 session" if number == 1 else f"{number:,} sessions"
