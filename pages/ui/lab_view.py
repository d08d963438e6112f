"""What the Replay lab shows of one day under two sets of thresholds: sums, a chart, every alert, and the tape around one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine.stream.alert_diff import AlertDiff, Side, SidedAlert
from engine.stream.alerts import MARKET, StreamAlert
from engine.stream.prepared_tape import PreparedTape
from engine.stream.processor import BAR_SECONDS
from engine.stream.replay import Replay
from engine.stream.rules import INDEX_HALT, RULES
from engine.stream.ticks import SECOND
from engine.thresholds import Thresholds
from pages.ui import format as say
from pages.ui.alert_words import market_moved
from pages.ui.charts import tape as charts
from pages.ui.quality_data import name_of
from pages.ui.text import plain

ALERT, SYMBOL, RULE, SIDE = "alert", "symbol", "rule", "in"  # of the URL
_MOST = 1000  # alerts that are drawn and listed
_BEFORE, _AFTER = 8, 5  # trades of the symbol around an alert
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Compared:
    """One day replayed twice: A under the thresholds as they stand, B under the turned ones."""

    prepared: PreparedTape
    now: Thresholds
    then: Thresholds
    a: Replay
    b: Replay
    diff: AlertDiff
    turned: bool


def headline(seen: Compared) -> None:
    """Say in one sentence what turning to B would have changed."""
    day, were = say.day(seen.prepared.session), len(seen.a.alerts)
    fewer, new = seen.diff.count(Side.ONLY_A), seen.diff.count(Side.ONLY_B)
    with st.container(key="lab_says"):
        if not seen.turned:
            quiet = f", {seen.a.suppressed:,} more kept quiet by the cooldown" if seen.a.suppressed else ""
            st.info(
                f"**As it stands, {day} raises {say.count(were, 'alert')}**{quiet}. Turn a threshold to see another day.",
                icon=":material/rule:",
            )
        elif not fewer and not new:
            st.success(f"**B raises the very same {say.count(were, 'alert')} on {day}.**", icon=":material/check:")
        else:
            parts = [f"{say.count(fewer, 'alert')} fewer"] if fewer else []
            parts += (
                [f"{new:,} new {'one' if new == 1 else 'ones'}" if fewer else f"{new:,} new {'alert' if new == 1 else 'alerts'}"]
                if new
                else []
            )
            said = " and ".join(parts)
            st.warning(f"**B raises {said} on {day}:** {len(seen.b.alerts):,} instead of {were:,}.", icon=":material/compare_arrows:")


def tiles(seen: Compared) -> None:
    """Show how many alerts each side has, alone and together."""
    with st.grid(4, min_column_width=130, key="lab_tiles"):
        for label, replay in (("A, as it stands", seen.a), ("B, as turned", seen.b)):
            market = sum(alert.symbol == MARKET for alert in replay.alerts)
            note = f"{replay.suppressed:,} quiet, {market:,} market-wide" if market else f"{replay.suppressed:,} kept quiet"
            _tile(
                label,
                len(replay.alerts),
                note,
                f"{label}: alerts of the day; how often a cooldown kept a rule quiet; alerts that stand for many symbols.",
            )
        _tile("Only in A", seen.diff.count(Side.ONLY_A), "gone with B", "Alerts that B would not have raised.")
        _tile(
            "Only in B",
            seen.diff.count(Side.ONLY_B),
            f"new; {seen.diff.count(Side.BOTH):,} in both",
            "Alerts that only B would have raised.",
        )


def _tile(label: str, number: int, note: str, explanation: str) -> None:
    with st.container(border=True, height="stretch"):
        st.metric(label, f"{number:,}", delta=note, delta_color="gray", delta_arrow="off", help=explanation)


def chart(seen: Compared, listed: Sequence[SidedAlert], symbol: str | None) -> None:
    """Draw the day and its alerts; a click on one chooses it."""
    chosen, shown = st.query_params.get(ALERT), listed[:_MOST]
    if symbol and symbol != MARKET:
        line, name, unit = _prices(seen, symbol), symbol, "NPR"
        rows: Sequence[str] = ()
    else:
        line, name, unit = _market(seen)
        rows = [name_of(rule) for rule in RULES if any(one.alert.rule == rule for one in shown)]
    marks = [
        charts.Mark(
            one.side,
            one.alert.fired,
            name_of(one.alert.rule) if rows else one.alert.rate / 100,
            f"{_clock(one.alert.fired)} {one.alert.symbol}, {name_of(one.alert.rule)}: {say.figure(one.alert.score)}",
            chosen=one.alert.key == chosen,
        )
        for one in shown
    ]
    by_series = [[one.alert.key for one in shown if one.side is side] for side in charts.SIDES]

    def choose() -> None:
        for series in st.session_state["lab_chart"].selection.selected:
            places = by_series[series["series_index"] - 1] if series["series_index"] else []
            for place in series["data_indices"]:
                if place < len(places):
                    st.query_params[ALERT] = places[place]

    st.echarts_chart(
        charts.day(line, name=name, unit=unit, marks=marks, rows=rows, area=bool(rows)),
        height=charts.height(len(rows)),
        key="lab_chart",
        on_select=choose,
        alt=f"{name} over the day, with {len(marks)} alerts: {_told_sides(listed)}",
    )


def _told_sides(listed: Sequence[SidedAlert]) -> str:
    return ", ".join(f"{sum(one.side is side for one in listed)} {side.value}" for side in Side)


def _prices(seen: Compared, symbol: str) -> list[tuple[int, float | None]]:
    """Return every price of a symbol; the close of a minute would hide the very trades that alerts are about."""
    ticks = seen.prepared.ticks_of(symbol, seen.now)
    return [(at, rate / 100) for at, rate in zip(ticks.time.tolist(), ticks.rate.tolist(), strict=True)]


def _market(seen: Compared) -> tuple[list[tuple[int, float | None]], str, str]:
    """Return how far the market has moved from the closes before; where none is known, how much was traded."""
    minutes, moves = seen.prepared.market(seen.now)
    starts = (minutes.start * (BAR_SECONDS * SECOND)).tolist()
    if not np.isnan(moves).all():
        return [(at, None if isnan(move) else round(move, 3)) for at, move in zip(starts, moves.tolist(), strict=True)], "Mean move", "%"
    return list(zip(starts, minutes.trades.astype(np.float64).tolist(), strict=True)), "Trades", "a minute"


def table(seen: Compared, listed: Sequence[SidedAlert]) -> None:
    """List the alerts; a click on one chooses it."""
    if not listed:
        st.caption(":material/check: No alert.")
        return
    shown = listed[:_MOST]
    chosen = st.query_params.get(ALERT)
    labels = {f"{'▸ ' if one.alert.key == chosen else ''}{_label(one.alert)}": one.alert.key for one in shown}
    frame = pd.DataFrame(
        {
            "Alert": list(labels),
            "In": [[one.side.value] for one in shown],
            "Score": [_score(seen, one.alert) for one in shown],
            "Price, NPR": [None if one.alert.symbol == MARKET else one.alert.rate / 100 for one in shown],
            "Lasted": [_lasted(one.alert) for one in shown],
            "Kept quiet": [one.alert.suppressed for one in shown],
            "Stands for": [_stands_for(one.alert) for one in shown],
        }
    )
    st.dataframe(
        frame,
        key="lab_alerts",
        hide_index=True,
        height="content" if len(shown) <= 10 else 385,  # noqa: PLR2004, rows that are shown without scrolling
        alt="Every alert of the day, and whether it is in A, in B or in both",
        column_config={
            "Alert": st.column_config.ButtonColumn(
                type="tertiary", key="lab_alert_open", alignment="left", width=265, help="See the trades around it"
            ),
            "In": st.column_config.MultiselectColumn(
                options=[side.value for side in charts.SIDES], color=[colour for colour, _ in charts.SIDES.values()], width=90
            ),
            "Score": st.column_config.TextColumn(width=215, help="What the trade scored by the rule, and the limit"),
            "Price, NPR": st.column_config.NumberColumn(format="%,.2f", width=95),
            "Lasted": st.column_config.TextColumn(width=90, help="Until it was well again, or the session ended"),
            "Kept quiet": st.column_config.NumberColumn(width=85, help="How often the rule was broken anew within the cooldown"),
            "Stands for": st.column_config.TextColumn(width=130),
        },
    )
    if len(listed) > _MOST:
        st.caption(f"The first {_MOST:,} of {len(listed):,}.")
    if click := st.session_state.get("lab_alert_open"):
        key = labels.get(str(click["label"]))
        if key and key != chosen:
            st.query_params[ALERT] = key
            st.rerun()


def _score(seen: Compared, alert: StreamAlert) -> str:
    if alert.rule == INDEX_HALT.id:
        return market_moved(seen.prepared.session, alert.score, alert.limit)
    return f"{say.figure(alert.score)} above {alert.limit:,.10g} {RULES[alert.rule].limit.unit}"


def _label(alert: StreamAlert) -> str:
    return f"{_clock(alert.fired)} · {alert.symbol} · {name_of(alert.rule)}"


def _clock(microseconds: int) -> str:
    return say.clock_time(_EPOCH + timedelta(microseconds=microseconds))


def _lasted(alert: StreamAlert) -> str:
    return say.NOTHING if alert.resolved is None else say.duration(alert.resolved - alert.fired)


def _stands_for(alert: StreamAlert) -> str:
    if alert.rule == INDEX_HALT.id:
        return "the whole market"
    if alert.symbol == MARKET:
        return f"{alert.members:,} symbols"
    return "part of the market's" if alert.group else ""


def around(seen: Compared) -> None:
    """Show the symbol's trades around the alert that the address names."""
    key = st.query_params.get(ALERT)
    chosen = next((one for one in seen.diff.alerts if one.alert.key == key), None)
    if chosen is None:
        if key:
            st.caption(":material/link_off: The alert that the address names is neither in A nor in B any more.")
        return
    alert = chosen.alert
    with st.container(border=True, key="lab_around"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### The tape around {plain(_label(alert))}", width="content")
            st.badge(chosen.side.value, color=charts.SIDES[chosen.side][0])
            st.space("stretch")
            if alert.symbol not in (MARKET, st.query_params.get(SYMBOL)):
                st.button("Show its price", key="lab_symbol", icon=":material/show_chart:", on_click=_show, args=(alert.symbol,))
            st.button("Close", key="lab_around_close", icon=":material/close:", type="tertiary", on_click=_close)
        st.caption(f"{RULES[alert.rule].says} Here {plain(_score(seen, alert))}.")
        if alert.rule == INDEX_HALT.id:
            st.caption("The chart without a symbol shows the market's move by minute; the rule looks at it each second.")
        elif alert.symbol == MARKET:
            _members(seen, alert)
        else:
            st.dataframe(
                _trades(seen, alert),
                key="lab_trades",
                hide_index=True,
                height="content",
                row_height=27,
                column_config={"": st.column_config.TextColumn(width=30)},
                alt=f"The trades of {alert.symbol} around the alert",
            )


def _close() -> None:
    st.query_params.pop(ALERT, None)


def _show(symbol: str) -> None:
    st.query_params[SYMBOL] = symbol


def _members(seen: Compared, market: StreamAlert) -> None:
    members = sorted({one.alert.symbol for one in seen.diff.alerts if one.alert.group == market.key})
    st.markdown(f"One alert for {say.count(len(members), 'symbol')}: {plain(', '.join(members))}.")


def _trades(seen: Compared, alert: StreamAlert) -> pd.DataFrame:
    ticks = seen.prepared.ticks_of(alert.symbol, seen.now)
    place = int(np.flatnonzero(ticks.contract == alert.contract)[0])
    span = slice(max(place - _BEFORE, 0), place + _AFTER + 1)
    by_a, by_b = (seen.prepared.scores_of(alert.symbol, alert.rule, limits)[span] for limits in (seen.now, seen.then))
    near = ticks.take(span)
    columns: dict[str, Any] = {
        "": ["▶" if contract == alert.contract else "" for contract in near.contract.tolist()],
        "Time": [_exact(at) for at in near.time.tolist()],
        "Price, NPR": [f"{rate / 100:,.2f}" for rate in near.rate.tolist()],
        "Shares": [f"{quantity:,}" for quantity in near.quantity.tolist()],
    }
    return pd.DataFrame(columns | _scores(by_a, by_b) | {"Contract": [str(contract) for contract in near.contract.tolist()]})


def _exact(microseconds: int) -> str:
    return f"{_clock(microseconds)}.{microseconds % SECOND:06d}"


def _scores(by_a: np.ndarray, by_b: np.ndarray) -> dict[str, list[str]]:
    """Return the scores under both, in one column where they are the same."""
    if np.array_equal(by_a, by_b, equal_nan=True):
        return {"Score": [say.figure(score) for score in by_a.tolist()]}
    return {"Score in A": [say.figure(score) for score in by_a.tolist()], "Score in B": [say.figure(score) for score in by_b.tolist()]}
