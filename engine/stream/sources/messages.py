"""Ticks as messages of a broker: JSON with the field names of the exchange's API, one trade a message or a list of them."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.market.trade_cells import AMOUNT, CONTRACT, QUANTITY, RATE, SYMBOL_NAME, TIME, typed
from engine.stream.records import Records, Unread
from engine.stream.ticks import Symbols

KEPT = 64 * 1024  # bytes of a message that cannot be read
_ABSENT = pa.array(["", "null"])


class _Trade(msgspec.Struct, gc=False):
    """One trade; numbers as they are written, so that none goes through a float. Other fields are left alone."""

    contractId: msgspec.Raw  # noqa: N815, the exchange's own names
    stockSymbol: str  # noqa: N815
    contractQuantity: msgspec.Raw  # noqa: N815
    contractRate: msgspec.Raw  # noqa: N815
    tradeTime: str  # noqa: N815
    contractAmount: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815


_one = msgspec.json.Decoder(_Trade)
_list = msgspec.json.Decoder(list[_Trade])
_parts = msgspec.json.Decoder(list[msgspec.Raw])


def decoded(messages: Sequence[bytes], symbols: Symbols, ingest: int) -> Records:
    """Return a record for each trade of the messages and for each that cannot be read, with its bytes; all were taken in at `ingest`."""
    trades: list[_Trade | None] = []
    owners: list[tuple[bytes, int | None]] = []  # of each row, the message, and its place in the message's list
    reasons: dict[int, str] = {}
    for message in messages:
        found = _trades(message)
        for place, trade in found:
            if isinstance(trade, str):
                reasons[len(trades)] = trade
            trades.append(None if isinstance(trade, str) else trade)
            owners.append((message, place))
    good = typed(_cells(trades), symbols)
    reasons = {**good.reasons, **reasons}
    unread = tuple(Unread(row, _raw(*owners[row])[:KEPT], reason) for row, reason in sorted(reasons.items()))
    return Records(good.ticks, symbols, np.full(len(trades), ingest, np.int64), unread)


def _trades(message: bytes) -> Sequence[tuple[int | None, _Trade | str]]:
    """Return the trades of a message, or why one is none, each with its place in the message's list."""
    if not message.lstrip().startswith(b"["):
        return [(None, _trade(_one, message))]
    try:
        return list(enumerate(_list.decode(message)))
    except msgspec.MsgspecError:
        try:
            parts = _parts.decode(message)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return [(None, str(error))]
    except UnicodeDecodeError as error:
        return [(None, str(error))]
    return [(place, _trade(_one, part)) for place, part in enumerate(parts)]


def _trade(decoder: "msgspec.json.Decoder[_Trade]", message: bytes | msgspec.Raw) -> _Trade | str:
    try:
        return decoder.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return str(error)


def _raw(message: bytes, place: int | None) -> bytes:
    return message if place is None else bytes(_parts.decode(message)[place])


_NOTHING = _Trade(msgspec.Raw(b""), "", msgspec.Raw(b""), msgspec.Raw(b""), "")


def _cells(trades: Sequence[_Trade | None]) -> dict[str, pa.Array]:
    found = [_NOTHING if trade is None else trade for trade in trades]
    return {
        CONTRACT: _written([bytes(trade.contractId) for trade in found]),
        SYMBOL_NAME: pa.array([trade.stockSymbol for trade in found], pa.string()),
        QUANTITY: _written([bytes(trade.contractQuantity) for trade in found]),
        RATE: _written([bytes(trade.contractRate) for trade in found]),
        AMOUNT: _written([bytes(trade.contractAmount) for trade in found]),
        TIME: pa.array([trade.tradeTime for trade in found], pa.string()),
    }


def _written(numbers: Sequence[bytes]) -> pa.Array:
    """Return numbers as text, without the quotes that some writers put around them; null where none was given."""
    column = pa.array(numbers, pa.binary()).cast(pa.string())
    absent = pc.is_in(column, value_set=_ABSENT)
    if pc.any(absent).as_py():
        column = pc.if_else(absent, None, column)
    quoted = pc.any(pc.match_substring(column, '"')).as_py()
    return pc.utf8_trim(column, '"') if quoted else column
