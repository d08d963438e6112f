"""A person corrects a record of the stream on its letter's page: judged at once, taken in with one click, taken out again."""

import pytest

from engine.stream.records import Unread
from tests.pages.conftest import text_of, use
from tests.stream.session import Stream, letter_id
from tests.stream.tapes import DAY
from tests.stream.test_tick_corrections import BROKEN, LATE, SENT, days, letters, record

CUT_OFF = b'{"contractId": 2024071701000005, "stockSymbol": "NICA", "contractQuantity": 100, "contractRate": 700.5, "tradeTi'


@pytest.fixture
def over(tmp_path, monkeypatch):
    """A home whose stream is done with a session, which the pages read."""
    built = Stream(tmp_path)
    built.take(SENT, (Unread(BROKEN, CUT_OFF, "it breaks off in the middle"),))
    built.end()
    use(built.runtime, monkeypatch)
    yield built
    built.runtime.database.close()


def field(screen, name):
    return next(box for box in screen.text_input if box.label == name)


def test_what_can_be_made_out_of_a_broken_record_stands_in_its_fields_and_once_it_is_whole_one_click_takes_it_in(over, visit):
    screen = visit("dead_letters.py", letter=str(letter_id(over, BROKEN)))
    assert not screen.exception
    assert [field(screen, name).value for name in ("stockSymbol", "contractRate", "tradeTime")] == ["NICA", "700.5", ""]
    assert "This is no trade of the session: tradeTime is missing." in text_of(screen)
    assert screen.button(key="tick_take_in").disabled

    field(screen, "tradeTime").set_value("2024-07-17T11:01:41").run()
    assert "It can be taken in: NICA, 100 shares at 700.50, 2024-07-17 11:01:41.000000." in text_of(screen)
    screen.button(key="tick_take_in").click().run()

    assert not screen.exception
    assert letters(over)[BROKEN] == "edited"
    assert days(over)[1] == ("NICA", 70_050, 70_050, 70_000, 70_000, 200, 2)
    assert "the trade is in the session since" in text_of(screen)


def test_nonsense_is_said_to_be_some_and_cannot_be_saved(over, visit):
    screen = visit("dead_letters.py", letter=str(letter_id(over, BROKEN)))
    field(screen, "tradeTime").set_value("2024-07-17T11:01:41").run()

    field(screen, "contractRate").set_value("cheap").run()
    assert "contractRate is 'cheap': a price is needed" in text_of(screen)
    assert (screen.button(key="tick_take_in").disabled, screen.button(key="tick_save").disabled) == (True, True)

    field(screen, "contractRate").set_value("700.5").run()
    field(screen, "stockSymbol").set_value("NIKA").run()
    assert "NIKA was not traded in this session. The nearest that were: NICA." in text_of(screen)


def test_a_late_trade_is_shown_with_its_own_fields_and_may_be_taken_in_otherwise(over, visit):
    screen = visit("dead_letters.py", letter=str(letter_id(over, LATE)))

    assert [field(screen, name).value for name in ("contractRate", "tradeTime")] == ["490.0", "2024-07-17T11:00:02.000000"]
    assert "It can be taken in: NABIL, 100 shares at 490.00" in text_of(screen)


def test_what_was_taken_in_can_be_undone_on_its_page(over, visit):
    over.services.reinject_letters([letter_id(over, LATE)])

    screen = visit("dead_letters.py", letter=str(letter_id(over, LATE)), session=str(DAY))

    assert "asha took it in as it was on" in text_of(screen)
    assert any(button.label == "Undo…" for button in screen.button)


def test_the_counter_of_corrected_records_leads_to_their_letters(over, visit):
    over.services.edit_and_replay(letter_id(over, BROKEN), record())

    link = next(one for one in visit("stream.py", session=str(DAY)).get("page_link") if "corrected" in one.proto.label)
    listed = visit("dead_letters.py", pipeline="ticks", since=str(DAY), until=str(DAY), state="edited")

    assert "state=edited" in link.proto.query_string
    assert listed.dataframe[0].value["Letter"].tolist() == [f"Letter {letter_id(over, BROKEN)}"]
