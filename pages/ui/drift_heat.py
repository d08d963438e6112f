"""The heat map of the Drift page: features over sessions, each cell by how far its farthest statistic reached."""

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from engine.drift.judging import SERIES
from pages.ui import drift_data
from pages.ui import drift_words as words
from pages.ui.charts import drift as charts
from pages.ui.charts import heat
from pages.ui.charts.heat import Cell
from pages.ui.drift_data import Book, ReportView
from pages.ui.drift_view import FEATURE, SESSION


def over_sessions(book: Book, reports: Sequence[ReportView], report: ReportView, feature: str) -> None:
    """Draw features over the sessions around one; a click on a cell looks at its feature and session."""
    shown = drift_data.around(reports, report)
    place = {session: at for at, session in enumerate(book.sessions)}
    names = [name for name in words.FEATURES if not words.is_market(name)]
    cells = [
        _cell(book, one, place[one.session], row, column, name)
        for row, name in enumerate(names)
        for column, one in enumerate(shown)
        if one.session in place
    ]
    column = next((at for at, one in enumerate(shown) if one.session == report.session), None)
    row = names.index(feature) if feature in names else None

    def choose() -> None:
        for series in st.session_state["drift_heat"].selection.selected:
            for index in series["data_indices"]:
                if index < len(cells):
                    st.query_params[SESSION] = shown[cells[index].column].session.isoformat()
                    st.query_params[FEATURE] = names[cells[index].row]

    alarmed = sum(cell.shade == "alarm" for cell in cells)
    st.echarts_chart(
        heat.heat(
            [words.title(name) for name in names],
            [charts.label(one.session) for one in shown],
            cells,
            shades=charts.shades(),
            chosen=(row, column),
        ),
        height=heat.height(len(names)),
        key="drift_heat",
        on_select=choose,
        alt=f"{len(names)} features over {len(shown)} sessions; {alarmed} of them alarmed",
    )


_PLACES: Mapping[str, Sequence[int]] = {
    feature: [at for at, (name, _) in enumerate(SERIES) if name == feature] for feature in words.FEATURES
}


def _cell(book: Book, one: ReportView, at: int, row: int, column: int, feature: str) -> Cell:
    places = _PLACES[feature]
    values, limits = book.values[at, places], book.limits[at, places]
    if np.isnan(values).all():
        return Cell(row, column, "nothing", "too few sessions to compare with")
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.nan_to_num(values / limits)
    most = int(np.argmax(ratio))
    name = words.statistic_name(SERIES[places[most]][1])
    text = f"{name} {values[most]:.3g}, limit {limits[most]:.3g}"
    if feature in one.explained:
        return Cell(row, column, str(one.explained[feature]["cause"]), text)
    if not one.calibrated and ratio[most] > 1:
        return Cell(row, column, "uncalibrated", text)
    return Cell(row, column, "warm" if ratio[most] > 0.5 else "quiet", text)  # noqa: PLR2004, half of its limit
