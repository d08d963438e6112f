"""Answers: what would other thresholds of the stream have alerted on, on a day of the past."""

from datetime import date
from time import perf_counter

import streamlit as st

from engine.stream.alert_diff import Side, alert_diff
from engine.stream.alerts import MARKET
from engine.stream.rules import RULES
from engine.thresholds import snapshot
from pages.ui import format as say
from pages.ui import lab_controls as controls
from pages.ui import lab_view as parts
from pages.ui import quality_data, tape_choice, tape_data
from pages.ui.quality_data import name_of
from pages.ui.tape_data import Loaded
from pages.ui.url_choice import choice, warn_of_unknown
from pages.ui.widgets import known_parameters, page

CHOSEN = (parts.SYMBOL, parts.RULE, parts.SIDE, parts.ALERT, *controls.PARAMETERS)


@st.fragment
def lab(tape: Loaded) -> None:
    """Draw the sliders beside what B would have changed; only this is drawn anew when one is turned."""
    tape_choice.keep(tape.prepared.session, *CHOSEN)
    now = quality_data.thresholds()
    left, right = st.columns([4, 9], gap="large")
    with left:
        st.markdown("#### B, against A as it stands")
        turned = controls.turned(now)
        controls.save(turned, now, tape.prepared.session)
    with right:
        began = perf_counter()
        then = snapshot(dict(now.values) | turned, now.version)
        a = tape.prepared.replay(now)
        b = tape.prepared.replay(then) if turned else a
        took = perf_counter() - began
        seen = parts.Compared(tape.prepared, now, then, a, b, alert_diff(a.alerts, b.alerts), turned=bool(turned))
        parts.headline(seen)
        parts.tiles(seen)
        _alerts(seen, took)


def _alerts(seen: parts.Compared, took: float) -> None:
    symbols = _symbols(seen)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        symbol = choice("Symbol", symbols, name=parts.SYMBOL, default=None, placeholder="All symbols", width=170)
        rule = choice("Rule", list(RULES), name=parts.RULE, default=None, said=name_of, placeholder="All rules", width=170)
        side = choice("In", [side.value for side in Side], name=parts.SIDE, default=None, placeholder="A or B", width=130)
        st.space("stretch")
        once = "replayed" if seen.a is seen.b else "replayed twice"
        st.caption(f"{say.count(len(seen.prepared.ticks), 'trade')} {once} in {1000 * took:.0f} ms", width="content")
    warn_of_unknown(symbols, name=parts.SYMBOL, noun="a symbol of which there is no trade on this day")
    listed = [one for one in seen.diff.of(symbol=symbol, rule=rule).alerts if side in (None, one.side)]
    parts.chart(seen, listed, symbol)
    parts.around(seen)
    parts.table(seen, listed)


def _symbols(seen: parts.Compared) -> list[str]:
    """Return every symbol of the day: those with an alert first, the market's before them."""
    alerting = sorted({one.alert.symbol for one in seen.diff.alerts}, key=lambda symbol: (symbol != MARKET, symbol))
    return [*alerting, *sorted(set(seen.prepared.symbols.names) - set(alerting))]


def _about(tape: Loaded, day: date) -> None:
    known, quiet = tape.prepared.previous_closes, tape.prepared.replay(quality_data.thresholds())
    missing = f", {say.count(quiet.missing, 'trade')} missing by the contract ids" if quiet.missing else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f"{say.count(len(tape.tape.ticks), 'trade')} of {say.count(len(tape.tape.symbols), 'symbol')}{missing}.", width="content"
        )
        st.page_link(page("reconcile.py"), label="Reconcile", icon=":material/balance:", query_params={"session": day.isoformat()})
        st.page_link(page("rebuild.py"), label="Rebuild", icon=":material/layers:")
        if not known:
            st.caption("Its closes before are not known, so no price leaves its band.", width="content")
            tape_choice.load_it(day)


day = tape_choice.title("Replay lab", tape_data.tape_days())
known_parameters(tape_choice.DAY, *CHOSEN)
if day is None:
    st.stop()
tape = tape_choice.tape_of(day)
if tape is None:
    st.stop()
_about(tape, day)
lab(tape)
