"""The gap of a session replayed: its log, bars and days are then those of the whole tape, however often it is asked for."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from engine import reconcile_words, reconciling
from engine.cli import following, reconcile
from engine.cli.commands import app
from engine.errors import Conflict, NoFile, TicksGone
from engine.stream.bars import bars_of
from engine.stream.logs import log_of
from engine.stream.reconcile import Cause, OfficialDay, Verdict, stream_reconciled, tape_rows
from engine.stream.replay import replayed
from engine.stream.ticks import SECOND, joined
from engine.stream.trailing import grouped
from storage import speed_layer
from tests.stream.session import Stream, letter_id
from tests.stream.sheets import sheet_of
from tests.stream.tapes import DAY, NAMES, limits, random_tape, symbols

WHOLE = random_tape(7, 800, seconds=3600)
BAR = ("start_us", "close_paisa", "volume", "trades")
NEW = WHOLE.symbol == 3  # a symbol of which the stream received nothing
LATE = np.flatnonzero(WHOLE.symbol == 0)[20]
KEPT = ~NEW & (np.arange(len(WHOLE)) % 40 != 7)
KEPT[[LATE, *range(790, 800)]] = False  # the end is lost too
RECEIVED = joined([WHOLE.take(KEPT), WHOLE.take(slice(LATE, LATE + 1))])


def tape_of(stream: Stream, ticks=WHOLE) -> None:
    folder = stream.runtime.settings.source_dir / "floorsheet"
    folder.mkdir(exist_ok=True)
    (folder / f"{DAY}.csv.gz").write_bytes(sheet_of(ticks))


def ended(stream: Stream, *, compacted: bool) -> Stream:
    """Bring a session to its end that lacks a symbol, some trades of the others and the last ones, and has one late."""
    stream.take(RECEIVED)
    stream.end()
    if compacted:
        log_of(stream.runtime).compact(DAY)
    return stream


@pytest.fixture(params=[True, False], ids=["compacted", "segments"])
def over(stream, request):
    tape_of(stream)
    return ended(stream, compacted=request.param)


def official() -> OfficialDay:
    replay = replayed(DAY, WHOLE, symbols(), limits())
    return OfficialDay(tape_rows(replay.days, NAMES))


def found_of(stream: Stream):
    with stream.runtime.database.reading() as connection:
        state = speed_layer.state(connection, DAY)
        received = reconciling.received_of(stream.runtime, connection, state)
        served = {row["symbol"]: reconciling._values(row) for row in speed_layer.days_of(connection, DAY)}
    return stream_reconciled(received, served, official(), over=state["ended_at"] is not None)


def newest_bars(stream: Stream):
    with stream.runtime.database.reading() as connection:
        return {
            name: [
                (bar["start_us"], bar["close_paisa"], bar["volume"], bar["trades"]) for bar in speed_layer.bars_of(connection, DAY, name)
            ]
            for name in NAMES
        }


def test_each_difference_has_its_cause_and_after_the_gap_is_replayed_there_is_none(over):
    before = found_of(over)
    assert before.verdict is Verdict.DIFFERS
    assert before.causes[Cause.LATE] == (1, 1)
    assert before.causes[Cause.ABSENT] == (1, int(NEW.sum()))
    assert before.causes[Cause.LOST][1] == len(WHOLE) - int(KEPT.sum()) - 1 - int(NEW.sum())

    done = over.services.replay_gap(DAY)

    assert (done.late, done.lost) == (1, len(WHOLE) - len(RECEIVED))
    assert done.message.startswith(f"Trades of {DAY}: {done.lost} replayed from {DAY}.csv.gz, 1 that had come late taken in; bars")
    after = found_of(over)
    assert after.verdict is Verdict.EXACT
    assert (after.missing_by_ids, after.missing_by_total, after.set_aside) == (0, 0, {})
    state = over.state
    assert (state["records"], state["accepted"], state["missing"], state["aside"]) == (len(WHOLE), len(WHOLE), 0, {})


def test_the_newest_bars_are_those_of_the_whole_tape_and_the_first_ones_stay(over):
    first = over.rows("SELECT * FROM tick_bar WHERE revision = 0")

    over.services.replay_gap(DAY)

    rows = bars_of(grouped(WHOLE), 60 * SECOND, 10).matrix.T.tolist()
    expected = {name: [] for name in NAMES}
    for symbol, start, *prices, volume, _, trades in rows:
        expected[NAMES[symbol]].append((start * 60 * SECOND, prices[3] or None, volume, trades))
    assert newest_bars(over) == expected
    assert over.rows("SELECT * FROM tick_bar WHERE revision = 0") == first


def test_the_log_has_every_trade_marked_with_where_it_came_from_and_another_process_reads_it(over):
    over.services.replay_gap(DAY)

    records = log_of(over.runtime).read(DAY, 0, 10_000).records
    assert sorted(records.ticks.contract.tolist()) == WHOLE.contract.tolist()
    names = np.array(records.symbols.names)[records.ticks.symbol]
    assert dict(zip(records.ticks.contract.tolist(), names.tolist(), strict=True)) == dict(
        zip(WHOLE.contract.tolist(), np.array(NAMES)[WHOLE.symbol].tolist(), strict=True)
    )
    late, lost = over.rows("SELECT base, records, origin, taken_by FROM tick_take_in ORDER BY base")
    assert late == (len(RECEIVED) - 1, 1, None, "asha")
    assert lost == (len(RECEIVED), len(WHOLE) - len(RECEIVED), f"{DAY}.csv.gz", "asha")
    assert (records.ingest[len(RECEIVED) :] > records.ticks.time.max()).all()


def test_a_second_click_finds_nothing_more_and_writes_nothing(over):
    over.services.replay_gap(DAY)
    tables = ("tick_bar", "tick_day", "tick_topic", "tick_take_in", "stream_state", "audit", "lake_file", "dead_letter")
    before = [over.rows(f"SELECT * FROM {table}") for table in tables]  # noqa: S608, our own names

    done = over.services.replay_gap(DAY)

    assert (done.late, done.lost) == (0, 0)
    assert "no gap to replay" in done.message
    assert [over.rows(f"SELECT * FROM {table}") for table in tables] == before  # noqa: S608


def test_a_tape_that_is_whole_only_later_is_replayed_in_two_steps(stream):
    tape_of(stream, WHOLE.take(~NEW))
    ended(stream, compacted=True)
    stream.services.replay_gap(DAY)
    assert {one.symbol for one in found_of(stream).absent} == {NAMES[3]}

    tape_of(stream)
    stream.services.replay_gap(DAY)

    assert found_of(stream).verdict is Verdict.EXACT


def test_the_letter_of_a_late_trade_says_that_it_was_taken_in_and_one_that_was_put_away_stays_out(over):
    number = letter_id(over, len(RECEIVED) - 1)
    over.services.discard_letters([number], reason="a test of the exchange")

    assert over.services.replay_gap(DAY).late == 0
    assert found_of(over).causes == {Cause.LATE: (1, 1)}

    over.services.undo_letter(number)
    over.services.replay_gap(DAY)

    assert over.rows(f"SELECT state, decided_by FROM dead_letter WHERE id = {number}") == [("replayed", "asha")]  # noqa: S608
    assert found_of(over).verdict is Verdict.EXACT


def test_a_gap_that_cannot_be_replayed_is_refused_with_what_can_be_done(stream):
    stream.take(RECEIVED)
    with pytest.raises(Conflict, match="not done with"):
        stream.services.replay_gap(DAY)
    stream.end()
    with pytest.raises(NoFile, match="no floorsheet"):
        stream.services.replay_gap(DAY)
    with pytest.raises(Conflict, match=r"never worked on 2024-07-16.*stream start --session 2024-07-16"):
        stream.services.replay_gap(DAY.replace(day=16))

    tape_of(stream)
    log_of(stream.runtime).retain(DAY.replace(day=18), uncompacted=True)
    with pytest.raises(TicksGone, match="were dropped"):
        stream.services.replay_gap(DAY)
    assert "was dropped" in reconciling.sides(stream.runtime, DAY).no_stream


def test_a_transaction_that_fails_leaves_the_log_as_it_was(over, monkeypatch):
    before = over.rows("SELECT * FROM tick_topic"), over.rows("SELECT * FROM lake_file"), newest_bars(over)
    monkeypatch.setattr("engine.services.reconciliations.revise", lambda *_: (_ for _ in ()).throw(RuntimeError("the process ends here")))

    with pytest.raises(RuntimeError):
        over.services.replay_gap(DAY)

    assert (over.rows("SELECT * FROM tick_topic"), over.rows("SELECT * FROM lake_file"), newest_bars(over)) == before
    monkeypatch.undo()
    over.services.replay_gap(DAY)
    assert found_of(over).verdict is Verdict.EXACT


def test_while_the_stream_works_on_a_session_nothing_is_called_reconciled(stream):
    stream.take(RECEIVED)

    found = found_of(stream)

    assert found.verdict is Verdict.UNDER_WAY
    assert reconcile_words.says(found).startswith(f"The stream is not done with {DAY}: {len(RECEIVED) - 1} trades so far")


@pytest.fixture
def here(stream, monkeypatch):
    """Give the command line this home."""
    for module in (reconcile, following):
        monkeypatch.setattr(module, "runtime", lambda: stream.runtime)
    return lambda *words: CliRunner().invoke(app, ["reconcile", "--session", str(DAY), *words])


def test_the_command_says_whose_trades_it_compares(stream, here):
    tape_of(stream, WHOLE.take(slice(0, 700)))
    alone = here()
    assert alone.exit_code == 1
    assert "has not worked on" in alone.stderr
    assert "--of tape" in here("--of", "stream").stderr
    ended(stream, compacted=True)

    both = [json.loads(here("--json", *words).stdout) for words in ((), ("--of", "tape"))]

    assert [(said["of"], said["trades"]["received"]) for said in both] == [("stream", len(RECEIVED) - 1), ("tape", 700)]


def test_the_command_replays_the_gap_and_its_exit_code_is_that_of_what_was_asked(stream, here):
    tape_of(stream)
    ended(stream, compacted=True)

    answer = here("--replay-gap", "--json")
    again = here("--replay-gap")

    assert (answer.exit_code, again.exit_code) == (0, 0)
    assert json.loads(answer.stdout)["replayed"] | {"message": ""} == {"lost": len(WHOLE) - len(RECEIVED), "late": 1, "message": ""}
    assert "no gap to replay" in again.stdout
    assert here("--replay-gap", "--of", "tape").exit_code == 2
    assert here().exit_code == 1  # there are no official rows yet


def test_of_a_session_that_is_exact_the_letters_are_put_away_and_of_no_other(stream, monkeypatch):
    tape_of(stream)
    stream.take(joined([RECEIVED, RECEIVED.take(slice(3, 5))]))  # and two copies
    stream.end()
    monkeypatch.setattr(reconciling, "official_day", lambda *_: official())
    with pytest.raises(Conflict, match="only of a session that is exact nothing is missing: 3 symbols differ"):
        stream.services.settle_letters(DAY)
    stream.services.replay_gap(DAY)

    assert stream.services.settle_letters(DAY) == f"Letters of {DAY} put away: 2."
    assert stream.services.settle_letters(DAY) == f"No letter of {DAY} waits."

    notes = stream.rows("SELECT state, note FROM dead_letter WHERE reason = 'duplicate'")
    assert notes == [("discarded", "the session is exact: every field is the official one, and every trade is there")] * 2
    assert found_of(stream).verdict is Verdict.EXACT


def test_what_came_in_with_the_gap_is_not_taken_out_again_letter_by_letter(over):
    over.services.replay_gap(DAY)
    before = newest_bars(over)

    with pytest.raises(Conflict, match="came in with the gap, from the tape of the source; it cannot be taken out"):
        over.services.undo_letter(letter_id(over, len(RECEIVED) - 1))

    assert newest_bars(over) == before
