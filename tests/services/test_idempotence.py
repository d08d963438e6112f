"""A click is one effect: clicked twice, from two tabs, reloaded, or given again after a kill; and a key stands for one request only."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from sqlalchemy import insert, select

from engine.costs.price_book import Currency
from engine.drifting import blank
from engine.errors import Conflict, SourceUnavailable
from engine.pipeline.guard import Breaker
from engine.services import Services
from storage import alerts, drift, lifecycle, moves, packs, speed_layer
from storage.dead_letters import LetterFilter
from storage.status import DriftCause, DriftLabel, Label, StepKind, StepState
from storage.tables import Base
from tests.pipelines.house import SUNDAY, House, announced
from tests.services.gate import TRIAL, letters

MONDAY, TUESDAY, WEDNESDAY = (SUNDAY + timedelta(days=n) for n in (1, 2, 3))
STREAMED = SUNDAY  # a session of the stream is queued
BLOCKED, HELD = 2, 3  # runs: Monday's session is blocked, Tuesday's is being executed
READS = {"plan_backfill", "first_backfill"}  # change nothing; or only what a backfill with the key `first-start` does

# Need a session of the stream that is over: tests/stream
ENDED = {"reinject_letters", "replay_gap", "settle_letters", "rebuild_sessions", "promote_version", "undo_version", "drop_version"}
DAMAGE = {"mend", "take_back"}  # need a damaged file, and end in a run, a job or the file itself: tests/backup


@pytest.fixture(scope="module")
def once(tmp_path_factory) -> Path:
    """Where the first test that needs such a home leaves one for the others to copy."""
    return Path(tmp_path_factory.mktemp("ready")) / "root"


@pytest.fixture
def ready(once: Path, gate, tmp_path: Path) -> House:
    """A home with two letters of Sunday, Monday blocked, Tuesday under way, a backfill, an open circuit and a lifecycle step."""
    gate.failing = {5: b"bad", 6: b"bad too"}
    if not once.exists():
        filled(announced(once), gate).runtime.database.close()
    gate.blocks = True
    copytree(once, tmp_path, dirs_exist_ok=True)
    return House(tmp_path)


def filled(house: House, gate) -> House:
    house.services.run(TRIAL, SUNDAY)
    house.work()
    gate.blocks = True
    house.services.run(TRIAL, MONDAY)
    house.work()
    house.services.run(TRIAL, TUESDAY)
    moves.claim(house.runtime.database, runner_id="test", at=house.clock.now(), sequential=[], source="files")
    for _ in range(4):
        Breaker(house.runtime.database, house.clock, "files").failed(0, SourceUnavailable("no answer"))
    house.services.backfill(TRIAL, WEDNESDAY, WEDNESDAY)
    house.services.discard_letters([line(house, 6)], reason="not wanted")
    house.services.set_threshold("gate.block_above", 7, reason="thin days")
    house.services.start_stream(STREAMED)
    house.services.save_scenario("kept", {"compact": True})
    house.services.silence_alerts(rule="price_band", minutes=60, reason="a new listing")
    with house.runtime.database.transaction() as connection:
        speed_layer.set_alerts(connection, [ALERT])
        alerts.add(connection, at=house.clock.now(), **DISK)
        step = lifecycle.ask(connection, StepKind.APPLY, {}, by="test", at=house.clock.now())
        lifecycle.end(connection, step, StepState.DONE, figures={}, message="done", at=house.clock.now())
        connection.execute(insert(packs.packs), COLD | {"step_id": step, "created_at": house.clock.now()})
        drift.write_report(connection, ALARM | {"reported_at": house.clock.now()})
    house.settings.channels_file.write_text('[[channel]]\nname = "desk"\nurl = "json://example.com"\n')
    return house


ALERT = {"key": "an alert", "session": SUNDAY, "rule": "moving_average", "symbol": "NABIL", "state": "firing", "began_us": 1, "fired_us": 1}
ALERT |= {"score": 6.0, "bound": 5.0, "contract": 1, "rate_paisa": 50_000, "suppressed": 0, "members": 0}
COLD = {"path": "silver/2024-05-pack", "dataset": "silver", "month": date(2024, 5, 1), "sha256": "0" * 64, "cold": "/nowhere", "bytes": 1}
COLD |= {"members": 1, "replaced_files": 1, "replaced_bytes": 1}
DISK = {"rule": "disk_low", "subject": "home", "severity": "error", "title": "full", "detail": "", "page": "pipelines"}


ALARM = blank() | {"session": SUNDAY, "cause": DriftCause.ALARM, "headline": "Rows: far fewer.", "explained": {"rows": {}}}
BOOK = '{"name": "ours", "prices": [{"key": "storage.standard", "amount": "0.02", "unit": "GB-month", "source": "ours"}]}'
ALARM |= {"basis": None, "run_id": 1, "alarms_per_month": 1.0, "threshold_version": 0}


def line(house: House, number: int) -> int:
    found: int = letters(house)[SUNDAY, number]["id"]
    return found


# Every command, as a button gives it; `key` is the request key of those that take one.
COMMANDS: dict[str, Callable[[House, dict[str, str]], Any]] = {
    "run": lambda h, key: h.services.run(TRIAL, WEDNESDAY + timedelta(days=1), **key),
    "rerun": lambda h, key: h.services.rerun(1, **key),
    "rerun_dates": lambda h, key: h.services.rerun_dates(TRIAL, [SUNDAY, WEDNESDAY + timedelta(days=1)], **key),
    "cancel": lambda h, _: h.services.cancel(HELD),
    "backfill": lambda h, key: h.services.backfill(TRIAL, SUNDAY, SUNDAY + timedelta(days=9), **key),
    "pause_backfill": lambda h, _: h.services.pause_backfill(1),
    "resume_backfill": lambda h, _: h.services.resume_backfill(1),
    "cancel_backfill": lambda h, _: h.services.cancel_backfill(1),
    "pause_schedule": lambda h, _: h.services.pause_schedule("daily_prices"),
    "resume_schedule": lambda h, _: h.services.resume_schedule("daily_prices"),
    "set_threshold": lambda h, key: h.services.set_threshold("gate.block_above", 9, reason="thinner days", **key),
    "undo_threshold": lambda h, _: h.services.undo_threshold(1),
    "approve": lambda h, _: h.services.approve(BLOCKED, reason="thin, and right"),
    "reject": lambda h, _: h.services.reject(BLOCKED, reason="wrong"),
    "label": lambda h, _: h.services.label(SUNDAY, "S005", "price_band", Label.FAULT),
    "rerun_changed": lambda h, key: h.services.rerun_changed(TRIAL, [SUNDAY], **key),
    "edit_letter": lambda h, _: h.services.edit_letter(line(h, 5), "good"),
    "edit_and_replay": lambda h, key: h.services.edit_and_replay(line(h, 5), "good", **key),
    "replay_letters": lambda h, key: h.services.replay_letters([line(h, 5)], **key),
    "discard_letters": lambda h, _: h.services.discard_letters([line(h, 5)], reason="no"),
    "undo_letter": lambda h, _: h.services.undo_letter(line(h, 6)),
    "reset_breaker": lambda h, _: h.services.reset_breaker("files", reason="mended"),
    "start_stream": lambda h, key: h.services.start_stream(WEDNESDAY, speed=60.0, **key),
    "stop_stream": lambda h, _: h.services.stop_stream(STREAMED),
    "pause_stream": lambda h, _: h.services.pause_stream(STREAMED),
    "resume_stream": lambda h, _: h.services.resume_stream(STREAMED),
    "set_stream_speed": lambda h, _: h.services.set_stream_speed(STREAMED, 10.0),
    "acknowledge_alert": lambda h, _: h.services.acknowledge_alert("an alert"),
    "silence_alerts": lambda h, key: h.services.silence_alerts(symbol="NABIL", minutes=60, reason="a right issue", **key),
    "lift_silence": lambda h, _: h.services.lift_silence(1),
    "acknowledge": lambda h, _: h.services.acknowledge(1),
    "test_channel": lambda h, _: h.services.test_channel("desk"),
    "ask_for_test": lambda h, _: h.services.ask_for_test("desk"),
    "request_job": lambda h, _: h.services.request_job("backup"),
    "promote_batch": lambda h, _: (h.session(SUNDAY, 1), h.services.promote_batch(SUNDAY)),
    "label_drift": lambda h, _: h.services.label_drift(SUNDAY, DriftLabel.MARKET, reason="a busy day"),
    "apply_lifecycle": lambda h, _: h.services.apply_lifecycle(),
    "undo_lifecycle": lambda h, _: h.services.undo_lifecycle(1),
    "restore_from_cold": lambda h, _: h.services.restore_from_cold(),
    "choose_prices": lambda h, _: h.services.choose_prices("textbook", reason="to compare"),
    "set_price": lambda h, _: h.services.set_price("storage.standard", "0.02", source="ours", as_of=SUNDAY, reason="cheaper"),
    "load_prices": lambda h, _: h.services.load_prices(BOOK, reason="ours"),
    "choose_currency": lambda h, _: h.services.choose_currency(Currency.NPR, reason="we pay in rupees"),
    "save_scenario": lambda h, _: h.services.save_scenario("on spot", {"spot": 80}),
    "drop_scenario": lambda h, _: h.services.drop_scenario("kept"),
    "ask_for": lambda h, _: h.services.ask_for("scrub"),
}
# The same commands with a key that was used, and other parameters.
OTHERS: dict[str, Callable[[House, dict[str, str]], Any]] = {
    "run": lambda h, key: h.services.run(TRIAL, WEDNESDAY + timedelta(days=2), **key),
    "rerun": lambda h, key: h.services.rerun(2, **key),
    "rerun_dates": lambda h, key: h.services.rerun_dates(TRIAL, [SUNDAY], **key),
    "backfill": lambda h, key: h.services.backfill(TRIAL, SUNDAY, SUNDAY + timedelta(days=8), **key),
    "set_threshold": lambda h, key: h.services.set_threshold("gate.block_above", 8, reason="thinner days", **key),
    "rerun_changed": lambda h, key: h.services.rerun_changed(TRIAL, [SUNDAY, MONDAY], **key),
    "edit_and_replay": lambda h, key: h.services.edit_and_replay(line(h, 5), "better", **key),
    "start_stream": lambda h, key: h.services.start_stream(WEDNESDAY, speed=10.0, **key),
    "silence_alerts": lambda h, key: h.services.silence_alerts(symbol="NICA", minutes=60, reason="a right issue", **key),
    "replay_letters": lambda h, key: h.services.replay_letters(chosen=LetterFilter(since=SUNDAY), **key),
}
WHEN = {"at", "updated_at", "labelled_at", "queued_at", "created_at"}


def everything(house: House) -> dict[str, list[Any]]:
    """Return all rows that a command may have changed, but for the clock and the book of who asked."""
    found = {}
    with house.runtime.database.reading() as connection:
        for name, table in Base.metadata.tables.items():
            told = [column for column in table.c if column.name not in WHEN]
            found[name] = sorted(str(row) for row in connection.execute(select(*told))) if name != "audit" else []
    return found


def runs_of(house: House) -> list[Any]:
    """Return which runs there are, of which dates; to which backfill they belong may change."""
    table = Base.metadata.tables["run"]
    with house.runtime.database.reading() as connection:
        return connection.execute(select(table.c.id, table.c.partition, table.c.status).order_by(table.c.id)).all()


def again(house: House, command: Callable[..., Any], key: dict[str, str]) -> None:
    """Give a command once more; that it says why there is nothing more to do is as good as doing nothing."""
    with suppress(Conflict):
        command(house, key)


def keyed(name: str) -> bool:
    return "request_key" in inspect.signature(getattr(Services, name)).parameters


def test_every_command_there_is_stands_here():
    public = {name for name, value in inspect.getmembers(Services, inspect.isfunction) if not name.startswith("_")}

    assert set(COMMANDS) == public - READS - DAMAGE - ENDED
    assert set(OTHERS) == {name for name in COMMANDS if keyed(name)}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_double_click_is_one_effect(ready, name):
    key = {"request_key": "k"} if keyed(name) else {}
    COMMANDS[name](ready, key)
    once = everything(ready)
    ready.clock.advance(timedelta(seconds=1))
    again(ready, COMMANDS[name], key)

    assert everything(ready) == once


@pytest.mark.parametrize("name", COMMANDS)
def test_two_tabs_are_one_effect(ready, name):
    COMMANDS[name](ready, {"request_key": "this tab"} if keyed(name) else {})
    once, runs = everything(ready), runs_of(ready)
    again(ready, COMMANDS[name], {"request_key": "that tab"} if keyed(name) else {})
    twice = everything(ready)

    assert runs_of(ready) == runs
    for table in (
        "dead_letter",
        "threshold_change",
        "gate_decision",
        "finding_label",
        "schedule",
        "breaker",
        "drift_label",
        "stream_state",
        "tick_alert",
        "alert_silence",
        "alert",
        "notification",
    ):
        assert twice[table] == once[table], table


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_given_again_after_a_kill_is_one_effect(ready, name):
    key = {"request_key": "k"} if keyed(name) else {}
    COMMANDS[name](ready, key)  # done, and the process dies before it can say so
    once = everything(ready)
    ready.runtime.database.close()
    ready.restart()
    again(ready, COMMANDS[name], key)

    assert everything(ready) == once


@pytest.mark.parametrize("name", OTHERS)
def test_the_same_key_with_other_parameters_is_an_error_and_does_nothing(ready, name):
    COMMANDS[name](ready, {"request_key": "k"})
    once = everything(ready)

    with pytest.raises(Conflict, match="was used before"):
        OTHERS[name](ready, {"request_key": "k"})
    assert everything(ready) == once


def test_dates_that_are_run_again_are_all_queued_or_none(ready):
    ready.services.pause_backfill(1)

    with pytest.raises(Conflict, match="which is paused"):
        ready.services.rerun_dates(TRIAL, [SUNDAY, WEDNESDAY])
    assert ready.read(lambda connection: [row for row in connection.execute(select(Base.metadata.tables["run"])) if row.rerun_of]) == []
