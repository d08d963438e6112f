"""What live lists of runs, letters and alerts share: rows that stand still while some are selected, and the page that the URL names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import streamlit as st

_DIGITS = 18  # what fits the database's integers
Row = TypeVar("Row")
Key = TypeVar("Key", int, str)


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """The rows of a list as they stand, those of them that are selected, and how many newer ones are not among them."""

    rows: Sequence[Row]
    picked: Sequence[Row]
    arrived: int


def standing_still(
    grid: str, newest: Sequence[Row], *, named: Callable[[Row], Key], again: Callable[[tuple[Key, ...]], Sequence[Row]]
) -> Listed[Row]:
    """Return what the grid of that key shows: the newest rows, or `again` those of before as long as some are selected.

    A selection is positions: rows that move under it would be others. So it freezes which rows there are, and their values go on.
    """
    positions = st.session_state.get(grid, {}).get("selection", {}).get("rows", [])
    shown = f"{grid}_shown"
    rows = again(tuple(st.session_state[shown])) if positions and shown in st.session_state else newest
    names = st.session_state[shown] = [named(row) for row in rows]
    picked = [rows[position] for position in positions if position < len(rows)]
    return Listed(rows, picked, len({named(row) for row in newest} - set(names)))


def id_in_url(name: str) -> int | None:
    """Return the id that a parameter of the URL holds, or None."""
    value = st.query_params.get(name, "")
    return int(value) if value.isdecimal() and len(value) <= _DIGITS else None


def first_page() -> None:
    """Go back to the newest rows: the place in a list means nothing in another list."""
    st.query_params.pop("before", None)
    st.query_params.pop("unfold", None)  # of a list of alerts


def paging(list_name: str, before: int | str | None, *, older_than: int | str | None) -> None:
    """Offer the first page where that behind `before` is shown, and the one behind `older_than` where there may be one."""
    if before is not None and st.button("Newest", key=f"{list_name}_newest", icon=":material/first_page:"):
        first_page()
        st.rerun()
    if older_than is not None and st.button("Older", key=f"{list_name}_older", icon=":material/chevron_right:"):
        first_page()
        st.query_params["before"] = str(older_than)
        st.rerun()
