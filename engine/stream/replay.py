"""A whole session replayed at once: its bars, its day, its alerts, and where every tick went."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from engine.stream.alert_diff import by_time
from engine.stream.alerts import StreamAlert
from engine.stream.bars import Bars, by_symbol, rolled_up
from engine.stream.contracts import Completeness
from engine.stream.intake import Reason
from engine.stream.processor import BAR_SECONDS, Processor
from engine.stream.ticks import Ints, Symbols, Ticks
from engine.thresholds import Thresholds

_DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Replay:
    """What a session's ticks come to under one set of thresholds."""

    session: date
    symbols: Symbols
    bars: Bars  # of a minute, by (symbol, start)
    days: Bars  # one a symbol
    alerts: list[StreamAlert]  # by the time at which they fired
    suppressed: int
    reasons: Ints  # a `Reason` for each tick, in the order given
    completeness: list[Completeness]

    @property
    def missing(self) -> int:
        """How many trades never came, by the holes in the sequences of contract ids; a lost tail cannot be seen."""
        return sum(part.missing for part in self.completeness)

    def set_aside(self) -> dict[str, int]:
        """Return how many ticks were set aside for each reason."""
        counted = Counter(self.reasons[self.reasons != Reason.ACCEPTED].tolist())
        return {Reason(reason).name.lower(): count for reason, count in sorted(counted.items())}


def replayed(
    session: date, ticks: Ticks, symbols: Symbols, thresholds: Thresholds, previous_closes: Mapping[str, int] | None = None
) -> Replay:
    """Replay ticks in the order in which they are given."""
    processor = Processor(session, symbols, thresholds, previous_closes or {})
    output = processor.whole(ticks)
    bars = by_symbol(output.bars)
    return Replay(
        session=session,
        symbols=symbols,
        bars=bars,
        days=rolled_up(bars, _DAY // BAR_SECONDS),
        alerts=sorted(output.alerts, key=by_time),
        suppressed=processor.suppressed,
        reasons=output.reasons,
        completeness=processor.intake.contracts.completeness(),
    )
