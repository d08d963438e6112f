"""Alerts in words: what happened, against which limit."""

from collections.abc import Callable, Mapping
from datetime import date

from engine.stream.alerts import MARKET
from engine.stream.index_halt import halt_of
from engine.stream.rules import BURST_SECONDS, INDEX_HALT, RULES
from pages.ui import format as say
from pages.ui.alert_data import AlertView
from pages.ui.text import words

MARKET_WORD = "Whole market"

_SAID: Mapping[str, Callable[[float, float, int], str]] = {
    "moving_average": lambda score, bound, window: f"{score:.1f} % off the average of its last {window} s, limit {bound:g} %",
    "price_band": lambda score, bound, _: f"{score:.2f} points beyond its daily band, limit {bound:g}",
    "price_limit": lambda score, bound, _: f"traded at NPR {score:,.2f}, limit NPR {bound:,.0f}",
    "volume_limit": lambda score, bound, _: f"{score:,.0f} shares in one trade, limit {bound:,.0f}",
    "trade_burst": lambda score, bound, _: f"{score:.0f} times its usual trades within {BURST_SECONDS} s, limit {bound:g} times",
}


def what(alert: AlertView, window: int) -> str:
    """Return what happened and the limit, without the symbol: `5.4 % off the average of its last 300 s, limit 5 %`."""
    if alert.rule == INDEX_HALT.id:
        return market_moved(alert.session, alert.score, alert.bound)
    told = _SAID.get(alert.rule)
    said = told(alert.score, alert.bound, window) if told else f"{say.figure(alert.score)} against {say.figure(alert.bound)}"
    if alert.symbol == MARKET:
        return f"{say.count(alert.members, 'symbol')}; the farthest {said}"
    return said


def market_moved(session: date, move_pct: float, alert_above: float) -> str:
    """Return how far the market moved and what the exchange does at the level that it came near."""
    moved = f"moved {move_pct:+.2f} %, limit {alert_above:g} %"
    if (halt := halt_of(session, alert_above)) is None:
        return moved
    return f"{moved}; {halt.move_pct} % halts trading for {f'{halt.minutes} min' if halt.minutes else 'the day'}"


def named(symbol: str) -> str:
    """Return the symbol of an alert as people read it."""
    return MARKET_WORD if symbol == MARKET else symbol


def rule_words(rule: str) -> str:
    """Return the name of a rule as words."""
    return words(rule).capitalize()


def rule_says(rule: str) -> str:
    """Return what a rule says, as its docstring has it."""
    known = RULES.get(rule)
    return known.says if known else rule_words(rule)
