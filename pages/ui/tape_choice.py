"""Which session's tape is looked at: the same choice, and the same empty states, on every page of the stream's past."""

from datetime import date

import streamlit as st

from pages.ui import data, tape_data
from pages.ui import format as say
from pages.ui.actions import ask
from pages.ui.tape_data import Loaded, TapeDays
from pages.ui.text import plain
from pages.ui.url_choice import choice, warn_of_unknown
from pages.ui.widgets import empty_state, page

DAY = "session"  # of the URL, as on every page of the stream


def title(words: str, known: TapeDays, explanation: str = "Sessions of which every trade is there.") -> date | None:
    """Draw the page's title with the choice of a session beside it; None where there is none to choose, which is said."""
    days = [day.isoformat() for day in known.days]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.title(words, width="content")
        st.space("stretch")
        chosen = choice("Session", days, name=DAY, default=days[0], said=_day, width=220, explanation=explanation) if days else None
    if not days:
        _none(known.trouble)
        return None
    warn_of_unknown(days, name=DAY, noun="a day of which there are no trades")
    return date.fromisoformat(chosen or days[0])


def keep(day: date, *names: str) -> None:
    """Put the session into an address that has any of `names`: what is shared of a day is of that day tomorrow too."""
    if not st.query_params.get(DAY) and any(name in st.query_params for name in names):
        st.query_params[DAY] = day.isoformat()


def _day(text: str) -> str:
    return say.day(date.fromisoformat(text))


def _none(trouble: str | None) -> None:
    if trouble:
        st.error(plain(trouble), icon=":material/link_off:")
        return
    folder = data.settings().source_dir
    where = f"`{folder}/floorsheet/`" if folder else "the folder `floorsheet/` of the source"
    empty_state(
        "No session has a tape yet",
        text=f"Put the exchange's floorsheets, one file a session, into {where} as `YYYY-MM-DD.csv.gz`: they appear here within seconds.",
        icon=":material/inventory_2:",
    )


def tape_of(day: date) -> Loaded | None:
    """Return the tape of a session; None where it cannot be read, which is said."""
    return ask(_load, day)


def _load(day: date) -> Loaded:
    with st.spinner(f"Reading the trades of {say.day(day)}…"):
        return tape_data.loaded(day)


def load_it(day: date) -> None:
    """Link to where a date is run."""
    st.page_link(page("runs.py"), label="Run that date", icon=":material/calendar_month:", query_params={"day": day.isoformat()})
