"""Which letters a run touched, which bytes they came in, and which dates the gate holds back."""

from datetime import UTC, date, datetime

from storage import dead_letters, lake, letter_list, moves, quality
from storage.dead_letters import Letter
from storage.held import BLOCKED, held
from storage.lake import Version
from storage.status import Decision, LetterKind, RunStatus, RunType, Verdict

PIPELINE, DAY, NOW = "daily_prices", date(2025, 6, 1), datetime(2025, 6, 1, 12, 15, tzinfo=UTC)
SHA = "a" * 64


def found(*lines: int) -> list[Letter]:
    said = (None, "price_band", None, "moved too far", b"raw", None, DAY, "quality")
    return [Letter(LetterKind.ROW, line, *said) for line in lines]


def see(database, run_id: int, *lines: int, run_type=RunType.MANUAL) -> None:
    run = {"id": run_id, "pipeline": PIPELINE, "partition": DAY, "run_type": run_type}
    with database.transaction() as connection:
        dead_letters.record(connection, run, SHA, "file.csv", found(*lines), at=NOW, blocked=False)


def lines_of_run(database, run_id: int) -> list[int]:
    with database.reading() as connection:
        ids = letter_list.of_run(connection, PIPELINE, DAY, run_id, most=10)
        return [row["line"] for row in dead_letters.by_ids(connection, ids)]


def test_a_run_touches_the_letters_that_it_found_saw_again_and_let_through(database):
    see(database, 1, 5, 6)
    see(database, 2, 6, 7, run_type=RunType.REPLAY)

    assert lines_of_run(database, 1) == [5, 6]
    assert lines_of_run(database, 2) == [5, 6, 7]
    assert lines_of_run(database, 3) == []


def test_the_bytes_of_a_letter_are_found_when_the_file_has_changed_since(database):
    old, new = (Version(f"bronze/{sha}.csv", "bronze", DAY, sha, 10, None, None) for sha in (SHA, "b" * 64))
    with database.transaction() as connection:
        for version in (old, new):
            lake.publish(connection, version, run_id=1, at=NOW, simulated=False)

    with database.reading() as connection:
        assert letter_list.bronze_of(connection, DAY, SHA) == old
        assert letter_list.bronze_of(connection, DAY, "c" * 64) is None


def blocked_run(database, day: date = DAY, *, error_type: str = BLOCKED) -> int:
    with database.transaction() as connection:
        run_id = moves.add(connection, at=NOW, pipeline=PIPELINE, partition=day, run_type=RunType.MANUAL, requested_by="ram")
        moves.move(connection, run_id, RunStatus.RUNNING, at=NOW, name="run_claimed", started_at=NOW, runner_id="r", fence=1)
        told = {"verdict": Verdict.FAILED, "error_type": error_type, "error_message": "held", "reason": "held", "source_sha256": SHA}
        moves.finish(connection, run_id, RunStatus.FAILED, at=NOW, day=day, **told)
    return run_id


def held_dates(database):
    with database.reading() as connection:
        return [(row["day"], row["run_id"], row["decision"]) for row in held(connection, PIPELINE)]


def test_only_a_date_whose_newest_run_was_blocked_is_held(database):
    first, second = blocked_run(database), blocked_run(database, date(2025, 6, 2))
    blocked_run(database, date(2025, 6, 3), error_type="UnreadableFile")

    assert held_dates(database) == [(date(2025, 6, 2), second, None), (DAY, first, None)]

    blocked_run(database, error_type="NoFile")

    assert held_dates(database) == [(date(2025, 6, 2), second, None)]


def test_a_decision_about_an_earlier_run_says_nothing_of_this_one(database):
    first = blocked_run(database)
    with database.transaction() as connection:
        said = {"pipeline": PIPELINE, "partition": DAY, "source_sha256": SHA, "run_id": first, "decided_by": "ram", "decided_at": NOW}
        quality.decide(connection, decision=Decision.REJECT, reason="a test file", **said)

    assert held_dates(database) == [(DAY, first, "reject")]

    second = blocked_run(database)

    assert held_dates(database) == [(DAY, second, None)]
