"""Answers: can today's session be trusted, and is it getting worse."""

import streamlit as st

from pages.ui import data, quality_aside, quality_checks, quality_data
from pages.ui import format as say
from pages.ui import quality_view as parts
from pages.ui.widgets import known_parameters

pipeline = data.first_pipeline().name
chosen = parts.chosen()
judged = quality_data.around(pipeline, chosen)

head = st.container(horizontal=True, vertical_alignment="bottom")
known_parameters("session", quality_checks.CHECK)
with head:
    st.title("Quality", width="content")
    st.space("stretch")
    parts.chooser(judged)
if not judged:
    parts.nothing_judged()
    st.stop()

session = chosen or judged[-1].session
report = quality_data.report(pipeline, session)
if report is None:
    parts.not_judged(session)
    st.stop()

statuses = quality_data.statuses(tuple(one.run_id for one in judged))
results = quality_data.results(report.run_id)
result = quality_checks.chosen_check(results)

parts.verdict(report, judged)
parts.follow(pipeline, report)
parts.decide(pipeline, report)
parts.tiles(report, judged, results, statuses)
parts.law(report)

st.subheader(f"Checks over {say.count(len(judged), 'session')}")
quality_checks.grid(judged, statuses, session=session, check=result.check_id if result else None)

with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader(f"What was found on {say.day(session)}", width="content")
    st.space("stretch")
    quality_aside.download(report, results)
trends = quality_checks.trends(judged, statuses)
quality_checks.table(results, trends, chosen=result.check_id if result else None)
if result is not None:
    quality_checks.findings(pipeline, report, result, judged, trends.get(result.check_id, []))

st.subheader("Lines set aside")
quality_aside.lines(report)

st.subheader(f"{say.count(len(judged), 'session')}, {say.day(judged[0].session)} to {say.day(judged[-1].session)}")
quality_aside.over_time(judged, limit=quality_data.thresholds_at(report.threshold_version)["gate.block_above"])
quality_aside.top(pipeline, judged, statuses)
