"""A session computed anew from its log lies beside what is served; people compare, promote, take back, drop."""

from datetime import date, timedelta

import numpy as np
import pytest

from engine.errors import Conflict, UnknownName, UsageError
from engine.jobs.worker import Worker
from engine.query import query
from engine.runtime import compose
from engine.settings import Settings, SourceName
from engine.stream import versions
from engine.stream.alert_diff import Side
from engine.stream.content import unpacked
from engine.stream.logs import log_of
from engine.stream.records import Records
from engine.stream.sources import floorsheet
from engine.stream.speed_layer import Session
from engine.stream.ticks import no_ticks
from engine.stream.version_diff import Part
from storage import moves, speed_layer, stream_versions
from storage.status import VersionSide, VersionState
from tests.stream.homes import LIMIT, Home, opened
from tests.stream.tapes import DAY, at, limits, symbols, tape


@pytest.fixture
def home(tmp_path):
    made = opened(tmp_path)
    made.services.set_threshold(LIMIT, 2, reason="many alerts")
    made.stream()
    yield made
    made.runtime.database.close()


def test_the_same_code_and_thresholds_come_to_the_same_and_nothing_served_is_touched(home):
    before = home.served()

    version = home.rebuild()

    found = home.compared(version)
    assert found.equal
    assert {part: counts.equal for part, counts in found.counts.items()} == {
        Part.BARS: len(before["bars"]),
        Part.DAYS: 4,
        Part.ALERTS: len(before["alerts"]),
        Part.LETTERS: 0,
    }
    assert len(before["alerts"]) > 20
    assert home.served() == before


def test_other_thresholds_say_which_alerts_would_be_others_and_why(home):
    version = home.rebuild(limit=4)

    found = home.compared(version)
    assert (found.counts[Part.BARS].different, found.counts[Part.DAYS].different) == (0, 0)
    assert found.counts[Part.ALERTS].only_a > 0
    gone = next(one for one in found.differences if one.side is Side.ONLY_A and "score" in one.said)
    assert gone.said.endswith("is not above 4, the limit of the version")


def test_a_promoted_version_is_what_every_reader_sees_and_can_be_taken_back(home):
    before = home.served()
    version = home.rebuild(limit=4)

    assert home.services.promote_version(version) == f"Version {version} is served."
    promoted = home.served()
    assert len(promoted["alerts"]) != len(before["alerts"])
    assert (promoted["bars"], promoted["days"]) == (before["bars"], before["days"])
    with home.runtime.database.reading() as connection:
        state = speed_layer.state(connection, DAY)
        assert (state["version"], state["alerts"]) == (version, len(promoted["alerts"]))
        assert versions.limits_of(connection, state)[LIMIT] == 4

    home.services.undo_version(version)
    assert home.served() == before
    home.services.promote_version(version)
    assert home.served() == promoted


def test_what_people_said_of_alerts_and_letters_in_both_stays_and_comes_back_with_what_was_taken_away(home):
    version = home.rebuild(limit=4)
    found = home.compared(version)
    keys = {key for (key,) in home.rows("SELECT key FROM tick_alert")}
    gone = next(iter(keys - shadow_keys(home, version)))
    kept = next(iter(keys & shadow_keys(home, version)))
    home.services.acknowledge_alert(gone)
    home.services.acknowledge_alert(kept)

    home.services.promote_version(version)
    said = dict(home.rows("SELECT key, acknowledged_by FROM tick_alert"))
    assert gone not in said
    assert said[kept] == "asha"
    assert found.counts[Part.ALERTS].only_b > 0
    fresh = next(iter(said.keys() - keys))
    home.services.acknowledge_alert(fresh)

    home.services.undo_version(version)
    said = dict(home.rows("SELECT key, acknowledged_by FROM tick_alert"))
    assert (said[gone], said[kept], fresh in said) == ("asha", "asha", False)
    home.services.promote_version(version)
    assert dict(home.rows("SELECT key, acknowledged_by FROM tick_alert"))[fresh] == "asha"


def shadow_keys(home: Home, version: int) -> set[str]:
    with home.runtime.database.reading() as connection:
        data = stream_versions.content(connection, version, DAY, VersionSide.SHADOW)
    return set(unpacked(data).alerts["key"])


LATE = tape(
    (10, "NABIL", 50_000),
    (100, "NABIL", 50_100),
    (20, "NABIL", 49_000),  # 80 seconds late
    (101, "NICA", 70_000),
    (50, "NICA", 69_000),  # 51 seconds late
    sequences=[1, 2, 3, 4, 5],
)


@pytest.fixture
def late(tmp_path, monkeypatch):
    """A session of which two ticks came late; a floorsheet alone has none, so that they come out of order here."""
    made = opened(tmp_path, LATE)
    monkeypatch.setattr(floorsheet, "replayed", lambda _: Records(LATE, symbols(), np.full(len(LATE), at(90_000))))
    made.stream()
    yield made
    made.runtime.database.close()


def letter(home: Home, line: int) -> int:
    return home.rows(f"SELECT id FROM dead_letter WHERE line = {line}")[0][0]  # noqa: S608, a number


LATENESS = "stream.lateness_s"


def rebuilt_with(home: Home, key: str, value: float) -> int:
    asked = home.services.rebuild_sessions(DAY, DAY, turned={key: value}, reason="to see")
    Worker(home.runtime).serve()
    return asked.version


def test_a_version_with_more_patience_has_late_ticks_in_it_and_their_letters_go_and_come_back(late):
    late.services.discard_letters([letter(late, 2)], reason="a typing error")
    before = late.served()
    version = rebuilt_with(late, LATENESS, 60)

    found = late.compared(version)
    assert [(one.part, one.side, one.said) for one in found.differences] == [
        (Part.BARS, Side.ONLY_B, "1 trade"),
        (
            Part.DAYS,
            Side.BOTH,
            "open 700.00 → 690.00; low 700.00 → 690.00; volume 100 → 200; turnover 70,000.00 → 139,000.00; trades 1 → 2",
        ),
        (Part.LETTERS, Side.ONLY_A, "late → in the session"),
    ]
    late.services.promote_version(version)
    assert [line for line, *_ in late.served()["letters"]] == [2]
    prices = query(late.runtime, "SELECT layer, symbol, low, volume FROM prices ORDER BY symbol").to_pylist()
    assert [(row["layer"], row["symbol"], float(row["low"]), row["volume"]) for row in prices] == [
        ("speed", "NABIL", 500.0, 200),
        ("speed", "NICA", 690.0, 200),
    ]
    with late.runtime.database.reading() as connection:
        state = speed_layer.state(connection, DAY)
    assert (state["accepted"], state["aside"], state["missing"], state["bars"]) == (4, {"late": 1}, 1, 4)

    late.services.undo_version(version)
    assert late.served() == before


def test_ticks_that_a_person_has_taken_in_stay_taken_in(late):
    late.services.reinject_letters([letter(late, 2)])
    late.services.reinject_letters([letter(late, 4)])
    before = late.served()

    assert late.compared(rebuilt_with(late, LATENESS, 5)).equal
    patient = rebuilt_with(late, LATENESS, 600)
    assert late.compared(patient).equal  # in time by itself: counted once
    late.services.promote_version(patient)
    after = late.served()
    assert [after[name] for name in ("bars", "days", "alerts", "letters")] == [
        before[name] for name in ("bars", "days", "alerts", "letters")
    ]
    assert late.compared(rebuilt_with(late, LATENESS, 5)).equal


def test_a_tick_that_is_taken_in_after_a_promotion_is_judged_by_what_is_served(late):
    late.services.promote_version(rebuilt_with(late, LATENESS, 60))

    late.services.reinject_letters([letter(late, 2)])

    assert late.rows("SELECT symbol, low_paisa, volume FROM tick_day ORDER BY symbol") == [("NABIL", 49_000, 300), ("NICA", 69_000, 200)]


def test_a_version_is_refused_once_something_was_taken_in_and_cannot_be_taken_back_then_either(late):
    version = rebuilt_with(late, LATENESS, 60)
    other = rebuilt_with(late, LATENESS, 30)
    late.services.promote_version(version)
    promoted = late.served()

    with pytest.raises(Conflict, match=f"version {version} is served of {DAY} since version {other} was built; take that back first"):
        late.services.promote_version(other)
    with pytest.raises(Conflict, match=f"version {version} is promoted; first take that back"):
        late.services.drop_version(version)
    assert late.served() == promoted
    late.services.undo_version(version)
    late.services.reinject_letters([letter(late, 4)])
    with pytest.raises(Conflict, match="what people have taken in of it, is another since version 1 was built; ask for a new version"):
        late.services.promote_version(version)
    late.services.promote_version(newest := rebuilt_with(late, LATENESS, 60))
    late.services.reinject_letters([letter(late, 2)])
    with pytest.raises(Conflict, match=f"is another since version {newest} was promoted"):
        late.services.undo_version(newest)


def test_every_command_is_one_effect_however_often_it_is_given(home):
    asked = home.services.rebuild_sessions(DAY, DAY, reason="to see", request_key="k")
    again = home.services.rebuild_sessions(DAY, DAY, reason="to see", request_key="k")
    assert (again.version, again.created) == (asked.version, False)
    assert home.services.rebuild_sessions(DAY, DAY, reason="to see", request_key="that tab").version == asked.version
    with pytest.raises(Conflict, match="was used before"):
        home.services.rebuild_sessions(DAY, DAY, reason="another", request_key="k")
    Worker(home.runtime).serve()

    for command in ("promote_version", "undo_version", "drop_version"):
        give = getattr(home.services, command)
        assert give(asked.version) == give(asked.version)
    audited = [command for (command,) in home.rows("SELECT command FROM audit WHERE command LIKE '%version' ORDER BY id")]
    assert audited == ["promote_version", "undo_version", "drop_version"]
    assert home.rows("SELECT count(*) FROM stream_version_content") == [(0,)]


def test_the_same_request_after_its_version_was_built_is_that_version(home):
    asked = home.services.rebuild_sessions(DAY, DAY, reason="to see", request_key="k")
    Worker(home.runtime).serve()

    again = home.services.rebuild_sessions(DAY, DAY, reason="to see", request_key="k")

    assert (again.version, again.created) == (asked.version, False)


def test_what_cannot_be_is_refused_in_words(home):
    version = home.services.rebuild_sessions(DAY, DAY, reason="to see").version

    for command, says in (
        (lambda: home.services.promote_version(version), "is still being built; wait for its end"),
        (lambda: home.services.undo_version(version), "is building, not promoted; there is nothing to take back"),
        (lambda: home.services.promote_version(99), "there is no version 99"),
        (lambda: home.services.rebuild_sessions(DAY, DAY, reason=" "), "say why"),
        (lambda: home.services.rebuild_sessions(DAY, DAY, turned={"gate.block_above": 3}, reason="x"), "is no threshold of the stream"),
        (lambda: home.services.rebuild_sessions(DAY, DAY, turned={"stream.window_s": 1}, reason="x"), "may be 10 to 3600"),
        (lambda: home.services.rebuild_sessions(DAY, DAY - timedelta(days=1), reason="x"), "ends .* before it begins"),
        (lambda: home.services.rebuild_sessions(DAY + timedelta(days=1), DAY + timedelta(days=9), reason="x"), "the stream has no session"),
    ):
        with pytest.raises(UsageError, match=says):
            command()
    home.services.drop_version(version)
    Worker(home.runtime).serve()
    assert home.state_of(version)["state"] == VersionState.DROPPED
    with pytest.raises(Conflict, match="was dropped; ask for a new one"):
        home.services.promote_version(version)
    with pytest.raises(UnknownName, match="holds nothing"):
        home.compared(version)


def test_a_session_that_is_not_over_is_left_out_of_a_range_and_refused_alone(home, monkeypatch):
    other = DAY - timedelta(days=1)
    home.services.start_stream(other)
    run = moves.claim_one(home.runtime.database, 2, runner_id="test", at=home.runtime.clock.now(), source="files", simulated=False)
    session = Session(other, log_of(home.runtime), limits(), {})
    with home.runtime.database.transaction() as connection:
        empty = Records(no_ticks(), symbols(), np.empty(0, np.int64))
        session.take(connection, run, empty, at=home.runtime.clock.now(), source="test", position="1")

    with pytest.raises(Conflict, match=f"{other}: the session is not over"):
        home.services.rebuild_sessions(other, other, reason="to see")
    asked = home.services.rebuild_sessions(other, DAY, reason="to see")
    assert (list(asked.sessions), list(asked.left_out)) == ([DAY], [other])


def test_a_log_that_cannot_be_read_fails_its_version_with_the_reason_and_touches_nothing(home):
    (file,) = (home.runtime.lake.folder / "ticks").rglob("*.parquet")
    file.write_bytes(b"torn")
    before = home.served()

    version = home.rebuild()

    assert home.state_of(version)["state"] == VersionState.FAILED
    ((failure,),) = home.rows("SELECT failure FROM stream_version_session")
    assert file.name in failure
    with pytest.raises(Conflict, match="is not whole"):
        home.services.promote_version(version)
    assert home.served() == before


def test_a_session_that_takes_its_process_with_it_is_given_up_and_the_others_are_built(home, monkeypatch):
    version = home.services.rebuild_sessions(DAY, DAY, reason="to see").version
    with home.runtime.database.transaction() as connection:
        for _ in range(3):
            stream_versions.begin(connection, version, DAY)

    Worker(home.runtime).serve()

    assert home.state_of(version)["state"] == VersionState.FAILED
    assert "its process died 3 times" in home.rows("SELECT failure FROM stream_version_session")[0][0]


def test_a_simulated_session_with_every_fault_is_equal_to_its_replay(tmp_path):
    home = Home(compose(Settings(home=tmp_path / "home", backup_minutes=0, tick_speed="max")))
    day = date(2025, 6, 2)
    home.stream(day)
    waiting = [row for (row,) in home.rows("SELECT id FROM dead_letter WHERE reason = 'late' ORDER BY id")]
    assert {reason for (reason,) in home.rows("SELECT DISTINCT reason FROM dead_letter")} >= {"late", "duplicate", "malformed"}

    assert home.compared(home.rebuild(day), day).equal
    home.services.reinject_letters(waiting[::2])
    assert home.compared(home.rebuild(day), day).equal
    home.runtime.database.close()


REAL = [
    "2024-04-09",
    "2024-05-02",
    *(pytest.param(day, marks=pytest.mark.long) for day in ("2024-04-30", "2024-07-14", "2024-07-17", "2024-09-22")),
]


@pytest.mark.parametrize("day", REAL)
def test_a_real_session_is_equal_to_its_replay_to_the_last_alert(tmp_path, real_data, day):
    settings = Settings(source=SourceName.FILES, home=tmp_path / "home", source_dir=real_data, backup_minutes=0)
    home, session = Home(compose(settings)), date.fromisoformat(day)
    home.services.set_threshold(LIMIT, 1, reason="many alerts")
    home.stream(session)

    found = home.compared(home.rebuild(session), session)

    assert found.equal
    assert found.counts[Part.ALERTS].equal > 30
    home.runtime.database.close()
