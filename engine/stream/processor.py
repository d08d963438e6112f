"""One session of the stream: ticks in the order of their arrival go in; bars, alerts and what was set aside come out.

What comes out depends on the ticks and the times at which they were taken in, and on nothing else: not on the clock, the size of a batch,
or the order of arrival within the allowed lateness.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from engine.clock import nepal_time
from engine.market.rules import MarketRules, rules_on
from engine.stream.alerts import Alerts, StreamAlert
from engine.stream.bars import Bars, OpenBars
from engine.stream.index_halt import levels_of
from engine.stream.intake import Intake, Sorted
from engine.stream.market_seconds import MarketSeconds
from engine.stream.rules import WINDOW, Known, Rule, active, moment
from engine.stream.ticks import SECOND, Ints, Symbols, Ticks, joined
from engine.stream.trailing import Trailing, WholeTape, grouped, spans
from engine.thresholds import Thresholds, ThresholdSpec, threshold

LATENESS = threshold(
    ThresholdSpec("stream.lateness_s", 5, 0, 600, 1, "seconds", "how much later than a newer trade a trade may come and still be in order")
)
BAR_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Output:
    """What one batch has brought."""

    ticks: Ticks  # that the watermark has passed, in order
    reasons: Ints  # a `Reason` for each tick of the batch, in the order of arrival
    bars: Bars  # closed minutes
    alerts: list[StreamAlert]  # new or changed
    watermark: int


@dataclass(slots=True)
class Processor:
    """The state of one session; `previous_closes` (paisa) are those of the session before, as far as they are known."""

    session: date
    symbols: Symbols
    thresholds: Thresholds
    previous_closes: Mapping[str, int] = field(default_factory=dict)
    rules: MarketRules = field(init=False)
    intake: Intake = field(init=False)
    _trailing: Trailing = field(init=False)
    _open: OpenBars = field(init=False)
    _alerts: Alerts = field(init=False)
    _seconds: MarketSeconds = field(init=False)
    _active: list[Rule] = field(init=False)
    _known: Known = field(init=False)

    def __post_init__(self) -> None:
        self.rules = rules_on(self.session)
        self.intake = Intake(self.session, int(self.thresholds[LATENESS.key] * SECOND))
        self._trailing = Trailing(int(self.thresholds[WINDOW.key]))
        self._open = OpenBars(BAR_SECONDS * SECOND, self.rules.board_lot)
        self._active = active(self.thresholds)
        self._alerts = Alerts(self._active, self.symbols.names, self.thresholds, levels_of(self.session, self.thresholds))
        self._seconds = MarketSeconds(self.rules.board_lot)
        opening = nepal_time(self.session, self.rules.hours.opens.hour, self.rules.hours.opens.minute)
        self._known = Known(int(opening.timestamp()), float(self.rules.band_pct), np.full(0, np.nan))

    @property
    def suppressed(self) -> int:
        """How often a rule was broken anew within its cooldown."""
        return self._alerts.suppressed

    def feed(self, ticks: Ticks, ingest: Ints | None = None) -> Output:
        """Take a batch in, in the order of its arrival; `ingest` as in `Intake.take`."""
        arrived = self.intake.take(ticks, ingest)
        self._stream(arrived.ticks)
        return self._output(arrived)

    def close(self) -> Output:
        """End the session: the last bars close and what fires is resolved."""
        arrived = self.intake.close()
        self._stream(arrived.ticks)
        self._alerts.close(arrived.watermark, self._seconds.close())
        return self._output(arrived)

    def whole(self, ticks: Ticks, ingest: Ints | None = None) -> Output:
        """Take a whole session in and end it: what `feed` and `close` would give, several times as fast. Only for a fresh processor."""
        arrived, rest = self.intake.take(ticks, ingest), self.intake.close()
        released = joined([arrived.ticks, rest.ticks])
        if len(released):
            self._judge(released, WholeTape())
        self._alerts.close(rest.watermark, self._seconds.close())
        return self._output(Sorted(released, arrived.reasons, rest.watermark))

    def _stream(self, ticks: Ticks) -> None:
        for part in spans(ticks):
            self._judge(part, self._trailing)

    def _judge(self, ticks: Ticks, trailing: Trailing | WholeTape) -> None:
        self._know_closes()
        group = grouped(ticks)
        self._open.add(ticks, group)
        before = trailing.add(group)
        seen = moment(group, before, trailing, self._known, self.thresholds)
        seconds = self._seconds.add(ticks, group, before.pane, seen.previous_close) if self._alerts.levels else None
        self._alerts.add(group, [rule.score(seen) for rule in self._active], int(ticks.time[-1]), seconds)

    def _output(self, arrived: Sorted) -> Output:
        bars = self._open.close(arrived.watermark)
        return Output(arrived.ticks, arrived.reasons, bars, self._alerts.changed(), arrived.watermark)

    def _know_closes(self) -> None:
        known = self._known.previous_closes
        new = self.symbols.names[len(known) :]
        if new:
            closes = np.array([self.previous_closes.get(name, np.nan) for name in new], np.float64)
            self._known.previous_closes = np.concatenate([known, closes])
