"""The script that the server runs for every visit: navigation, what stands beside every page, then the page."""

from pathlib import Path

import streamlit as st

from pages.ui.actions import show_notice
from pages.ui.strip import source_notice, status_strip

ICON = Path(__file__).parent / "ui" / "icon.svg"  # a named icon would be fetched from the network
st.set_page_config(page_title="NEPSE pipelines", page_icon=str(ICON), layout="wide")

page = st.navigation(
    {
        "Watch": [
            st.Page("overview.py", title="Overview", icon=":material/monitor_heart:", default=True, help="Is anything wrong right now?"),
            st.Page(
                "alerts.py",
                title="Alerts",
                icon=":material/notifications:",
                help="What is wrong, who was told, what broke a rule: acknowledge, silence.",
            ),
            st.Page(
                "runs.py", title="Runs", icon=":material/calendar_month:", help="Every date and every run: rerun, backfill, book, cancel."
            ),
            st.Page("quality.py", title="Quality", icon=":material/verified:", help="Can the session be trusted, and is it getting worse?"),
            st.Page(
                "service_levels.py",
                title="Service levels",
                icon=":material/monitoring:",
                help="Deadlines, durations, and all that is measured.",
            ),
            st.Page(
                "drift.py", title="Drift", icon=":material/ssid_chart:", help="Do the data still look like those before, and what changed?"
            ),
            st.Page("run.py", title="Run", icon=":material/manage_search:", visibility="hidden", help="What happened in one run."),
            st.Page(
                "dead_letters.py",
                title="Dead letters",
                icon=":material/mail:",
                help="What did not get into a session: inspect, correct, replay, put away.",
            ),
            st.Page("lost.py", title="No such page", icon=":material/search_off:", visibility="hidden", help="No page has this address."),
        ],
        "Stream": [
            st.Page("stream.py", title="Stream", icon=":material/candlestick_chart:", help="A session as it comes in, trade by trade."),
            st.Page(
                "replay_lab.py",
                title="Replay lab",
                icon=":material/biotech:",
                help="What other thresholds would have alerted on, that day.",
            ),
            st.Page(
                "rebuild.py",
                title="Rebuild",
                icon=":material/layers:",
                help="A past session computed anew from its log: compare, promote, drop.",
            ),
            st.Page(
                "reconcile.py", title="Reconcile", icon=":material/balance:", help="Do the trades add up to the official rows, and why not?"
            ),
        ],
        "Operate": [
            st.Page("thresholds.py", title="Thresholds", icon=":material/tune:", help="Every limit, and what another would have changed."),
            st.Page(
                "pipelines.py", title="Pipelines", icon=":material/account_tree:", help="The graph, the schedule, backfills, the source."
            ),
            st.Page("costs.py", title="Costs", icon=":material/payments:", help="What it costs this month, and what it would cost if."),
            st.Page("logs.py", title="Logs", icon=":material/article:", help="What the runs have said, searched over all of them."),
            st.Page("safety.py", title="Safety", icon=":material/shield:", help="Backups, drills, damage: could everything be had back?"),
        ],
    },
    expanded=True,  # every page in sight: more than a dozen would be folded
)
with st.sidebar:
    status_strip()
source_notice()
show_notice()
page.run()
