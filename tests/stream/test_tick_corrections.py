"""A person corrects a record that was set aside and takes it in: once, behind the end of the log, as a revision, and out again."""

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from engine.cli import parts, quality
from engine.cli.commands import app
from engine.clock import NEPAL
from engine.errors import Conflict, UsageError
from engine.jobs.worker import Worker
from engine.stream import versions
from engine.stream.contracts import first_id
from engine.stream.logs import log_of
from engine.stream.records import Unread
from storage import speed_layer
from storage.types import EPOCH
from tests.stream.session import Stream, letter_id
from tests.stream.tapes import DAY, at, tape

# NABIL trades 1, 3 and, late, 2; a record that cannot be read; a copy of 3; another trade under contract 4; one of another day.
SENT = tape(
    (1, "NABIL", 50_000),
    (100, "NABIL", 50_100),
    (2, "NABIL", 49_000),
    (100, "NICA", 0),
    (100, "NABIL", 50_100),
    (102, "NICA", 70_000),
    (102, "NICA", 71_000, 50),
    (103, "NICA", 70_500),
    sequences=[1, 3, 2, 5, 3, 4, 4, 6],
)
SENT.contract[7] += 100_000_000  # of the next day
LATE, BROKEN, COPY, OTHER, STRAY = 2, 3, 4, 6, 7  # offsets of what is set aside
TABLES = ("tick_bar", "tick_day", "tick_topic", "tick_take_in", "stream_state", "audit", "lake_file", "dead_letter")


def record(seconds: float = 101, symbol: str = "NICA", rate: object = 700.5, shares: object = 100, sequence: int = 5, **other) -> str:
    """Return a trade as a person writes it."""
    time = (EPOCH + timedelta(microseconds=at(seconds))).astimezone(NEPAL).replace(tzinfo=None).isoformat()
    trade = {"contractId": first_id(DAY) + 1_000_000 + sequence, "stockSymbol": symbol, "contractQuantity": shares, "contractRate": rate}
    return json.dumps(trade | {"tradeTime": time} | other)


@pytest.fixture(params=[True, False], ids=["compacted", "segments"])
def over(stream, request):
    stream.take(SENT, (Unread(BROKEN, b'{"contractId": 20240717', "it is no JSON"),))
    stream.end()
    if request.param:
        log_of(stream.runtime).compact(DAY)
    return stream


def everything(stream: Stream):
    return [stream.rows(f"SELECT * FROM {table}") for table in TABLES]  # noqa: S608, our own names


def days(stream: Stream):
    return stream.rows("SELECT symbol, open_paisa, high_paisa, low_paisa, close_paisa, volume, trades FROM tick_day ORDER BY symbol")


def bars(stream: Stream, symbol: str):
    with stream.runtime.database.reading() as connection:
        return [(row["close_paisa"], row["volume"], row["trades"]) for row in speed_layer.bars_of(connection, DAY, symbol)]


def letters(stream: Stream):
    return dict(stream.rows("SELECT line, state FROM dead_letter"))


def rebuilt_equal(stream: Stream) -> bool:
    asked = stream.services.rebuild_sessions(DAY, DAY, reason="to see")
    Worker(stream.runtime).serve()
    with stream.runtime.database.reading() as connection:
        return versions.comparison(connection, asked.version, DAY).equal


def test_a_corrected_record_is_in_the_session_as_a_revision_and_the_first_bars_the_log_and_the_letter_stay(over):
    first = over.rows("SELECT * FROM tick_bar WHERE revision = 0")
    log = log_of(over.runtime).whole(DAY)

    done = over.services.edit_and_replay(letter_id(over, BROKEN), record())

    assert done.message == f"Ticks of {DAY} taken in: 1; bars with a new revision: 1."
    assert days(over)[1] == ("NICA", 70_050, 70_050, 70_000, 70_000, 200, 2)
    assert bars(over, "NICA") == [(70_000, 200, 2)]
    assert over.rows("SELECT * FROM tick_bar WHERE revision = 0") == first
    assert over.rows(f"SELECT state, decided_by, raw FROM dead_letter WHERE line = {BROKEN}") == [  # noqa: S608
        ("edited", "asha", b'{"contractId": 20240717')
    ]
    now = log_of(over.runtime).whole(DAY)
    assert len(now) == len(SENT) + 1
    assert [it.raw for it in now.unread] == [it.raw for it in log.unread]
    assert now.ticks.contract[: len(SENT)].tolist() == log.ticks.contract.tolist()
    state = over.state
    assert (state["records"], state["accepted"], state["missing"]) == (9, 4, 1)
    assert state["aside"] == {"late": 1, "corrected": 1, "duplicate": 2, "other_session": 1}
    assert rebuilt_equal(over)


def test_a_second_click_and_a_second_tab_do_it_once(over):
    number = letter_id(over, BROKEN)
    over.services.edit_and_replay(number, record(), request_key="click")
    before = everything(over)

    again = over.services.edit_and_replay(number, record(), request_key="click")
    other_tab = over.services.edit_and_replay(number, record())

    assert (again.created, other_tab.created) == (False, False)
    assert everything(over) == before
    with pytest.raises(Conflict, match="undo that first"):
        over.services.edit_and_replay(number, record(rate=1))
    with pytest.raises(Conflict, match="only open letters"):
        over.services.reinject_letters([number])
    assert everything(over) == before


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("NICA 700.50", "it is no JSON: it begins with 'NICA 700.50'"),
        ('{"contractId": 1}', "stockSymbol is missing"),
        (record(shares="many"), "contractQuantity is 'many': a whole number of shares is needed"),
        (record(shares=0), "contractQuantity is nought"),
        (record(rate=-1), "contractRate is '-1': a price is needed"),
        (record(contractAmount=5), "contractAmount is 5, and 100 shares at 700.5 are 70050.00"),
        (record(symbol="ni ca;"), "stockSymbol is 'ni ca;'"),
        (record(tradeTime="2024-07-17"), "tradeTime is '2024-07-17'"),
        (record(seconds=30_000), "2024-07-17 19:20:00.000000 is outside the hours of the session, 2024-07-17 10:30:00.000000 to"),
        (record(contractId=2024071801000005), "contract 2024071801000005 is of another day: those of 2024-07-17 begin with 20240717"),
        (record(sequence=4), r"is in the session already, from offset 5, as another trade: NICA, 100 shares at 700.00, 2024-07-17"),
        (f"[{record()}, {record(sequence=8)}]", "one trade is needed, not a list of 2"),
        ('{"contractId": 20240717', "that is the record as it came"),
        ("", "the corrected line is blank"),
    ],
)
def test_nonsense_is_refused_in_words_and_changes_nothing(stream, line, says):
    stream.take(SENT, (Unread(BROKEN, b'{"contractId": 20240717', "it is no JSON"),))
    stream.end()
    before = everything(stream)

    for command in (stream.services.edit_letter, stream.services.edit_and_replay):
        with pytest.raises(UsageError, match=says):
            command(letter_id(stream, BROKEN), line)

    assert everything(stream) == before


def test_a_correction_that_was_only_saved_waits_until_it_is_taken_in_with_others(over):
    over.services.edit_letter(letter_id(over, BROKEN), record())
    assert letters(over)[BROKEN] == "open"
    assert days(over)[1][-1] == 1

    said = over.services.reinject_letters([letter_id(over, offset) for offset in (LATE, BROKEN, COPY, STRAY)])

    assert said.startswith(f"Ticks of {DAY} taken in: 2; bars with a new revision: 2; letters left as they were, whose trades")
    assert letters(over) == {LATE: "replayed", BROKEN: "edited", COPY: "open", OTHER: "open", STRAY: "open"}
    assert over.state["missing"] == 0
    assert rebuilt_equal(over)


def test_a_record_is_taken_in_under_the_contract_and_the_time_that_a_person_wrote(over):
    over.services.edit_and_replay(letter_id(over, STRAY), record(seconds=103, rate=705, sequence=6))

    assert days(over)[1] == ("NICA", 70_000, 70_500, 70_000, 70_500, 200, 2)
    assert over.state["aside"].get("other_session") is None
    assert rebuilt_equal(over)


def test_a_duplicate_that_says_something_else_takes_the_place_of_the_first_and_gives_it_back(over):
    assert over.services.reinject_letters([letter_id(over, OTHER)]).startswith(f"Ticks of {DAY} taken in: 1")
    assert days(over)[1] == ("NICA", 71_000, 71_000, 71_000, 71_000, 50, 1)
    assert (over.state["accepted"], over.state["aside"]["duplicate"]) == (3, 2)
    assert rebuilt_equal(over)

    over.services.undo_letter(letter_id(over, OTHER))

    assert days(over)[1] == ("NICA", 70_000, 70_000, 70_000, 70_000, 100, 1)
    assert letters(over)[OTHER] == "open"
    assert rebuilt_equal(over)


def test_an_equal_copy_is_refused_for_its_trade_would_count_twice(over):
    before = everything(over)

    with pytest.raises(Conflict, match="in the session already"):
        over.services.reinject_letters([letter_id(over, COPY)])

    assert everything(over) == before


def test_a_record_corrected_to_a_trade_that_is_there_is_settled_and_not_counted_twice(over):
    before = days(over), log_of(over.runtime).state(DAY).records

    said = over.services.edit_and_replay(letter_id(over, BROKEN), record(seconds=102, rate=700, sequence=4)).message

    assert said.endswith("corrected to trades that are in the session already, and not counted twice: 1.")
    assert (days(over), log_of(over.runtime).state(DAY).records) == before
    assert letters(over)[BROKEN] == "edited"
    assert rebuilt_equal(over)


def test_two_letters_that_bring_the_same_contract_are_refused_together(over):
    over.services.edit_letter(letter_id(over, BROKEN), record())
    over.services.edit_letter(letter_id(over, STRAY), record(rate=701))

    with pytest.raises(Conflict, match="and so does another of these letters"):
        over.services.reinject_letters([letter_id(over, BROKEN), letter_id(over, STRAY)])


def test_what_was_taken_in_is_taken_out_again_and_in_otherwise(over):
    before, number = days(over), letter_id(over, BROKEN)
    over.services.edit_and_replay(number, record(symbol="HIDCL", seconds=700))
    assert [row[0] for row in days(over)] == ["HIDCL", "NABIL", "NICA"]

    assert over.services.undo_letter(number).endswith("and its trade out of the session; bars with a new revision: 1.")

    assert days(over) == before
    assert bars(over, "HIDCL") == []
    assert (over.state["accepted"], over.state["aside"]["taken_back"], over.state["missing"]) == (3, 1, 1)
    assert rebuilt_equal(over)
    over.services.edit_and_replay(number, record())
    assert days(over)[1][-1] == 2
    assert rebuilt_equal(over)


def test_while_the_stream_works_a_correction_can_be_saved_and_is_not_taken_in(stream):
    stream.take(SENT, (Unread(BROKEN, b"{", "it is no JSON"),))
    number = letter_id(stream, BROKEN)

    with pytest.raises(Conflict, match="not done with"):
        stream.services.edit_and_replay(number, record())
    stream.services.edit_letter(number, record())
    with pytest.raises(Conflict, match="not done with"):
        stream.services.reinject_letters([number])

    stream.end()
    stream.services.reinject_letters([number])
    assert letters(stream)[BROKEN] == "edited"


def test_a_transaction_that_fails_leaves_the_letter_and_the_log_as_they_were(over, monkeypatch):
    before = everything(over)
    monkeypatch.setattr("engine.services.tick_letters.revise", lambda *_: (_ for _ in ()).throw(RuntimeError("the process ends here")))

    with pytest.raises(RuntimeError):
        over.services.edit_and_replay(letter_id(over, BROKEN), record())

    assert everything(over) == before
    monkeypatch.undo()
    over.services.edit_and_replay(letter_id(over, BROKEN), record())
    assert letters(over)[BROKEN] == "edited"


def test_the_command_line_says_what_a_correction_comes_to_and_takes_it_in(over, monkeypatch):
    for module in (quality, parts):
        monkeypatch.setattr(module, "runtime", lambda: over.runtime, raising=False)
    monkeypatch.setattr(quality, "commands", lambda: over.services)
    number = str(letter_id(over, BROKEN))

    wrong = CliRunner().invoke(app, ["edit", number, "--line", record(rate=-1)])
    done = CliRunner().invoke(app, ["edit", number, "--line", record(), "--replay"])
    undone = CliRunner().invoke(app, ["undo", number])

    assert (wrong.exit_code, done.exit_code, undone.exit_code) == (2, 0, 0)
    assert "contractRate is '-1'" in wrong.stderr
    assert "As corrected the trade would come into the session: NICA, 100 shares at 700.50" in done.stderr
    assert "taken in: 1" in done.stdout
    assert "out of the session" in undone.stdout
