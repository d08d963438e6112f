"""A choice that stands in the address, so that a view can be shared; what the address names and is not there is said."""

from collections.abc import Callable, Sequence
from typing import Literal

import streamlit as st

from pages.ui.text import plain
from pages.ui.widgets import wanted_by


def choice(  # noqa: PLR0913, what is chosen, from what, and how it is told
    label: str,
    options: Sequence[str],
    *,
    name: str,
    default: str | None,
    said: Callable[[str], str] = str,
    placeholder: str | None = None,
    width: int | Literal["stretch"] = "stretch",
    explanation: str | None = None,
) -> str | None:
    """Let the visitor choose one of `options`; `name` is that of the address and of the widget."""
    chosen = _asked(options, name, default)
    st.selectbox(
        label,
        list(options),
        index=None if default is None else 0,
        key=name,
        format_func=said,
        on_change=_follow,
        args=(name, default),
        placeholder=placeholder,
        width=width,
        help=explanation,
    )
    return chosen


def segments(label: str, options: Sequence[str], *, name: str, default: str, said: Callable[[str], str] = str) -> str:
    """Let the visitor choose one of a few `options`, which stand side by side; `name` as in `choice`."""
    chosen = _asked(options, name, default) or default
    st.segmented_control(
        label,
        list(options),
        required=True,
        key=name,
        format_func=said,
        on_change=_follow,
        args=(name, default),
        label_visibility="collapsed",
    )
    return chosen


def _asked(options: Sequence[str], name: str, default: str | None) -> str | None:
    """Return what the address names, else the default, and have the widget show it."""
    asked = st.query_params.get(name)
    chosen = asked if asked in options else default
    if st.session_state.get(name) != chosen:
        st.session_state[name] = chosen
    return chosen


def _follow(name: str, default: str | None) -> None:
    picked = st.session_state[name]
    if picked is None or picked == default:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = picked


def warn_of_unknown(options: Sequence[str], *, name: str, noun: str) -> None:
    """Say that the address names what is not there; of what cannot be read at all, `known_parameters` has spoken."""
    asked = st.query_params.get(name)
    if asked and asked not in options and not wanted_by(name, asked):
        st.warning(f"The address names **{plain(asked)}**, {noun}.", icon=":material/link_off:")
