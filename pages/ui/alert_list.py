"""The list of alerts: filters that stand in the URL, the market's alerts with their symbols folded under them, and the silences."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import streamlit as st

from engine.stream.alerts import MARKET
from engine.stream.rules import RULES
from pages.ui import alert_data, alert_dialogs, data, listing, stream_data
from pages.ui import format as say
from pages.ui.actions import perform, services
from pages.ui.alert_data import AlertView, SilenceView
from pages.ui.alert_words import MARKET_WORD, named, rule_words, what
from pages.ui.stream_data import instant
from pages.ui.text import plain
from pages.ui.theme import look
from pages.ui.widgets import empty_state, page
from storage.alert_list import MOST_COUNTED, AlertFilter
from storage.status import AlertStanding

STANDINGS = tuple(standing.value for standing in AlertStanding)
_MARKS = {standing: f"{look(standing).sign} {look(standing).word}" for standing in AlertStanding}
_FOLDED, _UNFOLDED, _MEMBER = "▸", "▾", "↳ "
_KEY_LENGTH = 24


def filter_in_url() -> AlertFilter:
    """Return the filter that the URL says; words that mean nothing are left out."""
    asked = st.query_params
    standings = tuple(standing for standing in AlertStanding if standing.value in asked.get_all("state"))
    symbol = (asked.get("symbol") or "").strip().upper() or None
    return AlertFilter(standings, asked.get("rule") or None, symbol, stream_data.session_in_url())


def _in_url(name: str) -> str | None:
    value = st.query_params.get(name)
    return value if value and len(value) <= _KEY_LENGTH else None


def silence_button() -> None:
    """Offer to silence a rule or a symbol before it alerts."""
    if st.button("Silence…", key="silence", icon=":material/notifications_paused:"):
        alert_dialogs.ask_silence()


def filters() -> None:
    """Draw the fields of the filter; what they say stands in the URL."""
    chosen = filter_in_url()
    worked = sorted({*stream_data.sessions(), *([chosen.session] if chosen.session else [])}, reverse=True)
    rules = [*RULES, *([chosen.rule] if chosen.rule and chosen.rule not in RULES else [])]
    st.session_state["alert_symbol"], st.session_state["alert_rule"] = chosen.symbol or "", chosen.rule
    st.session_state["alert_session"] = chosen.session.isoformat() if chosen.session else None
    with st.container(horizontal=True, vertical_alignment="bottom", key="alert_filters"):
        days = [day.isoformat() for day in worked]
        st.selectbox("Session", days, key="alert_session", on_change=_choose, args=("session",), width=150, placeholder="any")
        st.selectbox(
            "Rule", rules, key="alert_rule", on_change=_choose, args=("rule",), width=190, placeholder="any", format_func=rule_words
        )
        st.text_input("Symbol", key="alert_symbol", on_change=_choose, args=("symbol",), width=130, placeholder="any")


def _choose(what_: str) -> None:
    """Write what was chosen into the URL, which the next draw reads."""
    if value := st.session_state[f"alert_{what_}"]:
        st.query_params[what_] = value
    else:
        st.query_params.pop(what_, None)
    listing.first_page()


def alerts() -> None:
    """Draw the counts, then the alerts that match, newest first, with what can be done about those that are selected."""
    chosen = filter_in_url()
    _standings(chosen)
    before, unfolded = _in_url("before"), _in_url("unfold")
    key = (
        f"alerts_{'_'.join(str(part or '') for part in (*chosen.standings, chosen.rule, chosen.symbol, chosen.session, before, unfolded))}"
    )
    actions, grid, paging = st.container(horizontal=True, vertical_alignment="center"), st.container(), st.container(horizontal=True)
    newest = alert_data.page(chosen, before=before)
    if not newest:
        with grid:
            _nothing(chosen)
        return
    listed = listing.standing_still(key, _with_members(newest, unfolded), named=lambda row: row.key, again=alert_data.rows_of)
    with actions:
        _actions(listed.picked, arrived=listed.arrived)
    with grid:
        _grid(listed.rows, key, unfolded=unfolded, one_session=chosen.session is not None)
    with paging:
        listing.paging("alerts", before, older_than=newest[-1].key if len(newest) == alert_data.PAGE else None)


def _with_members(newest: Sequence[AlertView], unfolded: str | None) -> list[AlertView]:
    return [row for alert in newest for row in (alert, *(alert_data.members(alert.key) if alert.key == unfolded else ()))]


def _standings(chosen: AlertFilter) -> None:
    counts = alert_data.counts(replace(chosen, standings=()))
    st.session_state["alert_state"] = list(chosen.standings)
    st.pills(
        "State",
        list(AlertStanding),
        selection_mode="multi",
        format_func=lambda standing: f"{_MARKS[standing]}  {say.up_to(counts[standing][0], MOST_COUNTED)}",
        key="alert_state",
        help="Of the alerts that match the other filters. Resolved: over, and nobody has acknowledged it.",
        on_change=_choose,
        args=("state",),
        wrap=True,
    )
    quiet = sum(suppressed for standing, (_, suppressed) in counts.items() if not chosen.standings or standing in chosen.standings)
    if quiet:
        st.caption(f"Rules were broken {say.count(quiet, 'more time')} within a cooldown and kept quiet.")


def _nothing(chosen: AlertFilter) -> None:
    if chosen == AlertFilter():
        empty_state("No alert so far", text="The stream has broken no rule, or has not worked yet.", icon=":material/notifications_off:")
        st.page_link(page("stream.py"), label="The stream", icon=":material/candlestick_chart:")
        return
    empty_state("No alert matches", text="Change or clear the filters above.", icon=":material/filter_alt_off:")
    if st.button("Clear the filters", key="alerts_clear", icon=":material/filter_alt_off:"):
        st.query_params.from_dict({"on": "stream"})
        st.rerun()


def _actions(picked: Sequence[AlertView], *, arrived: int) -> None:
    unseen = [alert for alert in picked if alert.acknowledged_at is None]
    # The same buttons in the same place, whatever is selected: a grid that moves under a click gives the wrong row.
    named_ = f"Acknowledge {say.count(len(unseen), 'alert')}" if unseen else "Acknowledge"
    if st.button(named_, key="acknowledge_picked", icon=":material/visibility:", disabled=not unseen):
        alert_dialogs.acknowledge(unseen)
    if st.button("Silence its like…", key="silence_picked", icon=":material/notifications_paused:", disabled=len(picked) != 1):
        alert_dialogs.ask_silence(picked[0])
    if not picked:
        st.caption("Select alerts to act on them; a symbol opens its chart.")
    elif arrived:
        st.caption(f"The list stands still while alerts are selected; {say.count(arrived, 'newer one')} waiting.")


def _grid(rows: Sequence[AlertView], key: str, *, unfolded: str | None, one_session: bool) -> None:
    opened, folds = f"{key}_open", f"{key}_fold"
    st.dataframe(
        frame(rows, unfolded=unfolded, one_session=one_session),
        key=key,
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode="multi-row",
        placeholder=say.NOTHING,
        alt="Alerts, newest first",
        column_config={
            "Symbol": st.column_config.ButtonColumn(
                type="tertiary",
                key=opened,
                pinned=True,
                alignment="left",
                width=100 if one_session else 180,
                help="Its chart on the Stream page",
            ),
            "State": st.column_config.MultiselectColumn(
                options=list(_MARKS.values()), color=[look(standing).colour for standing in AlertStanding], width=120
            ),
            "At": st.column_config.TextColumn(width=76, help="When it fired, in Nepal, by the session's own time"),
            "What": st.column_config.TextColumn(width=365),
            "Folded": st.column_config.ButtonColumn(
                type="tertiary", key=folds, alignment="left", width=150, help="Show or hide its symbols"
            ),
            "Kept quiet": st.column_config.NumberColumn(format="localized", width=76, help="Broken anew within the cooldown"),
            "Lasted": st.column_config.TextColumn(help="From when it fired until it was over"),
            "Seen by": st.column_config.TextColumn(width=150),
        },
    )
    if click := st.session_state.get(opened):  # the label says which symbol was meant; its row may have moved
        _open_chart(str(click["label"]), rows)
    if click := st.session_state.get(folds):
        _fold(str(click["label"]), rows)


def frame(rows: Sequence[AlertView], *, unfolded: str | None = None, one_session: bool = True) -> pa.Table:
    """Return what the grid shows of each alert."""
    folds = {"Folded": [_fold_label(row, unfolded) for row in rows]} if any(row.members for row in rows) else {}
    windows = {session: alert_data.window_seconds(session) for session in {row.session for row in rows}}
    return pa.table(
        {
            "Symbol": [_label(row, one_session=one_session) for row in rows],
            "State": [[_MARKS[row.standing]] for row in rows],
            "At": [say.clock_time(instant(row.fired_us)) for row in rows],
            "What": [what(row, windows[row.session]) for row in rows],
            **folds,
            "Kept quiet": pa.array([row.suppressed for row in rows], pa.int64()),
            "Lasted": [_lasted(row) for row in rows],
            "Seen by": [row.acknowledged_by for row in rows],
        }
    )


def _label(row: AlertView, *, one_session: bool) -> str:
    day = "" if one_session else f" · {row.session}"
    return f"{_MEMBER if row.market_key else ''}{named(row.symbol)}{day}"


def _fold_label(row: AlertView, unfolded: str | None) -> str | None:
    if not row.members:
        return None
    sign = _UNFOLDED if row.key == unfolded else _FOLDED
    return f"{sign} {say.count(row.members, 'symbol')} {say.clock_time(instant(row.fired_us))}"


def _lasted(row: AlertView) -> str:
    return "still" if row.resolved_us is None else say.duration(row.resolved_us - row.fired_us)


def _open_chart(label: str, rows: Sequence[AlertView]) -> None:
    symbol, _, day = label.removeprefix(_MEMBER).partition(" · ")
    session = day or rows[0].session.isoformat()
    to_symbol = {} if symbol == MARKET_WORD else {"symbol": symbol}
    st.switch_page("stream.py", query_params={"session": session} | to_symbol)


def _fold(label: str, rows: Sequence[AlertView]) -> None:
    """Unfold the market's alert with that time, or fold it; the page of the list stays."""
    at = label.rsplit(" ", 1)[-1]
    meant = next((row for row in rows if row.symbol == MARKET and say.clock_time(instant(row.fired_us)) == at), None)
    if meant is None or label.startswith(_UNFOLDED):
        st.query_params.pop("unfold", None)
    else:
        st.query_params["unfold"] = meant.key
    st.rerun()


def silences() -> None:
    """List the silences that hold, each with a button that lifts it, then those that are over."""
    now = data.now()
    known = alert_data.silences()
    holding = [silence for silence in known if silence.holds(now)]
    over = [silence for silence in known if not silence.holds(now)]
    if not holding:
        st.caption(":material/check: Nothing is silenced.")
    for silence in holding:
        with st.container(horizontal=True, vertical_alignment="center", key=f"silence_{silence.id}"):
            if st.button("Lift", key=f"lift_{silence.id}", icon=":material/notifications_active:"):
                perform("It is lifted.", services().lift_silence, silence.id)
            st.markdown(
                f"**{plain(_about(silence))}** until {say.stamp(silence.until)} ({say.ago(silence.until, now)}) "
                f":gray[{plain(silence.reason)} · {plain(silence.silenced_by)}]"
            )
    if over:
        with st.expander(f"Over ({len(over)})", key="silences_over"):
            table = {
                "Of": [_about(silence) for silence in over],
                "From": [say.stamp(silence.silenced_at) for silence in over],
                "Until": [say.stamp(silence.lifted_at or silence.until) for silence in over],
                "How it ended": ["lifted" if silence.lifted_at else "its time was over" for silence in over],
                "Why": [plain(silence.reason) for silence in over],
                "By": [plain(silence.silenced_by) for silence in over],
            }
            st.table(pa.table(table), border="horizontal", hide_index=True, alt="Silences that are over")


def _about(silence: SilenceView) -> str:
    parts = [rule_words(silence.rule) if silence.rule else "Every rule", *([f"of {named(silence.symbol)}"] if silence.symbol else [])]
    return " ".join(parts)
