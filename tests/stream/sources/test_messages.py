"""Messages of a broker in the forms in which writers put them."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.stream.sources.messages import _one_by_one, decoded
from engine.stream.ticks import Symbols
from tests.stream.sources.worlds import BROKEN, message, rows, trade


def read(*messages):
    return rows(decoded(messages, Symbols(), 7))


def as_words(number):
    return json.dumps({name: str(value) for name, value in trade(number).items()}).encode()


def test_numbers_may_stand_in_quotes():
    assert read(as_words(0), as_words(1)) == read(message(0), message(1))


@pytest.mark.parametrize("absent", [{"contractAmount": None}, {}])
def test_an_amount_need_not_be_given(absent):
    without = {name: value for name, value in trade(1).items() if name != "contractAmount"} | absent
    assert read(json.dumps(without).encode(), message(2)) == read(message(1), message(2))


def test_a_price_is_exact_to_the_paisa_and_more_decimals_are_no_price():
    exact = message(0).replace(b'"contractRate": 100.0', b'"contractRate": 100.00')
    beyond = message(1).replace(b'"contractRate": 100.1', b'"contractRate": 100.1000000000000001')
    found = read(exact, beyond)

    assert found[0] == read(message(0))[0]
    assert found[1] == (
        beyond,
        "contractRate is '100.1000000000000001': a price is needed, at most two decimals and seven digits before them",
    )


@pytest.mark.parametrize(
    "spoilt",
    [
        BROKEN,
        message(1, contractQuantity=[1, 2]),
        message(1, contractQuantity="1\n2"),
        message(1, contractId=None),
        message(1).replace(b'"GBILD84/85"', b'"\xff"'),
        message(1).replace(b'"contractRate": 100.1', b'"contractRate": "\xff"'),
        b"",
        b"null",
        message(1) + message(2),
    ],
)
def test_a_message_that_cannot_be_read_leaves_its_neighbours_as_they_are(spoilt):
    found = read(message(0), spoilt, message(3))

    assert [found[0], found[2]] == read(message(0), message(3))
    assert found[1][0] == spoilt
    assert found[1][1]


def test_every_trade_of_a_list_is_a_record():
    listed = json.dumps([trade(0), trade(1, contractRate=-1), trade(2)]).encode()
    found = read(listed, message(3))

    assert [found[0], found[2], found[3]] == read(message(0), message(2), message(3))
    assert json.loads(found[1][0]) == trade(1, contractRate=-1)


WHOLE = [5, "5", 0, -1, 2.0, "5.0", 5.5, 10**9, 10**19, 1e3, None, True, "x", [5]]
MONEY = [100.1, "100.1", 100, "100.10", "100.101", 0, -1, "1E2", "0100.1", 1e7, "", None, "x"]
CHANGED = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"contractQuantity": st.sampled_from(WHOLE)}),
    st.fixed_dictionaries({"contractRate": st.sampled_from(MONEY), "contractAmount": st.sampled_from([*MONEY, 1101.1])}),
    st.fixed_dictionaries({"contractId": st.sampled_from([2024071701000001, "2024071701000001", 1924071701000001, 2**63, 2**64, 5])}),
    st.fixed_dictionaries({"tradeTime": st.sampled_from(["2024-07-17 11:00:01", "2024-07-17", "2024-02-30T11:00:00", "", 5])}),
    st.fixed_dictionaries({"stockSymbol": st.sampled_from(["nabil", "SK BBL", "", "ß", "X" * 33, 5])}),
)


@given(st.lists(st.tuples(st.integers(0, 9), CHANGED), min_size=1, max_size=6), st.sampled_from([None, b"{", b"", b"\xff"]))
@example([(number, {}) for number in range(3)], None)
@example([(1, {"contractQuantity": 10**19})], None)
def test_messages_read_at_once_are_what_a_careful_reader_finds_one_by_one(trades, broken):
    messages = [message(number, **changed) for number, changed in trades] + ([] if broken is None else [broken])

    assert read(*messages) == rows(_one_by_one(messages, Symbols(), 7)) == [row for each in messages for row in read(each)]
