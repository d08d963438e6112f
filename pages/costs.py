"""Answers: what do the pipelines cost this month, and what would they cost if."""

import streamlit as st

from engine.workloads import Unmeasured
from pages.ui import cost_controls as controls
from pages.ui import cost_data, cost_saved
from pages.ui import cost_measured as parts
from pages.ui import cost_what_if as what_if
from pages.ui import spent_view as spent
from pages.ui.widgets import empty_state, known_parameters

st.title("Costs")
known_parameters(parts.BY, *spent.PARAMETERS, cost_saved.AGAINST, *controls.PARAMETERS)
workload = cost_data.workload()
parts.banner(workload)
parts.tiles()
parts.broken_down()
spent.over_time()
spent.bill()

st.subheader("What if")
if isinstance(workload, Unmeasured):
    empty_state("There is nothing to ask about yet", text=workload.why, icon=":material/savings:")
    st.stop()
what_if.lab(workload)
