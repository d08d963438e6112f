"""Pieces that several pages are built from."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import streamlit as st

from pages.ui import format as say
from pages.ui.actions import perform
from pages.ui.signpost import HOME
from pages.ui.text import plain
from pages.ui.theme import Colour, look
from pages.ui.views import RunView

Width = int | Literal["content", "stretch"]
_DATES = frozenset({"day", "session", "since", "until", "date"})  # parameters of addresses
_NUMBERS = frozenset({"id", "compare", "backfill", "letter", "run"})
_DATE, _STATUS = 160, 120  # pixels: every row of a list of runs is divided alike
# A reason that is too long for its row goes on below its own first line; only where less than this is left for it, below the whole row.
_REASONS = """<style>[class*="st-key-listed_"] > :last-child { flex: 1 1 18rem; min-width: min(18rem, 100%); }</style>"""


@cache
def page(script: str) -> st.Page:
    """Return the page of a script, to link to: given the name alone, Streamlit looks for the script on the disk at every link."""
    return st.Page(script, default=script == f"{HOME}.py")


def run_link(run_id: int, *, label: str | None = None, icon: str | None = None, width: Width = "content") -> None:
    """Link to the page of one run."""
    st.page_link(page("run.py"), label=label or f"Run {run_id}", icon=icon, query_params={"id": str(run_id)}, width=width)


def badge(status: StrEnum, *, width: Width = "content") -> None:
    """Show a status with its icon, word and colour."""
    seen = look(status)
    st.badge(seen.word, icon=seen.icon, color=seen.colour, width=width)


def empty_state(title: str, *, text: str, icon: str = ":material/inbox:") -> None:
    """Say that there is nothing here, why, and what to do next."""
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(f"#### {icon} {title}", width="content")
        st.markdown(text, width="content")


def known_parameters(*known: str, judged: Collection[str] = (), **words: Iterable[str] | type[int]) -> None:
    """Say which part of the address this page does not know or cannot read: passed over, it would look as if it had been obeyed.

    A parameter with `words` takes one of these, or a number; what stands for a date or a number takes nothing else, on every page. What a
    field of the page writes into the address as it is typed is `judged` by that field.
    """
    known = (*known, *judged, *words)
    if strange := [name for name in st.query_params if name not in known]:
        knows = f"It knows {', '.join(f'`{name}`' for name in known)}." if known else "It knows none."
        names = ", ".join(f"**{plain(name)}**" for name in strange)
        st.warning(f"The address says {names}, which this page does not know. {knows}", icon=":material/link_off:")
    for name in st.query_params:
        for value in st.query_params.get_all(name) if name in known and name not in judged else ():
            if value and (wanted := wanted_by(name, value, words.get(name))):
                said = f"The address says **{plain(name)}={plain(value)}**, which is passed over: `{name}` takes {wanted}."
                st.warning(said, icon=":material/link_off:")


def wanted_by(name: str, value: str, words: Iterable[str] | type[int] | None = None) -> str | None:
    """Return what a parameter takes, where `value` is no such thing."""
    if isinstance(words, type) or (words is None and name in _NUMBERS):
        return None if value.isdecimal() else "a number"
    if words is not None:
        return None if value in (known := list(words)) else f"one of {', '.join(known)}"
    if name in _DATES:
        try:
            date.fromisoformat(value)
        except ValueError:
            return "a date such as 2025-06-01"
    return None


def tile(  # noqa: PLR0913, a figure, what it means, and where its reason is
    label: str,
    value: str,
    *,
    note: str,
    colour: Colour,
    script: str,
    query: Mapping[str, str],
    action: str,
    key: str,
    explanation: str,
) -> None:
    """Show one figure with a note in a colour, and a link to its reason."""
    with st.container(border=True, gap="xsmall", height="stretch", key=f"tile_{key}"):
        st.metric(label, value, delta=note, delta_color=colour, delta_arrow="off", help=explanation)
        st.page_link(page(script), label=action, icon=":material/arrow_forward:", icon_position="right", query_params=dict(query))


def run_list(listed: Sequence[RunView]) -> None:
    """List runs, one line each: what date, how it ended, when, how long and why."""
    st.html(_REASONS)
    for run in listed:  # three elements and their row: a list is drawn again and again, and each element costs
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"listed_{run.id}"):
            run_link(run.id, label=f"Run {run.id} · {say.short_day(run.partition)}", width=_DATE)
            badge(run.status, width=_STATUS)
            at = say.stamp(run.finished_at or run.started_at or run.queued_at)
            took = f" · {say.duration(run.duration_us)}" if run.duration_us is not None else ""
            st.caption(f"{at}{took} · {plain(run.error_message or run.reason or run.run_type.value)}")


def pairs(*rows: tuple[str, str], alt: str, width: Literal["stretch", "content"] = "stretch") -> None:
    """Draw names and what stands beside each."""
    st.table(_pairs(rows), border="horizontal", width=width, hide_index=False, hide_header=True, alt=alt)


@lru_cache(maxsize=64)
def _pairs(rows: Sequence[tuple[str, str]]) -> pa.Table:
    """Return a table whose index are the names, which makes them heads of rows; only pandas can say so, and takes ten times as long."""
    return pa.Table.from_pandas(pd.DataFrame({"value": [value for _, value in rows]}, index=[name for name, _ in rows]))


def confirm(
    title: str, *, question: str, button: str, done: str, key: str, command: Callable[..., object], options: Mapping[str, Any]
) -> None:
    """Open a dialog that asks before a command is given; `command(**options)` is given when the person agrees."""

    @st.dialog(title)
    def ask() -> None:
        st.markdown(question)
        with st.container(horizontal=True):
            if st.button(button, key=f"{key}_yes", type="primary"):
                perform(done, command, **options)
            if st.button("Not now", key=f"{key}_no"):
                st.rerun()

    ask()
