"""Commands about the stream: its sessions, and what it alerts about."""

from collections.abc import Mapping
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection

from engine.alerts import rules as _rules  # noqa: F401, which registers them
from engine.alerts.audience import hush
from engine.alerts.outbox import SERIAL
from engine.alerts.rule import ALERT_RULES
from engine.clock import NEPAL, nepal_date
from engine.errors import Conflict, UnknownName, UsageError
from engine.market.calendar import TradingCalendar
from engine.services.base import PERSON_FIRST, Commands, Submitted, reasoned, refuse_before_opening
from engine.stream.alerts import MARKET
from engine.stream.rules import RULES
from engine.stream.sources import AS_THEY_COME
from storage import moves, runs, sessions, speed_layer
from storage.status import RunStatus, RunType

LONGEST_SILENCE = timedelta(days=30)
LONGEST_SUBJECT = 32  # letters, as the database has room for
FASTEST = 99_999  # times the clock; beyond, "as fast as it goes" is what is meant


class StreamCommands(Commands):
    """Start, stop, pause, resume, speed; acknowledge, silence."""

    def start_stream(self, day: date, *, speed: float | None = None, request_key: str | None = None) -> Submitted:
        """Queue a session of the stream; one that was stopped goes on behind its last record. `speed` is times the clock, None: at once."""
        self._refuse_day(day)
        _refuse_speed(speed)
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            self._asked(connection, request_key, "start_stream", day=day, speed=speed)
            active = runs.active_of(connection, moves.STREAM, day)
            if active is not None:
                return Submitted(active, False, f"The stream works on {day} already: run {active}.")
            known = speed_layer.state(connection, day)
            if known is not None and known["ended_at"] is not None:
                raise Conflict(
                    f"the session {day} is over and is not started anew: its {known['records']:,} records stay in the log. Bring in what "
                    f"is missing with python -m engine reconcile --session {day} --replay-gap, compute it again from its log with "
                    f"python -m engine stream rebuild --session {day}, or try other thresholds in the Replay lab"
                )
            at = self.runtime.clock.now()
            run_id = moves.add(
                connection,
                at=at,
                pipeline=moves.STREAM,
                partition=day,
                run_type=RunType.MANUAL,
                priority=PERSON_FIRST,
                requested_by=self.actor,
                request_key=request_key,
                source=None,
            )
            speed_layer.begin(connection, day, at=at, run_id=run_id, source="", simulated=self.runtime.simulated, speed=speed)
            self._audited(connection, "start_stream", {"day": day, "speed": speed}, f"run {run_id}")
        return Submitted(run_id, True, f"Run {run_id} of the stream of {day} is queued.")

    def stop_stream(self, day: date) -> str:
        """Stop a session behind its last committed record; it can be started again."""
        run_id, status = self._active(day)
        if status is None:
            raise Conflict(f"the stream does not work on {day}; there is nothing to stop")
        said = f"The stream of {day} is asked to stop."
        with self.runtime.database.transaction() as connection:
            at = self.runtime.clock.now()
            reason = f"stopped by {self.actor} before it began"
            if self._cancel_queued(connection, run_id, reason=reason):
                speed_layer.change(connection, day, note=reason)
                return self._audited(connection, "stop_stream", {"day": day}, f"The stream of {day} is stopped.")
            if (now := runs.one(connection, run_id)) is not None and now["cancel_requested"]:
                return said
            moves.request_cancel(connection, run_id)
            moves.event(connection, run_id, at=at, name="cancel_requested", message=f"by {self.actor}")
            return self._audited(connection, "stop_stream", {"day": day}, said)

    def pause_stream(self, day: date) -> str:
        """Take nothing from the source until the session is resumed; the process stays."""
        return self._wish(day, "pause_stream", f"The stream of {day} is paused.", paused=True)

    def resume_stream(self, day: date) -> str:
        """Go on with a paused session."""
        return self._wish(day, "resume_stream", f"The stream of {day} goes on.", paused=False)

    def set_stream_speed(self, day: date, speed: float | None) -> str:
        """Replay at another speed: times the clock, None for as fast as it goes."""
        _refuse_speed(speed)
        with self.runtime.database.reading() as connection:
            known = speed_layer.state(connection, day)
        if known is not None and known["source"] in AS_THEY_COME:
            raise Conflict(f"{known['source']} gives ticks as they come: there is no speed to set")
        words = "as fast as it goes" if speed is None else f"at {speed:g} times the clock"
        return self._wish(day, "set_stream_speed", f"The stream of {day} goes {words}.", speed=speed)

    def _closes_before(self, connection: Connection, day: date) -> Mapping[str, int]:
        before = TradingCalendar(self.runtime.source.reference().calendar).previous_session(day)
        return sessions.previous_closes(connection, day, before=before)

    def acknowledge_alert(self, key: str) -> str:
        """Write that somebody has seen an alert; the first one stays."""
        with self.runtime.database.transaction() as connection:
            found = speed_layer.alert(connection, key)
            if found is None:
                raise UnknownName(f"there is no alert {key!r}")
            said = f"The alert {found['rule']} of {found['symbol']} is acknowledged."
            if not speed_layer.acknowledge(connection, key, by=self.actor, at=self.runtime.clock.now()):
                return said
            return self._audited(connection, "acknowledge_alert", {"key": key}, said)

    def silence_alerts(
        self, *, rule: str | None = None, symbol: str | None = None, minutes: int, reason: str, request_key: str | None = None
    ) -> str:
        """Leave alerts of a rule, a symbol (or whatever else an alert is about) or both out of what is open, for so many minutes."""
        why = reasoned(reason)
        if rule is None and symbol is None:
            raise UsageError("name a rule, a symbol or both: a silence over everything is no silence but a stopped stream")
        if rule is not None and rule not in RULES and rule not in ALERT_RULES:
            raise UnknownName(f"there is no rule {rule!r}; there are {', '.join((*RULES, *ALERT_RULES))}")
        if symbol is not None and len(symbol) > LONGEST_SUBJECT:
            raise UsageError(f"no alert is about anything that has more than {LONGEST_SUBJECT} letters: {symbol}")
        if not timedelta(0) < timedelta(minutes=minutes) <= LONGEST_SILENCE:
            raise UsageError(f"a silence lasts 1 to {LONGEST_SILENCE // timedelta(minutes=1):,} minutes, not {minutes:,}")
        asked = {"rule": rule, "symbol": symbol, "minutes": minutes, "reason": why}
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "silence")
            self.runtime.database.serialise(connection, SERIAL)  # or it would be told at the same moment
            if rule not in ALERT_RULES:  # of which it is no symbol but the alert's subject
                _refuse_unknown(connection, symbol)
            at = self.runtime.clock.now()
            same = [held for held in speed_layer.silenced(connection, at=at) if (held["rule"], held["symbol"]) == (rule, symbol)]
            self._asked(connection, request_key, "silence_alerts", **asked)
            until = at + timedelta(minutes=minutes)
            whose, end = " on ".join(filter(None, (rule, symbol))), f"{until.astimezone(NEPAL):%Y-%m-%d %H:%M} Nepal time"
            said = f"Alerts of {whose} are silenced until {end}."
            if any(held["until"] >= until - timedelta(minutes=1) for held in same):
                return said
            told = {"rule": rule, "symbol": symbol, "until": until, "reason": why, "silenced_by": self.actor, "silenced_at": at}
            speed_layer.silence(connection, **told)
            hush(connection, rule, symbol, at=at)
            return self._audited(connection, "silence_alerts", asked, said)

    def lift_silence(self, silence_id: int) -> str:
        """End a silence before its time."""
        with self.runtime.database.transaction() as connection:
            said = f"Silence {silence_id} is over."
            if speed_layer.one_silence(connection, silence_id) is None:
                raise UnknownName(f"there is no silence {silence_id}; list those that hold with: python -m engine alert silences")
            if not speed_layer.lift(connection, silence_id, at=self.runtime.clock.now()):
                return said
            return self._audited(connection, "lift_silence", {"silence": silence_id}, said)

    def _wish(self, day: date, command: str, said: str, **wanted: Any) -> str:
        _, status = self._active(day)
        if status is None:
            raise Conflict(f"the stream does not work on {day}; start it first")
        with self.runtime.database.transaction() as connection:
            known = speed_layer.state(connection, day)
            if known is not None and all(known[name] == value for name, value in wanted.items()):
                return said
            speed_layer.change(connection, day, **wanted)
            return self._audited(connection, command, {"day": day} | wanted, said)

    def _active(self, day: date) -> tuple[int, RunStatus | None]:
        with self.runtime.database.reading() as connection:
            run_id = runs.active_of(connection, moves.STREAM, day)
            row = runs.one(connection, run_id) if run_id is not None else None
        return (0, None) if row is None else (row["id"], row["status"])

    def _refuse_day(self, day: date) -> None:
        today = nepal_date(self.runtime.clock.now())
        if day > today:
            raise UsageError(f"{day} lies in the future (today is {today} in Nepal)")
        refuse_before_opening(day)


def _refuse_unknown(connection: Connection, symbol: str | None) -> None:
    """Refuse a symbol that was never traded; where nothing is known of the market yet, any may be right."""
    if symbol is None or symbol == MARKET:
        return
    known = speed_layer.symbols(connection)
    if known and symbol not in known:
        near = get_close_matches(symbol, sorted(known), n=5, cutoff=0.5)
        near = near or [name for name in sorted(known) if name.startswith(symbol[:2])][:5]
        there = f"the nearest are {', '.join(near)}" if near else "see the Stream page for those that were traded"
        raise UnknownName(f"there is no symbol {symbol!r}; {there}")


def _refuse_speed(speed: float | None) -> None:
    if speed is not None and not (1 <= speed <= FASTEST and speed == int(speed)):
        raise UsageError(f"a speed is a whole number, 1 to {FASTEST:,} times the clock, or max; not {speed:g}")
