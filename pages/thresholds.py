"""Every limit that decides over a row or a session: what it is, who set it, and what another would have changed."""

import streamlit as st

from pages.ui import data, quality_data, tuning
from pages.ui import format as say
from pages.ui import thresholds_view as parts
from pages.ui.panels import live_backfill
from pages.ui.widgets import known_parameters

pipeline = data.first_pipeline().name
current = quality_data.thresholds()

st.title("Thresholds")
known_parameters(parts.CHECK)
changed = quality_data.last_changes()
if changed:
    newest = max(changed.values(), key=lambda change: change.id)
    st.caption(f"Version {current.version}, since {say.stamp(newest.changed_at)}. Runs that have begun keep what they began with.")
else:
    st.caption(
        "Every limit stands at its default. A change holds from the next run on; what it would have changed shows before it is saved."
    )

live_backfill()
parts.again(pipeline, current)
tuning.tune(pipeline, parts.chooser())
parts.every_limit(current)
parts.history(st.session_state["tuned"])
