"""Commands about blocked sessions and findings: what a person decides where the gate does not."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection

from engine.errors import Conflict, UnknownName, UsageError
from engine.pipeline.graph import find
from engine.pipelines import PIPELINES
from engine.services.base import Submitted, reasoned
from engine.services.replays import Replays, Wanted
from storage import moves, quality, runs
from storage.status import Decision, Label, RunStatus, RunType

GATE = "quality"  # the stage that judges the rows
BLOCKED = "SessionBlocked"  # the error of a run that the gate has held


class QualityCommands(Replays):
    """Approve, reject, label."""

    def approve(self, run_id: int, *, reason: str) -> Submitted:
        """Let the session of a blocked run through: these bytes of the file are not blocked again. Queues its date from the gate on."""
        why = reasoned(reason)
        self.runtime.source.span()  # as for a run
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            run = _blocked(connection, run_id)
            decided, newest = _decided(connection, run), _newest(connection, run)
            if decided is Decision.APPROVE and newest["rerun_of"] == run_id:
                return Submitted(newest["id"], False, f"Run {run_id} was approved before: run {newest['id']}.")
            _refuse_an_old(run, newest)
            self._decide(connection, run, Decision.APPROVE, why)
            pipeline = find(PIPELINES, run["pipeline"])
            wanted = Wanted(run["partition"], GATE)
            return self._queue(connection, pipeline, wanted.day, RunType.RERUN, **self._taking_over(connection, pipeline, wanted))

    def reject(self, run_id: int, *, reason: str) -> str:
        """Say that a blocked session is rightly held: its date stays failed, with the reason."""
        why = reasoned(reason)
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            run = _blocked(connection, run_id)
            if _decided(connection, run) is Decision.REJECT:
                raise Conflict(f"run {run_id} is rejected already")
            _refuse_an_old(run, _newest(connection, run))
            return self._decide(connection, run, Decision.REJECT, why)

    def _decide(self, connection: Connection, run: Mapping[Any, Any], decision: Decision, reason: str) -> str:
        at, word = self.runtime.clock.now(), "approved" if decision is Decision.APPROVE else "rejected"
        file = {"pipeline": run["pipeline"], "partition": run["partition"], "source_sha256": run["source_sha256"] or ""}
        who = {"run_id": run["id"], "decided_by": self.actor, "decided_at": at, "reason": reason}
        quality.decide(connection, decision=decision, **file, **who)
        moves.event(connection, run["id"], at=at, name=f"session_{word}", message=f"by {self.actor}: {reason}")
        asked = {"run": run["id"], "partition": run["partition"], "reason": reason}
        return self._audited(connection, decision.value, asked, f"The session of {run['partition']} (run {run['id']}) is {word}.")

    def label(self, session: date, symbol: str, check_id: str, label: Label | str | None, run_id: int | None = None) -> str:
        """Say whether a finding was a true fault or a false alarm; None takes the word back."""
        if not symbol.strip() or not check_id.strip():
            raise UsageError("say which finding: its symbol and its check")
        if label is not None and label not in tuple(Label):
            raise UsageError(f"a finding is {' or '.join(Label)}, not {label!r}")
        finding: dict[str, Any] = {"session": session, "symbol": symbol, "check_id": check_id}
        with self.runtime.database.transaction() as connection:
            if label is None:
                quality.clear_label(connection, **finding)
                said = f"Nothing is said of {check_id} of {symbol} on {session} any more."
            else:
                now: dict[str, Any] = {"labelled_by": self.actor, "labelled_at": self.runtime.clock.now(), "run_id": run_id}
                quality.set_label(connection, **finding, label=Label(label), **now)
                said = f"{check_id} of {symbol} on {session} is a {label.replace('_', ' ')}."
            return self._audited(connection, "label", finding | {"label": label}, said)


def _blocked(connection: Connection, run_id: int) -> Mapping[Any, Any]:
    run = runs.one(connection, run_id)
    if run is None:
        raise UnknownName(f"there is no run {run_id}")
    if run["status"] != RunStatus.FAILED or run["error_type"] != BLOCKED:
        raise Conflict(f"run {run_id} is not a blocked session (it is {run['status']}); there is nothing to decide")
    return run


def _newest(connection: Connection, run: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return runs.newest_of(connection, run["pipeline"], run["partition"]) or run


def _refuse_an_old(run: Mapping[Any, Any], newest: Mapping[Any, Any]) -> None:
    if newest["id"] != run["id"]:
        raise Conflict(f"run {newest['id']} of {run['partition']} is newer than run {run['id']}: decide about that one")


def _decided(connection: Connection, run: Mapping[Any, Any]) -> Decision | None:
    """Return what was decided about this very run, or None."""
    found = quality.decision_for(connection, run["pipeline"], run["partition"], run["source_sha256"] or "")
    return Decision(found["decision"]) if found is not None and found["run_id"] == run["id"] else None
