"""A year of dates to click on, and what is known of the chosen one."""

from datetime import date, timedelta

import streamlit as st

from pages.ui import data, dialogs, run_data, theme
from pages.ui import format as say
from pages.ui.charts.calendar import HEIGHT, Kind, Square, calendar
from pages.ui.charts.legend import colour_of
from pages.ui.text import plain, sentence
from pages.ui.theme import look
from pages.ui.widgets import badge, page, run_link
from storage.dates import DateVerdict
from storage.status import ACTIVE, Verdict

_RUNS_SHOWN = 5
_EVERY = 2  # seconds
_CHOSEN_HERE = "day_chosen_here"
_PLACE = "calendar"
# A chart's toolbar comes up above it, over the buttons of the page's head; below the squares nothing lies in its way.
_STYLE = f"""<style>.st-key-{_PLACE} [data-testid="stElementToolbar"] {{ top: auto !important; bottom: 0; }}</style>"""


def dates(pipeline: str, year: int, *, chosen: date | None) -> None:
    """Draw a year of dates and the chosen one; both follow what the runs make of them."""
    st.fragment(_dates, run_every=data.pace(_EVERY))(pipeline, year, chosen=chosen)


def _dates(pipeline: str, year: int, *, chosen: date | None) -> None:
    if st.session_state.pop(_CHOSEN_HERE, False):
        st.rerun()
    st.html(_STYLE)
    with st.container(key=_PLACE):
        year_calendar(pipeline, year, chosen=chosen)
    if chosen:
        day_details(pipeline, chosen)


def year_calendar(pipeline: str, year: int, *, chosen: date | None) -> None:
    """Draw the dates of a year; a click writes the date into the `day` of the URL."""
    first, last = date(year, 1, 1), min(date(year, 12, 31), data.today())
    known = data.verdicts(pipeline, first, last) if first <= last else ()
    key = f"calendar_{pipeline}_{year}"

    def choose() -> None:
        places = [place for series in st.session_state[key].selection.selected for place in series["data_indices"]]
        if places and places[0] < len(known):  # a second click on the same square takes the selection away, not the date
            _look_at(known[places[0]].day)

    st.echarts_chart(
        calendar(
            year,
            [Square(entry.day, _kind(entry), entry.reason) for entry in known],
            kinds=kinds(),
            chosen=chosen if chosen and chosen.year == year else None,
        ),
        height=HEIGHT,
        key=key,
        on_select=choose,
        alt=f"{year}: {_summary(known)}",
    )


def _kind(entry: DateVerdict) -> str:
    if entry.status in ACTIVE:
        return str(entry.status)
    return "none" if entry.run_id is None else entry.verdict.value


def kinds() -> dict[str, Kind]:
    """Return the kinds of dates that the calendar tells apart, by what `_kind` says."""
    looks = {status.value: look(status) for status in (*Verdict, *ACTIVE)}
    told = {word: Kind(seen.word, seen.sign, colour_of(seen)) for word, seen in looks.items()}
    return {**told, "none": Kind("no run yet", "", theme.surface("secondaryBackgroundColor"), in_legend=False)}


def _summary(known: tuple[DateVerdict, ...]) -> str:
    numbers = {verdict: sum(entry.verdict is verdict and entry.run_id is not None for entry in known) for verdict in Verdict}
    return ", ".join(f"{number} {look(verdict).word}" for verdict, number in numbers.items())


def day_details(pipeline: str, day: date) -> None:
    """Draw what is known of a date in words, its runs, and what can be done about it."""
    (entry,) = data.verdicts(pipeline, day, day)
    past = run_data.runs_of_date(pipeline, day)
    with st.container(border=True, gap="xsmall", key="day_details"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### {say.day(day)}", width="content")
            badge(entry.status if entry.status in ACTIVE else entry.verdict)
            if entry.session_date and entry.session_date != day:
                st.caption(f"its file holds the session of {say.day(entry.session_date)}", width="content")
            if entry.rows:
                st.caption(say.count(entry.rows, "row"), width="content")
            st.space("stretch")
            st.button("Close", key="day_close", icon=":material/close:", type="tertiary", on_click=_look_at, args=(None,))
        st.markdown(_words(entry))
        if past:
            with st.container(horizontal=True):
                for run in past[:_RUNS_SHOWN]:
                    run_link(run.id, label=f"Run {run.id}: {look(run.status).word}", icon=look(run.status).icon)
                if len(past) > _RUNS_SHOWN:
                    st.caption(f"and {len(past) - _RUNS_SHOWN} older")
        _day_actions(pipeline, entry, past)


def _words(entry: DateVerdict) -> str:
    expected = data.calendar().expected(entry.day)
    trading = (
        f"A session is expected ({plain(expected.reason)})." if expected.trading else f"No session is expected ({plain(expected.reason)})."
    )
    if entry.day > data.today():
        return f"This date is still to come. {trading}"
    if entry.run_id is None:
        return f"{sentence(entry.reason) if entry.status else 'Nobody has looked at this date yet.'} {trading}"
    return sentence(entry.reason) if entry.verdict is Verdict.SESSION else f"{sentence(entry.reason)} {trading}"


def _day_actions(pipeline: str, entry: DateVerdict, past: tuple[run_data.RunRow, ...]) -> None:
    newest = past[0] if past else None
    if pipeline == run_data.STREAM:
        query = {"session": entry.day.isoformat()}
        st.page_link(page("stream.py"), label="The session on the Stream page", icon=":material/candlestick_chart:", query_params=query)
        return
    with st.container(horizontal=True):
        if newest is None:
            if entry.day <= data.today() and st.button(
                "Backfill this date…", key="day_backfill", icon=":material/date_range:", type="primary"
            ):
                dialogs.ask_backfill(pipeline, entry.day, entry.day)
        elif run_data.active(newest):
            if st.button("Cancel…", key="day_cancel", icon=":material/cancel:"):
                dialogs.ask_cancel([newest])
        else:
            wrong = entry.verdict in (Verdict.FAILED, Verdict.MISSING)
            if st.button("Rerun…", key="day_rerun", icon=":material/replay:", type="primary" if wrong else "secondary"):
                dialogs.ask_rerun(pipeline, [entry.day])
            if run_data.has_file(newest) and st.button("Book to another session…", key="day_book", icon=":material/edit_calendar:"):
                dialogs.ask_booking([newest])
            if st.button("Backfill around it…", key="day_backfill", icon=":material/date_range:"):
                dialogs.ask_backfill(pipeline, entry.day - timedelta(days=7), min(entry.day + timedelta(days=7), data.today()))


def follow_day() -> None:
    """Show the year of a date that was typed."""
    if day := st.session_state["day"]:
        st.session_state["year"] = day.year


def _look_at(day: date | None) -> None:
    """Choose a date inside the part that moves: the whole page, and its address, follow."""
    st.session_state["day"] = day
    st.session_state[_CHOSEN_HERE] = True
