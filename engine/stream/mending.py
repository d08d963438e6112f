"""The record that a person writes in the place of one that was set aside: read as all others are, and held against its session."""

from dataclasses import dataclass, replace
from datetime import timedelta

from engine.clock import NEPAL
from engine.stream.contracts import first_id
from engine.stream.intake import SAYS, Hours, Intake, Reason
from engine.stream.received import Received
from engine.stream.records import Records
from engine.stream.sources.messages import decoded
from engine.stream.ticks import SECOND, Symbols, Ticks
from storage.types import EPOCH

_ANY_TIME = 10 * 24 * 60 * 60 * SECOND  # a lateness by which no trade of a session is late


@dataclass(frozen=True, slots=True)
class Mended:
    """One trade, whose symbol may be new to the session; `twin` is the offset by which the same trade is in the session already."""

    records: Records
    twin: int | None
    known: bool  # whether its symbol was traded in the session

    @property
    def symbol(self) -> str:
        """The symbol of the trade."""
        return self.records.symbols.names[int(self.records.ticks.symbol[0])]

    @property
    def says(self) -> str:
        """The trade in words."""
        return _says(self.records.ticks, self.records.symbols)


def mended(found: Received, raw: bytes, *, at: int) -> Mended:
    """Read a record (JSON with the exchange's names) that is to be brought into a session at an instant (microseconds since 1970).

    `ValueError`, with what is wrong, where it is no trade of the session, or another trade has its contract.
    """
    records = decoded([raw], Symbols(found.records.symbols.names), at)
    if len(records) != 1:
        raise ValueError(f"one trade is needed, not a list of {len(records):,}")
    if records.unread:
        raise ValueError(records.unread[0].reason)
    ticks = records.ticks
    records = replace(records, ingest=records.ingest.clip(min=ticks.time))
    reason = Reason(int(Intake(found.session, _ANY_TIME).take(ticks).reasons[0]))
    if reason is not Reason.ACCEPTED:
        raise ValueError(_not_of_the_session(found, ticks, reason))
    holder = found.holders(ticks.contract).get(int(ticks.contract[0]))
    known = bool((found.records.ticks.symbol[found.reasons == Reason.ACCEPTED] == ticks.symbol[0]).any())
    if holder is None:
        return Mended(records, None, known)
    there = found.records.part(holder, holder + 1)
    if _says(ticks, records.symbols) == _says(there.ticks, there.symbols):
        return Mended(records, holder, known)
    raise ValueError(
        f"contract {int(ticks.contract[0])} is in the session already, from offset {holder:,}, as another trade: "
        f"{_says(there.ticks, there.symbols)}. Mend the contract id, or discard the letter"
    )


def _not_of_the_session(found: Received, ticks: Ticks, reason: Reason) -> str:
    if reason is Reason.OTHER_SESSION:
        day = str(first_id(found.session))[:8]
        return f"contract {int(ticks.contract[0])} is of another day: those of {found.session} begin with {day}"
    if reason in {Reason.FUTURE, Reason.OUT_OF_HOURS}:
        hours = Hours.of(found.session)
        return f"{_clock(int(ticks.time[0]))} is outside the hours of the session, {_clock(hours.opens)} to {_clock(hours.closes)}"
    return SAYS[reason]


def _says(ticks: Ticks, symbols: Symbols) -> str:
    name, rate = symbols.names[int(ticks.symbol[0])], int(ticks.rate[0])
    return f"{name}, {int(ticks.quantity[0]):,} shares at {rate // 100:,}.{rate % 100:02}, {_clock(int(ticks.time[0]))}"


def _clock(microseconds: int) -> str:
    return f"{(EPOCH + timedelta(microseconds=microseconds)).astimezone(NEPAL):%Y-%m-%d %H:%M:%S.%f}"
