"""A person's word on a drift alarm: what it was, and what follows for the sessions after it."""

from datetime import date

from engine.errors import Conflict, UnknownName, UsageError
from engine.services.base import Commands, reasoned
from storage import drift
from storage.status import DriftLabel


class DriftCommands(Commands):
    """Label."""

    def label_drift(self, session: date, label: DriftLabel | str | None, *, reason: str = "") -> str:
        """Say that an alarm was a fault, the market, or a change that is accepted; None takes the word back.

        The sessions after it are compared anew: never with a fault, and with the accepted change as what is usual.
        """
        if label is not None and label not in tuple(DriftLabel):
            raise UsageError(f"a drift alarm is {', '.join(DriftLabel)}, not {label!r}")
        why = None if label is None else reasoned(reason)
        with self.runtime.database.transaction() as connection:
            report = drift.report(connection, session)
            if report is None:
                raise UnknownName(f"the session of {session} was not compared with others yet")
            known = next((row for row in drift.labels(connection) if row["session"] == session), None)
            if label is None:
                if known is None:
                    return f"Nothing is said of {session}."
                drift.clear_label(connection, session)
                said = f"Nothing is said of {session} any more."
            else:
                if not report["explained"]:
                    raise Conflict(f"nothing alarmed on {session}: there is nothing to say of it")
                if known is not None and (known["label"], known["reason"]) == (label, why):
                    return f"The drift of {session} is called {label} already."
                now = {"labelled_by": self.actor, "labelled_at": self.runtime.clock.now(), "reason": why}
                drift.set_label(connection, session, label=DriftLabel(label), features=sorted(report["explained"]), **now)
                said = f"The drift of {session} is called {label}."
            after = drift.reports_behind(connection, session)
            follows = f"{after:,} {'session' if after == 1 else 'sessions'} after it will be compared anew."
            asked = {"session": session, "label": label, "reason": why}
            return self._audited(connection, "label_drift", asked, f"{said} {follows}")
