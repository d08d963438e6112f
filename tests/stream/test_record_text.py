"""What a person finds in the fields of a record that could not be read, and the record that is made of them."""

import pytest

from engine.stream.record_text import fields_in, record_of
from engine.stream.sources.messages import decoded
from engine.stream.ticks import Symbols
from tests.stream.sources.worlds import line, message, rows, trade

WHOLE = {name: str(value) for name, value in trade(7).items()}


@pytest.mark.parametrize("raw", [message(7), line(7).encode(), f",{line(7).replace(',', ',,', 1)}".encode()], ids=["json", "f2", "f1"])
def test_a_record_comes_back_out_of_its_own_fields(raw):
    fields = fields_in(raw)

    assert fields == WHOLE
    assert rows(decoded([record_of(fields).encode()], Symbols(), 0)) == rows(decoded([message(7)], Symbols(), 0))


@pytest.mark.parametrize(
    ("raw", "missing"),
    [
        (message(7)[:-20], {"tradeTime": "202"}),
        (message(7, contractRate=None), {"contractRate": ""}),
        (message(7).replace(b"GBILD84/85", b"GBI\xffLD84/85"), {}),
        (
            b"2024071701000008 at 2024-07-17T11:00:07.5",
            dict.fromkeys(WHOLE, "") | {name: WHOLE[name] for name in ("contractId", "tradeTime")},
        ),
        (b"\xff\x00", dict.fromkeys(WHOLE, "")),
        (b"", dict.fromkeys(WHOLE, "")),
    ],
)
def test_of_a_broken_record_there_is_what_can_be_made_out(raw, missing):
    assert fields_in(raw) == WHOLE | missing


def test_what_a_person_types_is_written_as_it_is_and_never_breaks_the_record():
    written = record_of(WHOLE | {"contractRate": "12,5", "stockSymbol": 'NA"BIL', "contractAmount": " "})

    assert '"contractRate": "12,5"' in written
    assert "contractAmount" not in written
    (unread,) = decoded([written.encode()], Symbols(), 0).unread
    assert unread.reason.startswith("contractRate is '12,5': a price is needed")
