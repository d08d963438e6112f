"""Answers: what do the pipelines cost this month, where would the next rupee be saved, and what would they cost if."""

import streamlit as st

from engine.billing.workloads import Unmeasured
from pages.ui import cost_controls as controls
from pages.ui import cost_lab_data, cost_saved
from pages.ui import cost_measured as measured
from pages.ui import cost_what_if as what_if
from pages.ui.cost_advice import next_saving
from pages.ui.widgets import empty_state, known_parameters

st.title("Costs")
known_parameters(*measured.PARAMETERS, cost_saved.AGAINST, *controls.PARAMETERS)
workload = cost_lab_data.workload()
measured.month_line()
next_saving(workload)
measured.parts()
measured.breakdown()
measured.bill()

st.subheader("What if")
if isinstance(workload, Unmeasured):
    empty_state("There is nothing to ask about yet", text=workload.why, icon=":material/savings:")
    st.stop()
what_if.lab(workload)
