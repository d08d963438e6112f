"""Questions that are asked before alerts are silenced."""

from collections.abc import Mapping, Sequence

import streamlit as st

from engine.services import Services
from engine.stream.rules import RULES
from pages.ui import format as say
from pages.ui.actions import perform, request_key, services
from pages.ui.alert_data import AlertView
from pages.ui.alert_words import rule_says, rule_words

_LENGTHS: Mapping[str, int] = {"15 min": 15, "1 h": 60, "4 h": 240, "1 day": 1440, "1 week": 10_080}
_ANY = "any rule"


def acknowledge(chosen: Sequence[AlertView]) -> None:
    """Write that somebody has seen these alerts."""
    said = f"{say.count(len(chosen), 'alert is', 'alerts are')} acknowledged."
    perform(said, _acknowledge, services(), tuple(alert.key for alert in chosen))


def _acknowledge(commands: Services, keys: Sequence[str]) -> str | None:
    answers = [commands.acknowledge_alert(key) for key in keys]
    return answers[0] if len(answers) == 1 else None


def ask_silence(about: AlertView | None = None) -> None:
    """Ask of which rule, symbol or both nobody wants to hear, how long, and why."""

    @st.dialog("Silence alerts", icon=":material/notifications_paused:")
    def ask() -> None:
        rules = [_ANY, *RULES]
        place = rules.index(about.rule) if about is not None and about.rule in rules else 0
        rule = st.selectbox(
            "Rule", rules, index=place, format_func=lambda name: name if name == _ANY else rule_words(name), key="silence_rule"
        )
        st.caption(rule_says(rule) if rule != _ANY else "Every rule, of the symbol that is named below.")
        symbol = st.text_input("Symbol", value=about.symbol if about is not None else "", placeholder="any", key="silence_symbol")
        length = st.segmented_control("For", list(_LENGTHS), default="1 h", required=True, key="silence_length")
        reason = st.text_input("Why", key="silence_reason", placeholder="Whoever looks later has only your reason")
        st.caption("They are still recorded, and stand under “silenced”; when the time is over, what still fires is open again.")
        with st.container(horizontal=True):
            wanted = st.button("Silence", key="silence_yes", type="primary", icon=":material/notifications_paused:")
            if st.button("Not now", key="silence_no"):
                st.rerun()
        if wanted:  # below the buttons: what is wrong is said there
            perform(
                "They are silenced.",
                services().silence_alerts,
                rule=None if rule == _ANY else rule,
                symbol=symbol.strip().upper() or None,
                minutes=_LENGTHS[length or "1 h"],
                reason=reason,
                request_key=request_key("silence"),
            )

    ask()
