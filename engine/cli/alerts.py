"""Commands about alerts of operations, and about the channels that are told of them."""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import structlog
import typer

from engine.alerts.channels import Channel, channels_of
from engine.alerts.evaluation import silences_now
from engine.alerts.machine import Known, standing
from engine.alerts.postman import started
from engine.alerts.rule import MANY
from engine.cli.following import commands
from engine.cli.parts import FAILED, Json, told
from engine.errors import UnknownName, UsageError
from engine.printing import complain, show
from engine.runtime import runtime
from engine.services import Services
from engine.waiting import wait_until
from storage import alerts as stored
from storage import notifications, speed_layer
from storage.status import NotificationState

app = typer.Typer()
group = typer.Typer(help="Acknowledge alerts, silence them, and end a silence.", no_args_is_help=True)
NICE = 5  # runs come first, and yet a busy machine is not to keep an alert to itself
GLANCE = 0.2  # seconds between two looks at a test
PATIENCE = timedelta(seconds=60)  # in which a test has an outcome: longer than a try may take
_SHOWN = ("id", "severity", "rule", "subject", "title", "fired_at", "resolved_at", "acknowledged_by", "suppressed", "detail")
_LISTED = ("id", "state", "severity", "what", "fired_at", "resolved_at", "delivered")
_SILENCE = ("until", "reason", "silenced_by")
_LOGGED = ("id", "kind", "title", "state", "attempts", "created_at", "ended_at", "note")


@app.command(name="alerts")
@told
def list_alerts(
    limit: Annotated[int, typer.Option("--resolved", min=0, max=10_000, help="Also so many that are over, the newest first.")] = 0,
    *,
    to_json: Json = False,
) -> None:
    """List what is wrong now, the newest first: where each alert stands, since when, and what its channels were told."""
    opened = runtime()
    with opened.database.reading() as connection:
        silences = silences_now(connection, opened.clock.now())
        rows = [*stored.open_ones(connection), *(stored.resolved(connection, limit=limit) if limit else ())]
        delivered: dict[int, list[str]] = {}
        for sent in notifications.of_alerts(connection, [row["id"] for row in rows]):
            delivered.setdefault(sent["alert_id"], []).append(f"{sent['channel']} {sent['kind']}: {sent['state']}")
    found = [_told(row, standing(Known.of(row), silences).value, delivered.get(row["id"], [])) for row in rows]
    show(found if to_json else [_line(one) for one in found], to_json=to_json)


def _told(row: Any, state: str, delivered: list[str]) -> dict[str, Any]:
    return {"state": state} | {name: row[name] for name in _SHOWN} | {"delivered": delivered}


def _line(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a line says to a person; the title names rule and subject."""
    return {name: f"{one['title']}: {one['detail']}" if name == "what" else one[name] for name in _LISTED}


@group.command()
@told
def ack(alert_id: Annotated[int, typer.Argument(metavar="ID")], *, to_json: Json = False) -> None:
    """Say that you take care of an alert: it is escalated no more."""
    show({"alert": alert_id, "message": commands().acknowledge(alert_id)}, to_json=to_json)


@group.command()
@told
def silence(
    alert_id: Annotated[int | None, typer.Argument(metavar="[ID]", help="An alert that fires.")] = None,
    rule: Annotated[str | None, typer.Option(help="Instead of an alert: a rule, whether anything breaks it or not.")] = None,
    subject: Annotated[str | None, typer.Option("--of", help="With --rule: only this, such as `daily_prices 2025-06-03`.")] = None,
    minutes: Annotated[int, typer.Option(help="For so many minutes.")] = 60,
    reason: Annotated[str, typer.Option(help="Why; whoever looks at it later reads it.")] = "",
    *,
    to_json: Json = False,
) -> None:
    """Hear of what an alert is about, or of a rule, no more for some time."""
    if (alert_id is None) == (rule is None) or (subject and rule is None):
        raise UsageError("name either an alert by its number, or a rule by --rule and what it is about by --of")
    services = commands()
    if alert_id is not None:
        rule, subject = _about(services, alert_id)
    said = services.silence_alerts(rule=rule, symbol=subject, minutes=minutes, reason=reason)
    show({"alert": alert_id, "rule": rule, "of": subject, "message": said}, to_json=to_json)


@group.command()
@told
def silences(*, to_json: Json = False) -> None:
    """List the silences that hold, the one that ends first before the others."""
    opened = runtime()
    with opened.database.reading() as connection:
        rows = speed_layer.silenced(connection, at=opened.clock.now())
    show(
        [{"id": row["id"], "rule": row["rule"], "of": row["symbol"]} | {name: row[name] for name in _SILENCE} for row in rows],
        to_json=to_json,
    )


@group.command()
@told
def lift(silence_id: Annotated[int, typer.Argument(metavar="ID", help="Of `alert silences`.")], *, to_json: Json = False) -> None:
    """End a silence before its time: what fires is told."""
    show({"silence": silence_id, "message": commands().lift_silence(silence_id)}, to_json=to_json)


def _about(services: Services, alert_id: int) -> tuple[str, str | None]:
    """Return the rule of an alert, and what it is about; one that stands for many is about all of its rule."""
    with services.runtime.database.reading() as connection:
        found = stored.one(connection, alert_id)
    if found is None:
        raise UnknownName(f"there is no alert {alert_id}; list them with: python -m engine alerts")
    return found["rule"], None if found["subject"] == MANY else found["subject"]


@app.command()
@told
def channels(
    test: Annotated[str | None, typer.Option(metavar="NAME", help="Send a test to this channel and wait for its outcome.")] = None,
    log: Annotated[str | None, typer.Option(metavar="NAME", help="What this channel was told, the newest first.")] = None,
    deliver: Annotated[str | None, typer.Option(hidden=True, help="Deliver what is due to this channel; what a runner starts.")] = None,
    *,
    to_json: Json = False,
) -> None:
    """List the channels that are told of alerts, without their secrets; test one. Exit code 1 when one cannot work."""
    if deliver is not None:
        _deliver(deliver)
        return
    if test is not None:
        _test(test, to_json=to_json)
        return
    opened = runtime()
    if log is not None:
        with opened.database.reading() as connection:
            rows = notifications.recent(connection, channel=log)
        show([{name: row[name] for name in _LOGGED} for row in rows], to_json=to_json)
        return
    named = channels_of(opened.settings)
    if not named:
        complain(f"no channel is named in {opened.settings.channels_file}: alerts are shown in the console, and nobody is told")
    listed = [_shown(channel) for channel in named.values()]
    show(listed if to_json else [{name: cell for name, cell in one.items() if name != "trouble"} for one in listed], to_json=to_json)
    if unusable := [one["trouble"] for one in listed if one["trouble"]]:
        complain("\n".join(unusable))
        raise typer.Exit(FAILED)


def _shown(channel: Channel) -> dict[str, Any]:
    from engine.alerts.sending import trouble  # noqa: PLC0415, used by this command only

    told_of = {"severity": channel.severity.value, "wants": sorted(channel.wants), "quiet_hours": channel.hours()}
    return {"name": channel.name, "service": channel.kind} | told_of | {"trouble": trouble(channel)}


def _deliver(channel: str) -> None:
    from engine.alerts.courier import Courier  # noqa: PLC0415, used by this process only

    os.nice(NICE)
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(), structlog.processors.JSONRenderer(default=str)]
    )
    courier = Courier(runtime(), channel).until_told()
    courier.serve()
    if courier.hangs:
        os._exit(0)  # a thread waits for a service that does not answer; at an ordinary end the process would wait for it


def _test(name: str, *, to_json: bool) -> None:
    services = commands()
    test_id = services.ask_for_test(name)
    row: Any = None

    def over() -> bool:
        nonlocal row
        with services.runtime.database.reading() as connection:
            row = notifications.one(connection, test_id)
        return row["ended_at"] is not None

    courier = started(services.runtime, name)
    done = wait_until(over, timeout=PATIENCE, glance=GLANCE)
    courier.poll()
    show({"channel": name, "state": row["state"], "note": row["note"]}, to_json=to_json)
    if not done or row["state"] != NotificationState.SENT:
        complain(f"the test did not reach {name}: {row['note'] or 'no outcome yet'}")
        raise typer.Exit(FAILED)
