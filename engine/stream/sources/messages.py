"""Ticks as messages of a broker: JSON with the field names of the exchange's API, one trade a message or a list of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.market.plain_cells import hundredths
from engine.market.trade_cells import (
    AMOUNT,
    CONTRACT,
    QUANTITY,
    RATE,
    SYMBOL_NAME,
    TIME,
    PlainTrades,
    TypedTrades,
    plainly,
    typed,
)
from engine.stream.records import Records, Unread
from engine.stream.sources.message_faults import told
from engine.stream.ticks import Symbols

KEPT = 64 * 1024  # bytes of a message that cannot be read
_BETWEEN = b"\n"
_ABSENT = ("", "null")


class _Trade(msgspec.Struct, gc=False):
    """One trade; numbers as they are written, so that none goes through a float. Other fields are left alone."""

    contractId: msgspec.Raw  # noqa: N815, the exchange's own names
    stockSymbol: str  # noqa: N815
    contractQuantity: msgspec.Raw  # noqa: N815
    contractRate: msgspec.Raw  # noqa: N815
    tradeTime: str  # noqa: N815
    contractAmount: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815


class _Usual(msgspec.Struct, gc=False):
    """A trade as nearly all are written: a whole number needs no text of its own."""

    contractId: int  # noqa: N815
    stockSymbol: str  # noqa: N815
    contractQuantity: int  # noqa: N815
    contractRate: msgspec.Raw  # noqa: N815
    tradeTime: str  # noqa: N815
    contractAmount: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815


_usual = msgspec.json.Decoder(_Usual)
_one = msgspec.json.Decoder(_Trade)
_list = msgspec.json.Decoder(list[_Trade])
_parts = msgspec.json.Decoder(list[msgspec.Raw])


def decoded(messages: Sequence[bytes], symbols: Symbols, ingest: int) -> Records:
    """Return a record for each trade of the messages and for each that cannot be read, with its bytes; all were taken in at `ingest`."""
    found = _at_once(messages, symbols) if messages else None
    if found is None:
        return _one_by_one(messages, symbols, ingest)
    good = found.good
    if good.all():
        return Records(found.ticks, symbols, np.full(len(messages), ingest, np.int64))
    others = np.flatnonzero(~good).tolist()
    careful = _one_by_one([messages[row] for row in others], symbols, ingest)
    for column, read in zip(found.ticks.columns(), careful.ticks.columns(), strict=True):
        column[others] = read
    unread = tuple(Unread(others[it.row], it.raw, it.reason) for it in careful.unread)
    return Records(found.ticks, symbols, np.full(len(messages), ingest, np.int64), unread)


def _at_once(messages: Sequence[bytes], symbols: Symbols) -> TypedTrades | None:
    """Read messages of one trade each whose ids and quantities are plain numbers; None where one of them is something else."""
    try:
        trades = list(map(_usual.decode, messages))
        contract = np.fromiter([trade.contractId for trade in trades], np.int64, len(trades))
        quantity = np.fromiter([trade.contractQuantity for trade in trades], np.int64, len(trades))
    except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError):
        return None
    money = _written([trade.contractRate for trade in trades] + [trade.contractAmount for trade in trades])
    values, _, fine = (each.reshape(2, len(trades)) for each in hundredths(money))
    numbers = PlainTrades(contract, quantity, values[0], values[1], fine[0], fine[1])
    times, names = (
        pa.array([trade.tradeTime for trade in trades], pa.string()),
        pa.array([trade.stockSymbol for trade in trades], pa.string()),
    )
    return plainly(numbers, money[len(trades) :], times, names, symbols)


def _one_by_one(messages: Sequence[bytes], symbols: Symbols, ingest: int) -> Records:
    opened = _opened(messages)
    good = typed(_cells(opened.trades), symbols)
    reasons = {**good.reasons, **opened.reasons}
    unread = tuple(Unread(row, opened.raw(row)[:KEPT], reason) for row, reason in sorted(reasons.items()))
    return Records(good.ticks, symbols, np.full(len(opened.trades), ingest, np.int64), unread)


@dataclass(frozen=True, slots=True)
class _Opened:
    """What messages hold, a row for each trade: nothing where there is none that can be read, with the reason."""

    messages: Sequence[bytes]
    trades: Sequence[_Trade]
    reasons: Mapping[int, str] = field(default_factory=dict)
    places: Sequence[tuple[int, int | None]] | None = None  # each row's message, and place in the list there; None: one a message

    def raw(self, row: int) -> bytes:
        """Return a row's bytes as they came."""
        message, place = (row, None) if self.places is None else self.places[row]
        return self.messages[message] if place is None else bytes(_parts.decode(self.messages[message])[place])


def _opened(messages: Sequence[bytes]) -> _Opened:
    try:
        return _Opened(messages, list(map(_one.decode, messages)))
    except (msgspec.MsgspecError, UnicodeDecodeError):  # a list, or what cannot be read
        pass
    trades: list[_Trade] = []
    reasons: dict[int, str] = {}
    places: list[tuple[int, int | None]] = []
    for number, message in enumerate(messages):
        for place, trade in _trades(message):
            if isinstance(trade, str):
                reasons[len(trades)] = trade
            trades.append(_NOTHING if isinstance(trade, str) else trade)
            places.append((number, place))
    return _Opened(messages, trades, reasons, places)


def _trades(message: bytes) -> Sequence[tuple[int | None, _Trade | str]]:
    """Return the trades of a message, or why one is none, each with its place in the message's list."""
    if not message.lstrip().startswith(b"["):
        return [(None, _trade(message))]
    try:
        return list(enumerate(_list.decode(message)))
    except msgspec.MsgspecError:
        try:
            parts = _parts.decode(message)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return [(None, told(error, message))]
    except UnicodeDecodeError as error:
        return [(None, told(error, message))]
    return [(place, _trade(part)) for place, part in enumerate(parts)]


def _trade(message: bytes | msgspec.Raw) -> _Trade | str:
    try:
        return _one.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return told(error, bytes(message))


_NOTHING = _Trade(msgspec.Raw(b""), "", msgspec.Raw(b""), msgspec.Raw(b""), "")


def _cells(trades: Sequence[_Trade]) -> dict[str, pa.Array]:
    numbers = [trade.contractId for trade in trades]
    numbers += [trade.contractQuantity for trade in trades]
    numbers += [trade.contractRate for trade in trades]
    numbers += [trade.contractAmount for trade in trades]
    written, count = _written(numbers), len(trades)
    return {
        SYMBOL_NAME: pa.array([trade.stockSymbol for trade in trades], pa.string()),
        TIME: pa.array([trade.tradeTime for trade in trades], pa.string()),
        **{name: written[place * count : (place + 1) * count] for place, name in enumerate((CONTRACT, QUANTITY, RATE, AMOUNT))},
    }


def _written(numbers: Sequence[msgspec.Raw]) -> pa.Array:
    """Return numbers as text, without the quotes that some writers put around them; null where none was given."""
    joined = _BETWEEN.join(numbers)  # one text of them all costs a tenth of a text each
    ends = np.flatnonzero(np.frombuffer(joined, np.uint8) == ord(_BETWEEN))
    offsets = np.concatenate(([0], ends - np.arange(len(ends)), [len(joined) - len(ends)])).astype(np.int32)
    if len(ends) != len(numbers) - 1 or not joined.isascii():  # what is no number, and is said to be none later
        column = pa.array([bytes(number).decode(errors="backslashreplace") for number in numbers], pa.string())
    else:
        text = joined.translate(None, _BETWEEN)
        column = pa.Array.from_buffers(pa.string(), len(numbers), [None, pa.py_buffer(offsets), pa.py_buffer(text)])
    if b"null" in joined or (offsets[1:] == offsets[:-1]).any():
        column = pc.if_else(pc.is_in(column, value_set=pa.array(_ABSENT)), None, column)
    return pc.utf8_trim(column, '"') if b'"' in joined else column
