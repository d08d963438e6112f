"""The parts of the Stream page."""

from collections.abc import Sequence
from datetime import date, timedelta

import pyarrow as pa
import streamlit as st

from engine.stream.sources import AS_THEY_COME
from pages.ui import alert_data, alert_words, data, stream_data, stream_seconds
from pages.ui import format as say
from pages.ui.charts import live
from pages.ui.stream_data import WIDTHS, Candle, Mover, Working, instant
from pages.ui.stream_dialogs import ask_start
from pages.ui.stream_seconds import MarketSpan, Slid
from pages.ui.stream_words import Standing, Tone, clock, percent, rate, speed_word, standing, watermark_behind
from pages.ui.text import plain, words
from pages.ui.theme import Colour, look
from pages.ui.widgets import empty_state, page, tile
from storage.alert_list import AlertFilter
from storage.dead_letters import MOST_LETTERS
from storage.status import LetterState, RunStatus

_BOXES = {Tone.GOOD: st.success, Tone.NOTE: st.info, Tone.WARN: st.warning, Tone.BAD: st.error}
_ICONS = {
    Tone.GOOD: ":material/check_circle:",
    Tone.NOTE: ":material/hourglass_top:",
    Tone.WARN: ":material/warning:",
    Tone.BAD: ":material/error:",
}
_GO = ":material/arrow_forward:"
# Their letters keep the reason for which they were set aside at first.
_SETTLED = {"corrected": {"state": LetterState.EDITED.value}, "taken_back": {"state": LetterState.OPEN.value}}
_SHOWN, _RECENT = 12, 4
_USUAL_WIDTH = "5 min"  # a whole day of single minutes is finer than a screen
_TRADED, _GAINERS, _LOSERS = _MOVERS = ("Most traded", "Gainers", "Losers")


def never() -> None:
    """Say what to do while the stream has never worked."""
    empty_state(
        "The stream has not worked yet",
        text="It takes a session's trades from a source, makes bars and alerts of them, and keeps everything in its own log.",
        icon=":material/candlestick_chart:",
    )
    if st.button("Start a session…", key="stream_start", icon=":material/play_arrow:", type="primary"):
        ask_start()


def unknown(session: date) -> None:
    """Say that the stream never worked on the session that the address names."""
    text = "The link may be mistyped, or come from another console."
    empty_state(f"The stream never worked on {say.day(session)}", text=text, icon=":material/search_off:")
    if st.button("Start this session…", key="stream_start", icon=":material/play_arrow:", type="primary"):
        ask_start(session)


def banner(known: Working) -> None:
    """Say in a sentence whether it works, on what, how far, and what is wrong."""
    told = standing(known, runner_alive=bool(data.machine().alive), now=data.now())
    with st.container(key="stream_banner"):
        _BOXES[told.tone](_sentence(told), icon=_ICONS[told.tone])


def _sentence(told: Standing) -> str:
    detail = f" {plain(told.detail)}" if told.detail else ""
    return f"**{plain(told.headline)}.**{detail}"


def session_clock(known: Working) -> None:
    """Show how far the session is, in its own time."""
    state = known.state
    paced = state.source not in AS_THEY_COME
    source = ", ".join([*([state.source] if state.source else []), *([speed_word(state.speed)] if paced else ["live"])])
    at = f"{clock(known)} Nepal time, " if state.newest_us else ""
    with st.container(key="stream_clock", gap="xsmall"):
        st.progress(known.share, text=f"{at}{percent(known)} of the session")
        told = [say.day(state.session), source, f"{say.count(state.records, 'record')} received, {say.count(state.bars, 'bar')} closed"]
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(plain(" · ".join(told)), width="content")
            if state.simulated:
                st.badge("simulated", icon=":material/science:", color="violet")
            if state.version is not None:
                query = {"version": str(state.version)}
                st.page_link(page("rebuild.py"), label=f"Version {state.version} is served", icon=":material/layers:", query_params=query)


def tiles(known: Working) -> None:
    """Show the counters, each with a link to what it is made of."""
    with st.grid(6, min_column_width=150, key="stream_tiles"):
        _rate(known)
        _lag(known)
        _watermark(known)
        _missing(known)
        _aside(known)
        _alerts(known)


def _rate(known: Working) -> None:
    speed = rate(known, data.now())
    tile(
        "Ticks a second",
        say.NOTHING if speed is None else f"{speed:,.0f}" if speed >= 10 or not speed else f"{speed:.1f}",  # noqa: PLR2004, two digits
        note=("no record yet" if known.active else "nobody works")
        if speed is None
        else f"committed {say.ago(known.state.updated_at, data.now())}",
        colour="blue" if speed else "gray",
        script="run.py",
        query={"id": str(known.state.run_id)},
        action=f"Run {known.state.run_id}",
        key="rate",
        explanation="Records received, over the last five seconds.",
    )


def _lag(known: Working) -> None:
    state, now = known.state, data.now()
    newest, today = instant(state.newest_us), state.session == data.today()
    is_live = today and known.status is RunStatus.RUNNING and newest is not None
    commit = "—" if state.commit_ms is None else say.duration(state.commit_ms * 1000)
    tile(
        "Lag",
        say.span(max(now - newest, timedelta(0))) if is_live and newest is not None else commit,
        note=f"last commit took {commit}" if is_live else "to commit what came" if state.commit_ms is not None else "not measured yet",
        colour="gray",
        script="run.py",
        query={"id": str(state.run_id)},
        action="What it did",
        key="lag",
        explanation="Today's session: how old the newest trade is. A replay: from a batch's arrival to its commit, all that we add.",
    )


def _watermark(known: Working) -> None:
    behind = watermark_behind(known)
    tile(
        "Watermark behind",
        say.NOTHING if behind is None or known.state.ended_at else say.span(behind),
        note=f"{say.count(known.state.held, 'trade')} held" if known.state.ended_at is None else "closed",
        colour="gray",
        script="run.py",
        query={"id": str(known.state.run_id)},
        action="Its events",
        key="watermark",
        explanation="How long, in the session's own time, a bar waits for trades that come late; what comes later still is set aside.",
    )


def _missing(known: Working) -> None:
    state = known.state
    whole = state.accepted + state.missing
    tile(
        "Missing trades",
        f"{state.missing:,}",
        note=f"{say.percent(state.accepted, whole)} complete" if whole else "no trade yet",
        colour="gray" if not whole else "orange" if state.missing else "green",
        script="run.py",
        query={"id": str(state.run_id)},
        action="What it did",
        key="missing",
        explanation="Holes in the exchange's own numbering of its contracts.",
    )


def _aside(known: Working) -> None:
    aside = {reason: number for reason, number in sorted((known.state.aside or {}).items(), key=lambda item: -item[1]) if number}
    day = known.state.session.isoformat()
    of_day = {"pipeline": stream_data.STREAM, "since": day, "until": day}
    with st.container(border=True, gap="xsmall", height="stretch", key="tile_aside"):
        st.metric(
            "Set aside",
            f"{sum(aside.values()):,}",
            delta=f"of {say.count(known.state.records, 'record')}",
            delta_color="orange" if aside else "gray",
            delta_arrow="off",
            help="Late, twice, or no trade: each record is kept with its reason as a dead letter.",
        )
        for reason, number in aside.items():
            label = f"{number:,} {words(reason)}"
            chosen = of_day | _SETTLED.get(reason, {"reason": reason})
            st.page_link(page("dead_letters.py"), label=label, icon=_GO, icon_position="right", query_params=chosen)
        if sum(aside.values()) > MOST_LETTERS:
            st.caption(f"The first {MOST_LETTERS:,} have a letter; the log keeps all.")
        if not aside:
            st.page_link(page("dead_letters.py"), label="See them", icon=_GO, icon_position="right", query_params=of_day)


def _alerts(known: Working) -> None:
    state = known.state
    colour: Colour = "red" if known.open_alerts else "gray"
    tile(
        "Open alerts",
        f"{known.open_alerts:,}",
        note=f"{state.alerts:,} in all · {state.suppressed:,} kept quiet",
        colour=colour,
        script="alerts.py",
        query={"session": state.session.isoformat()} | ({"state": "open"} if known.open_alerts else {}),
        action="See the alerts",
        key="alerts",
        explanation="Rules that are broken now and that nobody has acknowledged or silenced. Kept quiet: broken anew within a cooldown.",
    )


def body(known: Working) -> None:
    """Draw the market: the chosen symbol, all of it by minute, who moved, what alerted."""
    session = known.state.session
    days = stream_data.movers(session)
    if not days:
        st.caption(_nothing_yet(known))
        return
    left, right = st.columns([5, 3], gap="large")
    with left:
        chart(session, days)
        st.subheader("Whole market")
        market(known)
    with right:
        st.subheader("Movers")
        movers(days)
        st.subheader("Alerts")
        recent_alerts(session)


def _nothing_yet(known: Working) -> str:
    if known.state.held:
        return f"Held until a later one comes: {say.count(known.state.held, 'trade')}."
    return "No trade of this session has been accepted yet."


def symbols(known: Sequence[Mover]) -> list[str]:
    """Return the symbols to choose from, the most traded first."""
    return [mover.symbol for mover in sorted(known, key=lambda mover: -mover.turnover_paisa)]


def chart(session: date, known: Sequence[Mover]) -> None:
    """Draw the bars of the chosen symbol."""
    offered = symbols(known)
    named = (st.query_params.get("symbol") or "").upper()
    with st.container(horizontal=True, vertical_alignment="bottom", key="chart_head"):
        options = sorted({*offered, *([named] if named else [])})
        if named or st.session_state.get("symbol") not in options:
            st.session_state["symbol"] = named or offered[0]
        symbol = st.selectbox("Symbol", options, key="symbol", on_change=_follow, width=170)
        width = st.segmented_control("Bars", list(WIDTHS), default=_USUAL_WIDTH, required=True, key="width", width="content")
        mover = next((one for one in known if one.symbol == symbol), None)
        if mover is not None:
            st.markdown(_told(mover), width="content")
    every = WIDTHS[width or _USUAL_WIDTH]
    bars = _bars(session, symbol or "", every)
    with st.container(key="candles_slot"):
        if not bars:
            st.caption(_no_bar(named, mover, every, stream_seconds.looked(session).trouble))
            return
        before = mover.previous_close_paisa / 100 if mover and mover.previous_close_paisa else None
        span = stream_seconds.shown(session) if every == 1 else (bars[0].start_us, bars[-1].start_us)
        slid = stream_seconds.sliding(session, symbol or "", every, *span)
        st.echarts_chart(
            live.candles(bars, span, width=every, previous_close=before, marks=stream_data.marks(session, symbol or ""), slid=slid),
            height=live.CANDLES_HEIGHT,
            key=f"candles_{session}_{symbol}_{width}",
            alt=f"Bars of {symbol} on {say.day(session)}, {say.count(len(bars), 'bar')}; the last close is {_price(bars[-1].prices)}",
        )
        st.caption(_slid(slid, alert_data.window_seconds(session), stream_seconds.looked(session).trouble))


def _bars(session: date, symbol: str, width: int) -> tuple[Candle, ...]:
    return stream_seconds.candles(session, symbol) if width == 1 else stream_data.candles(session, symbol, width)


def _no_bar(named: str, mover: Mover | None, width: int, trouble: str | None) -> str:
    if mover is None:
        return f"{plain(named)} was not traded in this session so far."
    if width > 1:
        return "No bar of this symbol has closed yet."
    return plain(trouble) if trouble else "It was not traded in the newest five minutes."


def _slid(slid: Sequence[Slid | None], window: int, trouble: str | None) -> str:
    """Return what the lines over the bars are, with their newest figures."""
    newest = slid[-1] if slid else None
    if trouble:
        return f"No sliding average: {plain(trouble)}"
    line = f":violet[:material/show_chart:] average of the trades of the last {window} s, dashed two standard deviations away"
    return line if newest is None else f"{line}; now {newest.average:,.2f}, volatility {newest.volatility_pct:.2f} %"


def _follow() -> None:
    st.query_params["symbol"] = st.session_state["symbol"]


def _price(prices: tuple[float, float, float, float] | None) -> str:
    return say.NOTHING if prices is None else f"{prices[3]:,.2f}"


def _told(mover: Mover) -> str:
    price = say.NOTHING if mover.close_paisa is None else f"{mover.close_paisa / 100:,.2f}"
    change = mover.change_pct
    moved = "" if change is None else f" :{'green' if change >= 0 else 'red'}[{change:+.2f} %]"
    return f"**{price}**{moved} :gray[{mover.volume:,} shares · {say.count(mover.trades, 'trade')}]"


def movers(known: Sequence[Mover]) -> None:
    """List the symbols that moved or were traded most; a click on one shows its bars."""
    kind = st.segmented_control("Movers", _MOVERS, default=_TRADED, required=True, key="movers", label_visibility="collapsed")
    listed = ranked(known, kind or _TRADED)
    if not listed:
        st.caption("None. A move is measured against the close before, which the daily pipeline brings.")
        return
    st.dataframe(
        pa.table(
            {
                "Symbol": [mover.symbol for mover in listed],
                "Last": pa.array([mover.close_paisa and mover.close_paisa / 100 for mover in listed], pa.float64()),
                "Change": pa.array([mover.change_pct for mover in listed], pa.float64()),
                "NPR m": pa.array([mover.turnover_paisa / 1e8 for mover in listed], pa.float64()),
                "Trades": pa.array([mover.trades for mover in listed], pa.int64()),
            }
        ),
        key="movers_table",
        hide_index=True,
        height="content",
        placeholder=say.NOTHING,
        alt=f"{kind}: symbol, last price, change against the close before, turnover and trades",
        column_config={
            "Symbol": st.column_config.ButtonColumn(
                type="tertiary", key="mover_chosen", alignment="left", width=78, help="Show its bars", on_click=_look_at
            ),
            "Last": st.column_config.NumberColumn(format="%,.2f", width=70),
            "Change": st.column_config.NumberColumn(format="%+.2f %%", width=72, help="Against the close of the session before"),
            "NPR m": st.column_config.NumberColumn(format="%,.1f", width=60, help="Turnover, million rupees"),
            "Trades": st.column_config.NumberColumn(format="localized", width=60),
        },
    )


def _look_at() -> None:
    """Show the bars of the symbol whose button was clicked; the label says which one, its row may have moved."""
    if click := st.session_state.get("mover_chosen"):
        st.session_state["symbol"] = st.query_params["symbol"] = str(click["label"])


def ranked(known: Sequence[Mover], kind: str) -> list[Mover]:
    """Return the first of the movers of a kind."""
    if kind == _TRADED:
        return sorted(known, key=lambda mover: -mover.turnover_paisa)[:_SHOWN]
    sign = 1 if kind == _GAINERS else -1
    moved = [(mover.change_pct, mover) for mover in known if mover.change_pct is not None]
    return [mover for change, mover in sorted(moved, key=lambda pair: -sign * pair[0]) if sign * change > 0][:_SHOWN]


def market(known: Working) -> None:
    """Draw what the whole market did, in spans of the chosen width."""
    width = st.session_state.get("width") or _USUAL_WIDTH
    found = stream_seconds.market(known.state.session, WIDTHS[width], known.state.bars)
    if not found:
        st.caption("No minute is over yet." if WIDTHS[width] > 1 else "No second of it can be shown.")
        return
    turnover, trades = sum(span.turnover_npr for span in found), sum(span.trades for span in found)
    which = "in the newest five minutes" if WIDTHS[width] == 1 else "in the bars that have closed"
    st.caption(f"NPR {turnover / 1e6:,.1f} million in {say.count(trades, 'trade')}, {which}.")
    st.echarts_chart(
        live.market(found, known.state.session, width=WIDTHS[width]),
        height=live.MARKET_HEIGHT,
        key=f"market_{known.state.session}_{width}",
        alt=f"The market, {width} by {width}: NPR {turnover / 1e6:,.1f} million in {trades:,} trades{_moved(found[-1])}",
    )


def _moved(last: MarketSpan) -> str:
    return "" if last.move_pct is None else f", the mean symbol {last.move_pct:+.2f} % from its close before"


def recent_alerts(session: date) -> None:
    """List the newest alerts of a session."""
    found = alert_data.page(AlertFilter(session=session), limit=_RECENT)
    if not found:
        st.caption(":material/check: No alert in this session.")
    for alert in found:
        said = alert_words.what(alert, alert_data.window_seconds(session))
        st.markdown(
            f"{look(alert.standing).badge} **{plain(alert_words.named(alert.symbol))}** {plain(said)} "
            f":gray[{say.clock_time(instant(alert.fired_us))}]"
        )
    label = "All alerts of the session"
    st.page_link(page("alerts.py"), label=label, icon=_GO, icon_position="right", query_params={"session": session.isoformat()})
