"""The tick log is kept like everything else: scrubbed, saved, taken back, and dropped only when nobody needs it any more."""

import os
from datetime import timedelta

import numpy as np
import pytest

from engine.backup.inspection import inspect_backup, inspect_home
from engine.backup.restore import restore
from engine.backup.scrub import scrub
from engine.backup.snapshot import take
from engine.errors import BackupError, SegmentDamaged, TicksGone, UsageError
from engine.stream.logs import log_of
from engine.stream.records import Records
from engine.stream.retention import UNOFFICIAL, WAITING
from engine.stream.ticks import Symbols
from storage import damage, dead_letters, lake, moves
from storage.dead_letters import Letter
from storage.status import LetterKind, RunType
from tests.backup.damage import flip
from tests.pipelines.house import SUNDAY
from tests.stream.tapes import random_tape

MONDAY = SUNDAY + timedelta(days=1)
UNSERVED = SUNDAY - timedelta(days=30)  # no daily file of it ever came


def logged(week, day, *, compact=True):
    """Put a closed session into the log."""
    log, ticks = log_of(week.runtime), random_tape(3, 50)
    records = Records(ticks, Symbols(["NABIL", "NICA", "HIDCL", "GBILD84/85"]), np.full(50, ticks.time.max()))
    with week.runtime.database.transaction() as connection:
        log.append(connection, day, records, source="test", position="1")
        log.close(connection, day)
    if compact:
        log.compact(day)
    return log


def file_of(week, day):
    return week.settings.lake / log_of(week.runtime).state(day).path


def read_again(week):
    return scrub(week.runtime, resume=None, tell=lambda _figures: None, rest=lambda _seconds: None)


def test_a_flipped_bit_in_a_compacted_log_is_found_and_a_backup_brings_it_back(week):
    log = logged(week, SUNDAY)
    before = log.read(SUNDAY, 0, 100).records.ticks.contract.tolist()
    saved = take(week.runtime, week.settings.backups)
    path = log.state(SUNDAY).path
    flip(file_of(week, SUNDAY))

    assert read_again(week).findings == 1
    assert [row["path"] for row in week.read(damage.known)] == [path]
    assert [fault.path for fault in inspect_home(week.runtime.database, week.settings.lake).faults] == [path]
    assert inspect_backup(saved.folder).faults == ()
    with pytest.raises(SegmentDamaged, match="Take it back from a backup on the Safety page"):
        log_of(week.runtime).read(SUNDAY, 0, 100)
    with pytest.raises(UsageError, match="take it back from a backup"):
        week.services.mend(path)

    said = week.services.take_back(path)

    assert "is whole again" in said
    assert log_of(week.runtime).read(SUNDAY, 0, 100).records.ticks.contract.tolist() == before
    assert week.read(damage.known) == []


def test_without_a_backup_a_damaged_log_is_said_to_be_lost(week):
    path = logged(week, SUNDAY).state(SUNDAY).path
    flip(file_of(week, SUNDAY))
    read_again(week)

    with pytest.raises(BackupError, match="Nothing else has it"):
        week.services.take_back(path)


def test_a_restored_home_has_the_log_of_every_session_compacted_or_not(week, tmp_path):
    logged(week, SUNDAY)
    logged(week, MONDAY, compact=False)
    saved = take(week.runtime, week.settings.backups)

    restore(saved.folder, tmp_path / "again")

    week.runtime.database.close()
    week.settings = week.settings.model_copy(update={"home": tmp_path / "again"})
    week.restart()
    assert [len(log_of(week.runtime).read(day, 0, 100).records) for day in (SUNDAY, MONDAY)] == [50, 50]


def test_a_file_whose_transaction_failed_is_swept_and_the_log_is_compacted_anew(week, monkeypatch):
    log = logged(week, SUNDAY, compact=False)
    monkeypatch.setattr(lake, "publish", lambda *_arguments, **_options: (_ for _ in ()).throw(RuntimeError("the process ends here")))
    with pytest.raises(RuntimeError):
        log.compact(SUNDAY)
    monkeypatch.undo()
    (orphan,) = (week.settings.lake / "ticks").rglob("*.parquet")
    then = (week.clock.now() - timedelta(days=2)).timestamp()
    os.utime(orphan, (then, then))

    assert read_again(week).removed == 1
    assert not orphan.exists()
    assert log.compact(SUNDAY).path is not None
    assert len(log_of(week.runtime).read(SUNDAY, 0, 100).records) == 50


def test_the_log_is_kept_for_ever_unless_a_person_says_otherwise_and_what_was_put_off_is_compacted(week, job):
    log = logged(week, SUNDAY, compact=False)

    ended = job("tick_log")

    assert (ended["outcome"], ended["message"]) == (
        "succeeded",
        "1 session brought into a file; the log is kept for ever (tick_log.keep_days is 0)",
    )
    assert log.state(SUNDAY).path is not None


def test_an_old_log_is_dropped_but_for_one_that_the_stream_still_serves_and_one_whose_letters_wait(week, job):
    for day in (UNSERVED, SUNDAY, MONDAY):
        logged(week, day)
    waiting(week, MONDAY)
    gone = file_of(week, SUNDAY)
    week.services.set_threshold("tick_log.keep_days", 365, reason="the disk is small")

    ended = job("tick_log")

    assert ended["figures"]["dropped"] == [str(SUNDAY)]
    assert ended["figures"]["kept"] == {str(UNSERVED): UNOFFICIAL, str(MONDAY): WAITING}
    assert "1 session older than 365 days dropped" in ended["message"]
    assert f"2 sessions as old stay, {UNSERVED} first: {UNOFFICIAL}" in ended["message"]
    assert not gone.exists()
    log = log_of(week.runtime)
    with pytest.raises(TicksGone, match="were dropped"):
        log.read(SUNDAY, 0, 100)
    assert [len(log.read(day, 0, 100).records) for day in (UNSERVED, MONDAY)] == [50, 50]
    assert job("tick_log")["figures"]["dropped"] == []
    assert read_again(week).findings == 0


def test_the_job_is_due_in_the_night_only_where_the_stream_has_received_something(week):
    from engine.jobs.timetable import due  # noqa: PLC0415

    week.clock.advance(timedelta(days=2))
    assert "tick_log" not in week.read(due, week.settings, now=week.clock.now())
    logged(week, SUNDAY)
    assert "tick_log" in week.read(due, week.settings, now=week.clock.now())


def waiting(week, day) -> None:
    """Leave a letter of the stream that waits."""
    at = week.clock.now()
    with week.runtime.database.transaction() as connection:
        run = {"id": moves.add(connection, at=at, pipeline=moves.STREAM, partition=day, run_type=RunType.MANUAL, requested_by="asha")}
        letter = Letter(LetterKind.ROW, 3, "NABIL", "late", None, "late", b"{}", None, day, "intake")
        dead_letters.add(connection, run | {"pipeline": moves.STREAM, "partition": day}, "0" * 64, f"ticks {day}", [letter], at=at)
