"""What is committed with each batch, what a restart makes of it, and what people do with it afterwards."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from engine.clock import FakeClock
from engine.errors import Conflict, UnknownName, UsageError
from engine.query import query
from engine.stream import following
from engine.stream.bars import bars_of
from engine.stream.records import Records, Unread
from engine.stream.ticks import SECOND, joined
from engine.stream.trailing import grouped
from storage import speed_layer
from tests.stream.session import MIXED, Stream, letter_id
from tests.stream.tapes import DAY, NAMES, at, random_tape, symbols, tape

MINUTE = 60 * SECOND


def test_every_record_is_in_the_log_and_what_was_set_aside_is_a_letter_with_its_offset_and_reason(stream):
    stream.take(MIXED, (Unread(3, b"{not json", "it is no JSON"),))

    letters = stream.rows("SELECT line, reason, symbol, message FROM dead_letter ORDER BY line")
    assert [letter[:3] for letter in letters] == [(2, "late", "NABIL"), (3, "malformed", None), (4, "duplicate", "NABIL")]
    assert letters[1][3] == "offset 3: it is no JSON"
    assert stream.rows("SELECT raw FROM dead_letter WHERE line = 3") == [(b"{not json",)]
    state = stream.state
    assert (state["records"], state["accepted"]) == (6, 3)
    assert state["aside"] == {"late": 1, "malformed": 1, "duplicate": 1}
    assert state["missing"] == 1  # trade 2, which came late


def test_the_days_so_far_are_served_until_the_daily_file_comes_and_each_row_says_so(stream):
    stream.take(tape((1, "NABIL", 50_000), (10, "NABIL", 51_000), (11, "NABIL", 50_500), (30, "NICA", 70_000)))
    stream.end()

    served = query(
        stream.runtime, "SELECT layer, symbol, open, high, low, close, volume, trades, previous_close FROM prices ORDER BY symbol"
    )

    rows = [tuple(row.values()) for row in served.to_pylist()]
    assert [(row[0], row[1], *map(float, row[2:6]), *row[6:8]) for row in rows] == [
        ("speed", "NABIL", 500.0, 510.0, 500.0, 505.0, 300, 3),
        ("speed", "NICA", 700.0, 700.0, 700.0, 700.0, 100, 1),
    ]
    assert float(rows[0][8]) == 500.0


@pytest.mark.parametrize("cut", [1, 250, 999])
def test_a_restart_goes_on_as_if_nothing_had_happened(stream, cut, tmp_path):
    ticks = random_tape(3, 1000, seconds=1800)
    stream.take(ticks.take(slice(cut)))
    stream.session = stream.fresh()
    stream.take(ticks.take(slice(cut, None)))
    stream.end()

    expected = bars_of(grouped(ticks), MINUTE, 10)
    got = stream.rows(
        "SELECT symbol, start_us, open_paisa, high_paisa, low_paisa, close_paisa, volume, turnover_paisa, trades FROM tick_bar"
    )
    names = expected.matrix.T.tolist()
    assert sorted(got) == sorted((NAMES[row[0]], row[1] * MINUTE, *(value or None for value in row[2:6]), *row[6:]) for row in names)
    assert stream.state["bars"] == len(got)


def test_days_are_written_four_times_a_second_and_the_rest_when_they_are_settled(tmp_path):
    stream = Stream(tmp_path, clock=FakeClock())
    days = "SELECT symbol, volume FROM tick_day ORDER BY symbol"

    stream.take(tape((1, "NABIL", 50_000), (10, "NICA", 70_000)))
    first = stream.rows(days), stream.session.settled
    stream.take(tape((70, "NABIL", 50_000), (80, "NICA", 70_000), sequences=[3, 4]))
    second = stream.rows(days), stream.session.settled
    stream.runtime.clock.advance(timedelta(milliseconds=250))
    stream.take(tape((90, "NICA", 70_000), sequences=[5]))

    assert first == ([("NABIL", 100)], True)  # the other is held: it may still be late
    assert second == (first[0], False)
    assert (stream.rows(days), stream.session.settled) == ([("NABIL", 200), ("NICA", 200)], True)
    stream.runtime.database.close()


def test_a_restart_writes_the_days_that_a_killed_process_had_not(tmp_path):
    stream = Stream(tmp_path, clock=FakeClock())
    stream.take(tape((1, "NABIL", 50_000)))
    stream.take(tape((10, "NABIL", 50_000), (20, "NICA", 70_000), sequences=[2, 3]))

    stream.session = stream.fresh()
    with stream.runtime.database.transaction() as connection:
        stream.session.settle(connection)

    assert stream.rows("SELECT symbol, volume FROM tick_day ORDER BY symbol") == [("NABIL", 200)]
    stream.runtime.database.close()


def test_a_transaction_that_fails_leaves_nothing_of_its_batch(stream):
    stream.take(tape((1, "NABIL", 50_000)))
    before = stream.rows("SELECT * FROM tick_segment"), stream.rows("SELECT * FROM tick_day"), stream.state

    def broken_off() -> None:
        with stream.runtime.database.transaction() as connection:
            records = Records(tape((70, "NABIL", 50_000), sequences=[2]), symbols(), np.array([at(90_000)]))
            stream.session.take(connection, stream.run, records, at=stream.runtime.clock.now(), source="test", position="2")
            raise RuntimeError("the process ends here")

    with pytest.raises(RuntimeError):
        broken_off()

    assert (stream.rows("SELECT * FROM tick_segment"), stream.rows("SELECT * FROM tick_day"), stream.state) == before
    stream.session = stream.fresh()
    stream.take(tape((70, "NABIL", 50_000), sequences=[2]))
    assert stream.state["records"] == 2


def test_a_late_tick_that_is_taken_in_makes_a_new_revision_of_its_bar_and_leaves_the_first(stream):
    stream.take(MIXED)
    stream.end()

    said = stream.services.reinject_letters([letter_id(stream, 2)])

    assert said == f"Ticks of {DAY} taken in: 1; bars with a new revision: 1."
    state = stream.state
    assert (state["accepted"], state["missing"], state["aside"]) == (4, 0, {"malformed": 1, "duplicate": 1})
    bars = stream.rows("SELECT revision, low_paisa, volume, trades FROM tick_bar WHERE symbol = 'NABIL' ORDER BY start_us, revision")
    assert bars == [(0, 50_000, 100, 1), (1, 49_000, 200, 2), (0, 50_100, 100, 1)]
    assert stream.rows("SELECT low_paisa, volume FROM tick_day WHERE symbol = 'NABIL'") == [(49_000, 300)]
    assert stream.rows("SELECT state, decided_by FROM dead_letter WHERE line = 2") == [("replayed", "asha")]
    with stream.runtime.database.reading() as connection:
        shown = speed_layer.bars_of(connection, DAY, "NABIL")
    assert [bar["low_paisa"] for bar in shown] == [49_000, 50_100]


def test_a_second_click_takes_nothing_in_again(stream):
    stream.take(MIXED)
    stream.end()
    stream.services.reinject_letters([letter_id(stream, 2)])
    before = stream.rows("SELECT * FROM tick_bar"), stream.rows("SELECT * FROM tick_day")

    with pytest.raises(Conflict):
        stream.services.reinject_letters([letter_id(stream, 2)])

    assert (stream.rows("SELECT * FROM tick_bar"), stream.rows("SELECT * FROM tick_day")) == before


def test_a_second_correction_keeps_the_first(stream):
    late = tape((100, "NABIL", 50_000), (1, "NABIL", 49_000), (2, "NABIL", 48_000), sequences=[9, 1, 2])
    stream.take(late)
    stream.end()
    stream.services.reinject_letters([letter_id(stream, 1)])

    stream.services.reinject_letters([letter_id(stream, 2)])

    assert stream.rows("SELECT open_paisa, low_paisa, volume FROM tick_day") == [(49_000, 48_000, 300)]


def test_what_is_no_trade_of_the_session_cannot_be_taken_in(stream):
    stream.take(MIXED)
    stream.end()

    with pytest.raises(Conflict, match="only open letters of the stream"):
        stream.services.reinject_letters([letter_id(stream, 3)])


def test_nothing_is_taken_in_while_the_stream_works_on_the_session(stream):
    stream.take(MIXED)

    with pytest.raises(Conflict, match="not done with"):
        stream.services.reinject_letters([letter_id(stream, 2)])


def test_a_copy_whose_trade_is_in_the_session_is_not_taken_in_a_second_time(stream):
    stream.take(joined([MIXED, tape((20_000, "NABIL", 50_100), sequences=[3])]))  # long after the closing, and a trade that is there
    stream.end()
    before = stream.rows("SELECT * FROM tick_day")

    with pytest.raises(Conflict, match="in the session already"):
        stream.services.reinject_letters([letter_id(stream, 6)])
    assert stream.rows("SELECT * FROM tick_day") == before

    said = stream.services.reinject_letters([letter_id(stream, 2), letter_id(stream, 6)])
    assert said.endswith("taken in: 1; bars with a new revision: 1; letters left as they were, whose trades are in the session already: 1.")
    assert stream.rows("SELECT trades FROM tick_day WHERE symbol = 'NABIL'") == [(3,)]


def test_a_session_that_is_over_is_not_started_again(stream):
    stream.take(joined([MIXED]))
    stream.end()

    with pytest.raises(Conflict, match=r"is over.*reconcile --session 2024-07-17 --replay-gap.*stream rebuild --session 2024-07-17"):
        stream.services.start_stream(DAY)


def test_a_session_is_started_once_however_often_it_is_asked_for(stream):
    again = stream.services.start_stream(DAY)

    assert (again.run_id, again.created) == (stream.run["id"], False)


@pytest.mark.parametrize(
    ("day", "speed", "says"), [(date(2999, 1, 1), None, "in the future"), (DAY, 0.0, "a speed is"), (DAY, -1.0, "a speed is")]
)
def test_what_cannot_be_started_is_refused_with_the_reason(stream, day, speed, says):
    with pytest.raises(UsageError, match=says):
        stream.services.start_stream(day, speed=speed)


def test_how_far_it_is_is_told_to_people_in_their_words_and_to_programs_with_units(stream):
    stream.take(MIXED)
    with stream.runtime.database.transaction() as connection:
        speed_layer.change(connection, DAY, rate=24.624288018741847, commit_ms=4.438055999798962)

    found = following.status(stream.runtime, DAY)
    told = following.told(found)

    assert found["records_per_second"] == 24.624288018741847
    assert found["watermark"] == datetime.fromtimestamp(at(97) / SECOND, UTC)
    assert (told["rate"], told["last commit"]) == ("24.6 records a second", "4.4 ms")
    assert (told["newest trade"], told["set aside"]) == ("11:01:42 in Nepal", "1 duplicate, 1 late, 1 malformed")
    assert "ended" not in told


def test_a_silence_needs_a_rule_or_a_symbol_that_there_is_and_a_reason(stream):
    with pytest.raises(UsageError, match="name a rule"):
        stream.services.silence_alerts(minutes=10, reason="noise")
    with pytest.raises(UsageError, match="say why"):
        stream.services.silence_alerts(symbol="NABIL", minutes=10, reason=" ")

    stream.take(tape((1, "NABIL", 50_000), (2, "NICA", 50_000), (60, "NICA", 50_000)))
    with pytest.raises(UnknownName, match="no symbol 'NABLI'; the nearest are NABIL"):
        stream.services.silence_alerts(symbol="NABLI", minutes=10, reason="results are out")
    with pytest.raises(UnknownName, match="the nearest are NICA"):  # which begins as it does
        stream.services.silence_alerts(symbol="NIBLPROMOTER", minutes=10, reason="results are out")

    stream.services.silence_alerts(symbol="NABIL", minutes=10, reason="results are out")

    assert stream.rows("SELECT symbol, reason, silenced_by FROM alert_silence") == [("NABIL", "results are out", "asha")]
