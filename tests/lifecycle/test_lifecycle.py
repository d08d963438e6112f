"""Closed months are packed and unpacked, and whatever is read stays what it was."""

import errno
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import text, update

from engine.backup.inspection import inspect_home
from engine.errors import Conflict, UnknownName, UsageError
from engine.lifecycle import compaction, tidying
from engine.lifecycle.planning import plan
from engine.lifecycle.policy import Policy, asked_for
from engine.lifecycle.tidying import tidy
from engine.query import query
from engine.rebuild import rebuild_gold
from storage import durable, lake, lifecycle, packs
from storage.lake import Content, LakeFileLost, files, table_content
from storage.status import StepKind, StepState
from tests.backup.damage import flip
from tests.lifecycle.conftest import JULY, JUNE, SESSIONS, everything, on_disk
from tests.pipelines.house import DAILY, daily_bytes, numbers

PRICES = "SELECT session, symbol, close, turnover FROM silver_prices ORDER BY ALL"


def apply(house, done, **ages):
    return done(house.services.apply_lifecycle(**ages))


def another(house, day) -> None:
    """Let the exchange publish another file of a day."""
    house.put(day, daily_bytes(numbers(SESSIONS.index(day), range(1, 120))))


def test_a_plan_says_what_would_be_done_and_does_nothing(house, done):
    before = on_disk(house)
    found = plan(house.runtime, asked_for(house.runtime)).figures()
    unchanged = on_disk(house) == before
    step = apply(house, done).step

    assert unchanged
    assert found["files_before"] == len(before)
    assert found["files_after"] == len(on_disk(house))
    assert found["bytes_before"] == sum(map(len, before.values()))
    assert found["bytes_after_estimated"] == pytest.approx(sum(map(len, on_disk(house).values())), rel=0.1)
    assert step["figures"]["bytes_after"] < 0.8 * step["figures"]["bytes_before"]


def test_what_is_packed_is_read_as_before_and_lies_in_a_file_a_month(house, done):
    before, prices, disk = everything(house), query(house.runtime, PRICES), on_disk(house)
    step = apply(house, done).step

    assert step["state"] == StepState.DONE
    assert everything(house) == before
    assert query(house.runtime, PRICES).equals(prices)
    assert len(on_disk(house)) == 12  # six datasets, and of the only state in July its own file
    assert len(disk) > 50
    assert inspect_home(house.runtime.database, house.settings.lake).faults == ()


def test_a_second_application_does_nothing(house, done):
    apply(house, done)
    before = on_disk(house)
    again = apply(house, done).step

    assert on_disk(house) == before
    assert (again["state"], again["message"]) == (StepState.DONE, "nothing was to be packed")


def test_undo_gives_every_file_back_byte_for_byte(house, done):
    before, catalog = on_disk(house), house.catalog()
    step = apply(house, done).step
    undone = done(house.services.undo_lifecycle(step["id"])).step

    assert on_disk(house) == before
    assert house.catalog() == catalog
    assert undone["message"].endswith("byte for byte")
    assert house.read(packs.sums)["packs"] == 0


def test_only_closed_months_of_that_age_are_packed(house, done):
    house.clock.at = house.clock.at.replace(year=2024, month=7, day=20)
    apply(house, done)
    june = {row["path"][:10] for row in house.read(packs.listed)}
    house.clock.at = house.clock.at.replace(year=2024, month=8, day=1)

    assert {row["month"] for row in house.read(packs.listed)} == {JUNE}
    assert plan(house.runtime, Policy(compact_after=2)).is_empty
    assert {month.month for month in plan(house.runtime, Policy(compact_after=1)).months} == {JULY}
    assert june


def test_a_month_that_was_run_again_is_packed_anew_with_the_version_before_kept(house, done):
    apply(house, done)
    another(house, SESSIONS[1])
    house.services.rerun_dates(DAILY, [SESSIONS[1]])
    house.work()
    before, prices = everything(house), query(house.runtime, PRICES)
    again = plan(house.runtime, asked_for(house.runtime)).figures()
    step = apply(house, done).step

    assert prices.num_rows == 120 * 10 - 1
    assert again["superseded_versions_kept"] > 4  # of that date, and some gold behind it
    assert step["state"] == StepState.DONE
    assert everything(house) == before
    assert query(house.runtime, PRICES).equals(prices)
    assert rebuild_gold(house.runtime, publish=False)["differing_sessions"] == 0
    assert plan(house.runtime, asked_for(house.runtime)).is_empty


def test_a_query_reads_only_current_rows_of_a_pack_that_holds_older_ones(house, done):
    apply(house, done)
    another(house, SESSIONS[1])
    house.services.rerun_dates(DAILY, [SESSIONS[1]])
    house.work()

    rows = query(house.runtime, "SELECT session, count(*) AS n FROM silver_prices GROUP BY ALL ORDER BY ALL").to_pylist()
    assert [(row["session"], row["n"]) for row in rows] == [(day, 119 if day == SESSIONS[1] else 120) for day in SESSIONS]


def test_undo_of_a_month_that_was_packed_anew_is_of_the_later_application(house, done):
    first = apply(house, done).step
    another(house, SESSIONS[1])
    house.services.rerun_dates(DAILY, [SESSIONS[1]])
    house.work()
    before = everything(house)
    second = apply(house, done).step
    done(house.services.undo_lifecycle(first["id"]))
    between = everything(house)
    done(house.services.undo_lifecycle(second["id"]))

    assert between == before
    assert everything(house) == before
    assert house.read(packs.sums)["packs"] == 0


def test_the_next_session_is_what_it_would_have_been(house, done):
    apply(house, done)
    day = SESSIONS[-1] + timedelta(days=3)
    house.session(day, 10)
    house.restart()
    packed = house.run(day)
    undo = [row["id"] for row in house.read(lambda connection: connection.execute(text("SELECT id FROM lifecycle_step")).mappings().all())]
    gold = house.table("gold", day)
    done(house.services.undo_lifecycle(undo[0]))
    house.restart()
    house.rerun(packed["id"])

    assert packed["status"] == "succeeded"
    assert house.table("gold", day).equals(gold)
    assert rebuild_gold(house.runtime, publish=False)["differing_sessions"] == 0


def test_a_date_that_is_published_while_its_month_is_packed_is_left_for_the_next_time(house, done, monkeypatch):
    own, met = compaction.packed_anew, []

    def meanwhile(runtime, dataset, month):
        made = own(runtime, dataset, month)
        if dataset == "silver" and not met:
            met.append(month)
            another(house, SESSIONS[1])
            house.services.rerun_dates(DAILY, [SESSIONS[1]])
            house.work()
        return made

    monkeypatch.setattr(compaction, "packed_anew", meanwhile)
    step = apply(house, done).step

    assert step["state"] == StepState.FAILED
    assert step["figures"]["put_off"] == {"silver of 2024-06": "one of its dates was published anew meanwhile"}
    assert query(house.runtime, PRICES).num_rows == 120 * 10 - 1
    assert inspect_home(house.runtime.database, house.settings.lake).faults == ()
    assert apply(house, done).step["state"] == StepState.DONE


def test_a_month_with_a_damaged_file_stays_as_it_is_and_the_others_are_packed(house, done):
    flip(house.settings.lake / house.read(lake.current, "silver", SESSIONS[0]).path)
    step = apply(house, done).step

    assert step["state"] == StepState.FAILED
    assert list(step["figures"]["put_off"]) == ["silver of 2024-06"]
    assert {row["dataset"] for row in house.read(packs.listed) if row["month"] == JUNE} >= {"bronze", "gold", "parsed"}
    assert house.runtime.lake.read_table(house.read(lake.current, "silver", SESSIONS[1]).path).num_rows == 120


def test_a_full_disk_stops_it_and_costs_nothing(house, done, monkeypatch):
    own, left = durable.put, [3]

    def full(folder, name, data):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        own(folder, name, data)

    before = everything(house)
    monkeypatch.setattr(lake, "put", full)
    step = apply(house, done).step
    monkeypatch.setattr(lake, "put", own)

    assert step["state"] == StepState.FAILED
    assert "no room for" in step["message"]
    assert (step["figures"]["packs"], len(step["figures"]["put_off"])) == (3, 1)
    assert everything(house) == before
    assert apply(house, done).step["state"] == StepState.DONE


def test_a_full_disk_leaves_an_undo_as_far_as_it_came(house, done, monkeypatch):
    before = on_disk(house)
    step = apply(house, done).step
    own, left = durable.put, [20]

    def full(folder, name, data):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        own(folder, name, data)

    monkeypatch.setattr(lake, "put", full)
    failed = done(house.services.undo_lifecycle(step["id"])).step
    monkeypatch.setattr(lake, "put", own)
    contents = everything(house)
    again = done(house.services.undo_lifecycle(step["id"])).step

    assert failed["state"] == StepState.FAILED
    assert len(contents) == len(before)
    assert again["state"] == StepState.DONE
    assert on_disk(house) == before


def test_files_are_not_removed_while_somebody_reads_by_their_names(house, done, monkeypatch):
    monkeypatch.setattr(tidying, "PATIENCE", 0.0)
    before = on_disk(house)
    with house.runtime.lake.kept():
        step = apply(house, done).step
        assert on_disk(house).items() >= before.items()

    assert "removed the next time" in step["message"]
    assert tidy(house.runtime).files == step["figures"]["files_before"]


def test_readers_notice_nothing_while_months_are_packed_and_unpacked(house, done):
    before, prices, looks = everything(house), query(house.runtime, PRICES), 0

    def back_and_forth() -> None:
        step = apply(house, done).step
        done(house.services.undo_lifecycle(step["id"]))

    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(back_and_forth)
        while not work.done() or not looks:
            assert everything(house) == before
            assert query(house.runtime, PRICES).equals(prices)
            looks += 1
        work.result()


def test_what_a_killed_application_left_is_taken_away(house, done):
    apply(house, done)
    disk = on_disk(house)
    orphan = house.runtime.lake.write_pack("silver", JUNE, b"left", suffix=".parquet")[0]
    version = house.read(lake.current, "silver", SESSIONS[0])
    house.runtime.lake.write_again(version.path, house.runtime.lake.read_bytes(version))

    tidied = tidy(house.runtime)
    assert tidied.files == 2
    assert orphan not in on_disk(house)
    assert on_disk(house) == disk


def test_a_version_stays_whose_pack_is_not_in_its_place(house, done):
    apply(house, done)
    version = house.read(lake.current, "silver", SESSIONS[0])
    house.runtime.lake.write_again(version.path, house.runtime.lake.read_bytes(version))
    (house.settings.lake / house.read(packs.place_of, version.path).pack).unlink()

    assert tidy(house.runtime).files == 0
    assert house.runtime.lake.read_table(version.path).num_rows == 120


def test_a_table_that_another_arrow_has_written_comes_back_with_the_same_rows(house, done):
    version = house.read(lake.current, "silver", SESSIONS[0])
    table = house.runtime.lake.read_table(version.path)
    other = table_content(table.replace_schema_metadata({"written_by": "another"}))
    foreign = Content(other.data, other.sha256, ".parquet", other.rows)
    renamed = house.runtime.lake.write("silver", SESSIONS[0], foreign)
    with house.runtime.database.transaction() as connection:
        lake.publish(connection, renamed, run_id=None, at=house.clock.now(), simulated=False)
    before = everything(house)

    step = apply(house, done).step
    packed = everything(house)
    undone = done(house.services.undo_lifecycle(step["id"])).step
    assert packed == before
    assert everything(house) == before
    assert undone["state"] == StepState.DONE


def test_rows_whose_bytes_cannot_be_made_again_are_a_pack_by_themselves_after_an_undo(house, done, monkeypatch):
    step = apply(house, done).step
    before = everything(house)
    version = house.read(lake.current, "gold", SESSIONS[0])
    with house.runtime.database.transaction() as connection:  # as a file of an older version of Arrow: other bytes, the same rows
        connection.execute(update(files).where(files.c.path == version.path).values(sha256="0" * 64))
    undone = done(house.services.undo_lifecycle(step["id"])).step

    place = house.read(packs.place_of, version.path)
    assert undone["figures"]["same_rows"] == 1
    assert "1 of them with the same rows in other bytes" in undone["message"]
    assert place is not None
    assert everything(house) == before
    assert inspect_home(house.runtime.database, house.settings.lake).faults == ()
    assert apply(house, done).step["state"] == StepState.DONE
    assert everything(house) == before


def test_a_pack_that_was_torn_is_not_read(house, done):
    apply(house, done)
    version = house.read(lake.current, "silver", SESSIONS[0])
    flip(house.settings.lake / house.read(packs.place_of, version.path).pack)

    with pytest.raises(LakeFileLost, match="is not what was published"):
        house.runtime.lake.read_table(version.path)
    assert not house.runtime.lake.holds(version)


def test_what_cannot_be_undone_is_refused(house, done):
    step = apply(house, done).step
    with pytest.raises(Conflict, match="nothing lies in the cold"):
        house.services.restore_from_cold()
    with house.runtime.database.transaction() as connection:
        restored = lifecycle.ask(connection, StepKind.RESTORE, {"dataset": None, "month": None}, by="test", at=house.clock.now())
    with pytest.raises(UnknownName, match="no step 99"):
        house.services.undo_lifecycle(99)
    with pytest.raises(UsageError, match="no application"):
        house.services.undo_lifecycle(restored)
    done(house.services.undo_lifecycle(step["id"]))

    with pytest.raises(Conflict, match="undone already"):
        house.services.undo_lifecycle(step["id"])


def test_a_doubled_click_is_one_step(house, done):
    first, second = house.services.apply_lifecycle(), house.services.apply_lifecycle()

    assert (first.created, second.created) == (True, False)
    assert (second.step_id, second.job_run_id) == (first.step_id, first.job_run_id)
    with pytest.raises(Conflict, match="not done yet"):
        house.services.undo_lifecycle(first.step_id)


def test_each_night_only_what_the_thresholds_say(house):
    from engine.jobs import JOBS  # noqa: PLC0415
    from engine.jobs.following import followed  # noqa: PLC0415
    from engine.jobs.timetable import due_at  # noqa: PLC0415

    def due():
        return house.read(due_at, JOBS["lifecycle"], house.settings, now=house.clock.now())

    before = due()
    nothing = followed(house.runtime, house.services.ask_for("lifecycle"))
    house.services.set_threshold("lifecycle.compact_after_months", 2, reason="it is time")
    after = due()
    job = followed(house.runtime, house.services.ask_for("lifecycle"))

    assert before is None
    assert nothing["outcome"] == "skipped"
    assert after is not None
    assert job["outcome"] == "succeeded"
    assert "packs" in job["message"]
    assert house.read(
        lambda connection: connection.execute(text("SELECT actor FROM audit WHERE command = 'lifecycle_apply'")).scalars().all()
    ) == ["clock"]


def test_a_month_of_two_schemas_is_two_packs(house, done):
    table = house.runtime.lake.read_table(house.read(lake.current, "silver", SESSIONS[1]).path)
    day = date(2024, 6, 29)
    for at in (day, date(2024, 6, 28)):
        version = house.runtime.lake.write("silver", at, table_content(table.select(["session", "symbol", "close"])))
        with house.runtime.database.transaction() as connection:
            lake.publish(connection, version, run_id=None, at=house.clock.now(), simulated=False)
    before = everything(house)
    apply(house, done)

    assert everything(house) == before
    assert len([row for row in house.read(packs.listed) if (row["dataset"], row["month"]) == ("silver", JUNE)]) == 2
    assert plan(house.runtime, asked_for(house.runtime)).is_empty
