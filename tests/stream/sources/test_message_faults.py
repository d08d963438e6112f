"""Why a message holds no trade is said so that a person can mend it: what is wrong, and where."""

import pytest

from engine.stream.sources.messages import decoded
from engine.stream.ticks import Symbols
from tests.stream.sources.worlds import message


def reason_of(raw: bytes) -> str:
    (unread,) = decoded([raw], Symbols(), 0).unread
    return unread.reason


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "it is empty"),
        (message(1)[:60], 'it breaks off in the middle, after 60 bytes: \'ockSymbol": "GBILD84/85"\''),
        (
            message(1).replace(b'"GBILD84/85"', b'"\xff"'),
            'it is no UTF-8 text: byte 0xff at position 49, after \'000002, "stockSymbol": "\'',
        ),
        (message(1, contractQuantity=None), "contractQuantity is missing"),
        (b'{"contractId": 1}', "stockSymbol is missing"),
        (message(1, tradeTime=None), "tradeTime is null, and text is needed"),
        (message(1, stockSymbol=5), "stockSymbol is a number, and text is needed"),
        (b"17", "it is a number, and an object with the fields of a trade is needed"),
        (b"null", "it is null, and an object with the fields of a trade is needed"),
        (b"NABIL,100", "it is no JSON: it begins with 'NABIL,100'"),
        (message(1)[:-1] + b",}", "it is no JSON: trailing comma in object at position"),
        (message(1) + b"{", "it is no JSON: trailing characters at position"),
    ],
)
def test_each_fault_is_named_with_its_place(raw, says):
    assert reason_of(raw).startswith(says)


def test_a_fault_of_one_trade_of_a_list_counts_from_the_beginning_of_that_trade():
    good, bad = message(0).decode(), message(1).decode()

    assert reason_of(f"[{good}, {bad[:-1]}, 5: 7}}]".encode()).startswith("it is no JSON: ")
    assert decoded([f"[{good}, 5]".encode()], Symbols(), 0).unread[0].reason.startswith("it is a number")
