"""What was set aside: the lines of the chosen session, the symbols and reasons of the last ones, and the report to take away."""

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd
import streamlit as st

from engine.quality.backtest import RowFate
from pages.ui import book, data, quality_data, standalone
from pages.ui import format as say
from pages.ui.charts import quality as charts
from pages.ui.quality_data import name_of
from pages.ui.quality_views import JudgedView, ReportView, ResultView, StatusView
from pages.ui.text import plain
from pages.ui.theme import look
from pages.ui.widgets import page
from storage.status import CheckStatus

_MOST, _TOP = 500, 8


def lines(report: ReportView) -> None:
    """List the lines of the session that were set aside, each with its reason, and link to their dead letters."""
    found, lost = quality_data.aside(report.quarantine_path)
    if lost:
        st.error(plain(lost), icon=":material/error:")
        return
    if not found:
        st.caption(":material/check: No line of this session was set aside.")
        return
    st.dataframe(
        pd.DataFrame(
            {
                "Line": [one.line for one in found[:_MOST]],
                "Symbol": [one.symbol or say.NOTHING for one in found[:_MOST]],
                "Set aside by": [", ".join(map(name_of, one.checks.split(", "))) for one in found[:_MOST]],
                "What was found": [one.reason for one in found[:_MOST]],
                "As it came": [one.raw for one in found[:_MOST]],
            }
        ),
        key="aside_lines",
        hide_index=True,
        height="content" if len(found) <= 10 else 390,  # noqa: PLR2004, rows that are shown without scrolling
        alt="The lines that were set aside",
        column_config={
            "Line": st.column_config.NumberColumn(width=60),
            "Symbol": st.column_config.TextColumn(width=100),
            "Set aside by": st.column_config.TextColumn(width=200),
            "What was found": st.column_config.TextColumn(width=320),
            "As it came": st.column_config.TextColumn(width=480),
        },
    )
    if len(found) > _MOST:
        st.caption(f"The first {_MOST} of {len(found):,}; the report below has them all.")
    day = report.partition.isoformat()
    st.page_link(
        page("dead_letters.py"),
        label="Correct, replay or discard them: the dead letters of this date",
        icon=":material/arrow_forward:",
        icon_position="right",
        query_params={"since": day, "until": day},
    )


def over_time(judged: Sequence[JudgedView], *, limit: float) -> None:
    """Draw how many percent of each session's rows were set aside or flagged."""
    st.echarts_chart(
        charts.shares(
            [one.session for one in judged],
            {
                "set aside": ([one.share_aside for one in judged], look(CheckStatus.FAILED)),
                "with a flag": ([one.share_flagged for one in judged], look(CheckStatus.WARNED)),
            },
            limit=limit,
        ),
        height=charts.TREND_HEIGHT,
        key=f"aside_shares_{judged[-1].run_id}",
        alt="The share of each session's lines that was set aside or flagged",
    )


def top(pipeline: str, judged: Sequence[JudgedView], statuses: Sequence[StatusView]) -> None:
    """List which symbols and which checks were behind it over the last sessions."""
    past = book.book(pipeline)
    book.warn_of_lost(past)
    span = {"since": judged[0].session, "until": judged[-1].session}
    of_symbols = {fate: past.scores.symbols_of(past.as_judged, fate, **span, most=_TOP) for fate in (RowFate.QUARANTINED, RowFate.WARNED)}
    left, right = st.columns(2, gap="large")
    with left:
        _ranking("Symbols set aside most", of_symbols[RowFate.QUARANTINED], "rows")
        _ranking("Symbols flagged most", of_symbols[RowFate.WARNED], "rows")
    with right:
        failed, warned = _sums(statuses, "failed"), _sums(statuses, "warned")
        _ranking("Reasons for setting aside", failed, "findings")
        _ranking("Reasons for a flag", warned, "findings")


def _sums(statuses: Sequence[StatusView], what: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one in statuses:
        if number := getattr(one, what):
            sums[name_of(one.check_id)] = sums.get(name_of(one.check_id), 0) + number
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:_TOP])


def _ranking(title: str, ranked: Mapping[str, int], unit: str) -> None:
    st.markdown(f"**{title}**")
    if not ranked:
        st.caption("None.")
        return
    st.dataframe(
        pd.DataFrame({"What": list(ranked), unit: list(ranked.values())}),
        key=f"ranking_{title}",
        hide_index=True,
        height="content",
        alt=title,
        column_config={
            "What": st.column_config.TextColumn("", width=210),
            unit: st.column_config.ProgressColumn(unit, format="%d", min_value=0, max_value=max(ranked.values())),
        },
    )


def download(report: ReportView, results: Sequence[ResultView]) -> None:
    """Offer the report of the session as one file that needs no server."""
    st.download_button(
        "Report of this session",
        partial(standalone.page, content(report, results)),
        file_name=f"quality_{report.session}.html",
        mime="text/html",
        key="quality_report",
        icon=":material/download:",
        on_click="ignore",
        help="One HTML file with everything on this page about the session; it needs no server and no network.",
    )


def content(report: ReportView, results: Sequence[ResultView]) -> standalone.Content:
    """Return everything that the report of a session says."""
    run = data.run(report.run_id)
    return standalone.Content(
        report=report,
        results=results,
        findings={result.check_id: quality_data.findings(report.findings_path, result.check_id)[0] for result in results},
        aside=quality_data.aside(report.quarantine_path)[0],
        labels=quality_data.labels_of(report.session),
        thresholds=quality_data.thresholds_at(report.threshold_version),
        source=data.settings().source.value,
        source_file=(run.run.source_file if run else None) or "",
        simulated=data.simulated(),
    )
