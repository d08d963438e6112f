"""Answers: can today's session be trusted, and is it getting worse."""

import streamlit as st

from pages.ui import data, quality_aside, quality_checks, quality_data
from pages.ui import quality_view as parts

pipeline = data.first_pipeline().name
recent = quality_data.judged(pipeline)

with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title("Quality", width="content")
    st.space("stretch")
    chosen = parts.chooser(recent)
if not recent:
    parts.nothing_judged()
    st.stop()

session = chosen or recent[-1].session
report = quality_data.report(pipeline, session)
if report is None:
    parts.not_judged(session)
    st.stop()

judged = recent if session >= recent[0].session else quality_data.judged(pipeline, until=session)
statuses = quality_data.statuses(tuple(one.run_id for one in judged))
results = quality_data.results(report.run_id)
result = quality_checks.chosen_check(results)

parts.verdict(report, recent)
parts.follow(pipeline, report)
parts.decide(pipeline, report)
parts.tiles(report, judged, results, statuses)
parts.law(report)

st.subheader(f"Checks over the last {len(judged)} sessions")
quality_checks.grid(judged, statuses, session=session, check=result.check_id if result else None)

with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader(f"What was found on {session:%a} {session.day} {session:%b %Y}", width="content")
    st.space("stretch")
    quality_aside.download(report, results)
trends = quality_checks.trends(judged, statuses)
quality_checks.table(results, trends, chosen=result.check_id if result else None)
if result is not None:
    quality_checks.findings(pipeline, report, result, judged, trends.get(result.check_id, []))

st.subheader("Lines set aside")
quality_aside.lines(report)

st.subheader(f"The last {len(judged)} sessions")
quality_aside.over_time(judged, limit=quality_data.thresholds_at(report.threshold_version)["gate.block_above"])
quality_aside.top(pipeline, judged, statuses)
