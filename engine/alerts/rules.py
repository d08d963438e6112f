"""The alert rules: each says of what it is wrong now, from facts of the database, so that nothing is missed while no process looked."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from statistics import mean
from typing import Any

from sqlalchemy import RowMapping

from engine.alerts.channels import channels_of
from engine.alerts.limits import BUDGET, DISK, WORSE
from engine.alerts.rule import Finding, Look, rule
from engine.billing.forecast import month_bill
from engine.billing.prices import in_force
from engine.clock import NEPAL
from engine.costs.measured import amount_of
from engine.errors import ChannelsError
from engine.jobs import JOBS
from engine.jobs.timetable import overdue
from engine.monitoring import history
from engine.monitoring.deadlines import MISSED
from engine.pipelines import PIPELINES
from storage import alert_list, breakers, drift, held, jobs, moves, notifications, quality, runs, schedules
from storage.database import free_bytes
from storage.status import (
    AlertSeverity,
    CircuitState,
    Decision,
    GateVerdict,
    JobOutcome,
    NotificationState,
    RunStatus,
    RunType,
    SlotOutcome,
    Verdict,
)

ERROR, WARNING = AlertSeverity.ERROR, AlertSeverity.WARNING
LOOK_BACK = timedelta(days=30)  # what is older was told when it was new
CAUGHT_UP = timedelta(hours=1)  # for which a slot that was missed is told of, however soon it was caught up
OVERDUE = timedelta(minutes=10)  # a backup may wait for another job
NEWEST, FEWEST = 10, 20  # sessions that are held against those before; and those below which nothing can be said
VISIBLE = 0.25  # % of rows: a smaller change is none, however many times as much it is


@rule(ERROR, page="runs")
def run_failed(look: Look) -> Iterator[Finding]:
    """The newest run of a date has failed or crashed."""
    for pipeline in (*PIPELINES, moves.STREAM):
        told = {row["run_id"] for row in held.held(look.connection, pipeline)}  # by another rule
        begins = schedules.begins(look.connection, pipeline)
        for state in runs.states_between(look.connection, pipeline, look.today - LOOK_BACK, look.today):
            if begins is not None and state["day"] >= begins and _no_file(state):
                continue  # it is late, until there is one
            if state["status"] in (RunStatus.FAILED, RunStatus.CRASHED) and state["run_id"] not in told:
                title = f"{pipeline} of {state['day']} {state['status']}"
                query = {"id": str(state["run_id"])}
                yield Finding(f"{pipeline} {state['day']}", title, f"Run {state['run_id']}: {state['reason'] or 'no reason'}", query, "run")


def _no_file(state: RowMapping | Any) -> bool:
    return bool(state["verdict"] == Verdict.MISSING and state["status"] == RunStatus.FAILED)


@rule(ERROR, page="quality")
def session_blocked(look: Look) -> Iterator[Finding]:
    """A session is held back until a person approves or rejects it."""
    for pipeline in PIPELINES:
        for row in held.held(look.connection, pipeline):
            if row["decision"] != Decision.REJECT:
                subject, query = f"{pipeline} {row['day']}", {"id": str(row["run_id"])}
                detail = (row["reason"] or "It waits for a person.").removeprefix(f"the session of {row['day']} is blocked: ")
                yield Finding(subject, f"{pipeline} of {row['day']} is blocked", detail, query, "run")


@rule(ERROR, page="service_levels")
def session_late(look: Look) -> Iterator[Finding]:
    """A session that the schedule promised is past its deadline and not loaded."""
    for pipeline in PIPELINES.values():
        since = look.today - LOOK_BACK
        for one in history.deadlines(look.connection, pipeline, look.calendar, look.limits, now=look.now, since=since):
            if one.state in MISSED and one.loaded_at is None:
                at = one.at.astimezone(NEPAL)
                detail = f"It was to be loaded by {at:%H:%M} Nepal time: {_reason(one.why)}"
                query = {} if one.run_id is None else {"id": str(one.run_id)}
                page = None if one.run_id is None else "run"
                yield Finding(f"{pipeline.name} {one.day}", f"{pipeline.name} of {one.day} is late", detail, query, page)


def _reason(why: str) -> str:
    """Return what does not change by the minute of "not loaded, 12 min after: no file"."""
    return why.split(": ", maxsplit=1)[-1]


@rule(WARNING, page="pipelines")
def slot_missed(look: Look) -> Iterator[Finding]:
    """The time of a date passed with no runner alive."""
    for pipeline in PIPELINES:
        slots = schedules.slots_between(look.connection, pipeline, look.today - LOOK_BACK, look.today)
        caught_up = {
            row["partition"]: row
            for row in runs.by_ids(look.connection, [slot["run_id"] for slot in slots if slot["run_id"] is not None])
            if row["run_type"] == RunType.CATCHUP and look.now - row["queued_at"] < CAUGHT_UP
        }
        for slot in slots:
            if slot["outcome"] == SlotOutcome.MISSED or slot["day"] in caught_up:
                run = caught_up.get(slot["day"])
                detail = slot["reason"] if run is None else f"Run {run['id']} catches it up."  # how far it is changes nothing
                query = {} if run is None else {"id": str(run["id"])}
                page = None if run is None else "run"
                yield Finding(
                    f"{pipeline} {slot['day']}", f"No runner was alive when {pipeline} of {slot['day']} was due", detail, query, page
                )


@rule(ERROR, page="pipelines")
def circuit_open(look: Look) -> Iterator[Finding]:
    """The circuit of a source is open: no run calls it."""
    for row in breakers.every(look.connection):
        if row["state"] != CircuitState.CLOSED:
            event = next(iter(breakers.history(look.connection, row["name"], limit=1)), None)
            yield Finding(row["name"], f"Source {row['name']} is left alone", event["reason"] if event else "Its calls failed.")


@rule(ERROR, page="pipelines")
def disk_low(look: Look) -> Iterator[Finding]:
    """The disk of the home is nearly full."""
    free, least = free_bytes(look.runtime.settings.home) / 1024**2, look.limits[DISK.key]
    if free < least:
        detail = f"{free:,.0f} MiB are free, and {least:,.0f} are wanted. Runs wait once there is no room."
        yield Finding("home", "The disk is nearly full", detail)


@rule(ERROR, page="safety")
def backup_overdue(look: Look) -> Iterator[Finding]:
    """No backup was made though one is due, and something was written since the last."""
    waited = overdue(look.connection, look.runtime.settings, now=look.now)
    if waited > OVERDUE:
        due = look.now - waited
        yield Finding("backup", "The backup is overdue", f"It was due at {due.astimezone(NEPAL):%Y-%m-%d %H:%M} Nepal time.")


@rule(ERROR, page="safety")
def job_failed(look: Look) -> Iterator[Finding]:
    """A job for the safety of the data failed, or found something that a person must see."""
    for job in JOBS.values():
        last = jobs.ended(look.connection, job.name)
        if last is not None and last["outcome"] == JobOutcome.FAILED:
            yield Finding(job.name, f"{job.title} failed", last["message"] or "It says no reason.")


@rule(WARNING, page="quality")
def quality_worse(look: Look) -> Iterator[Finding]:
    """More rows of the last sessions are flagged or set aside than of those before."""
    for pipeline in PIPELINES:
        judged = quality.judged(look.connection, pipeline, limit=3 * NEWEST)
        if len(judged) < FEWEST:
            continue
        shares = [_share(row) for row in judged]
        last, before = mean(shares[-NEWEST:]), mean(shares[:-NEWEST])
        blocked = sum(row["verdict"] == GateVerdict.BLOCKED for row in judged[-NEWEST:])
        if last > before * look.limits[WORSE.key] and last - before > VISIBLE:
            detail = f"{last:.1f} % of the rows of the last {NEWEST} sessions, {before:.1f} % before; {blocked} of them blocked."
            yield Finding(pipeline, f"The quality of {pipeline} is getting worse", detail)


@rule(WARNING, page="costs")
def budget_exceeded(look: Look) -> Iterator[Finding]:
    """The forecast of this month's bill is above its budget."""
    budget = look.limits[BUDGET.key]
    if not budget:
        return
    prices = in_force(look.connection)
    bill = month_bill(look.connection, prices.tariff, now=look.now)
    if amount_of(bill.forecast) <= budget or bill.largest is None:
        return
    (category, name), most = bill.largest
    said = f"{prices.money(amount_of(bill.forecast))} by the end of {bill.month:%B}, {prices.money(amount_of(bill.spent))} of it so far."
    driver = f"Most of it is {category} of {name}: {prices.money(amount_of(most))}."
    title = f"The bill of {bill.month:%B %Y} will exceed its budget of {prices.money(Decimal(str(budget)))}"
    yield Finding(f"{bill.month:%Y-%m}", title, f"{said} {driver}")


def _share(row: RowMapping) -> float:
    """Return the share (%) of a session's rows that were flagged or set aside."""
    lines = row["loaded"] + row["quarantined"]
    return 100.0 * (row["warned"] + row["quarantined"]) / lines if lines else 0.0


@rule(WARNING, page="drift")
def drift_alarm(look: Look) -> Iterator[Finding]:
    """A session does not look like those before it, and nobody has said why."""
    for row in drift.open_alarms(look.connection, look.today - LOOK_BACK, look.today):
        query = {"session": str(row["session"])}
        yield Finding(str(row["session"]), f"The session of {row['session']} has drifted", row["headline"], query)


@rule(WARNING, page="alerts")
def stream_rule(look: Look) -> Iterator[Finding]:
    """Trades of a session of the stream break a rule, and nobody has acknowledged or silenced that."""
    for row in alert_list.open_by_rule(look.connection, at=look.now):
        what, query = row["rule"].replace("_", " "), {"session": str(row["session"]), "rule": row["rule"], "state": "open"}
        detail = f"{row['alerts']:,} open when this was told; the Alerts page lists them."
        yield Finding(f"{row['rule']} {row['session']}", f"The stream of {row['session']} breaks the rule {what}", detail, query)


@rule(ERROR, page="alerts")
def channels_broken(look: Look) -> Iterator[Finding]:
    """The file that names the channels cannot be used: nobody is told of anything."""
    try:
        channels_of(look.runtime.settings)
    except ChannelsError as error:
        yield Finding("channels", "The channels of alerts cannot be read", str(error), {"on": "channels"})


@rule(WARNING, page="alerts", of_channels=True)
def channel_unreachable(look: Look) -> Iterator[Finding]:
    """The last thing that a channel was to be told was given up."""
    try:
        named = channels_of(look.runtime.settings)
    except ChannelsError:
        return  # the rule above says so
    for name in named:
        last = notifications.last_ended(look.connection, name)
        if last is not None and last["state"] == NotificationState.GIVEN_UP:
            yield Finding(name, f"Channel {name} cannot be reached", last["note"] or "No try succeeded.", {"on": "channels"})
