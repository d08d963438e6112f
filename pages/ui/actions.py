"""What a button does: a command of the services, and what the person is told of it."""

from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Any, TypeVar

import streamlit as st
from sqlalchemy.exc import DBAPIError

import engine.runtime
from engine.errors import ConsoleError
from engine.services import Services, Submitted
from pages.ui.shared import forget
from pages.ui.text import plain

Answer = TypeVar("Answer")
_NOTICE = "notice"


def services() -> Services:
    """Return the commands, given in this visitor's name."""
    return Services(engine.runtime.runtime(), actor=actor())


def actor() -> str:
    """Return who is at the console: the signed-in address where there is one, else the console itself."""
    address = getattr(st.user, "email", None) if getattr(st.user, "is_logged_in", False) else None
    return str(address) if address else "console"


def request_key(name: str) -> str:
    """Return the key that makes clicking the same button twice one request; a new one comes after it has succeeded."""
    state = f"request_key:{name}"
    if state not in st.session_state:
        st.session_state[state] = token_hex(8)
    return str(st.session_state[state])


def set_all(commands: Services, values: Mapping[str, float], *, reason: str, key: str) -> int:
    """Change thresholds for one reason, in one click; return the version that all of them make."""
    versions = [
        commands.set_threshold(threshold, value, reason=reason, request_key=f"{key}:{threshold}"[-80:])
        for threshold, value in values.items()
    ]
    return versions[-1]


def ask(question: Callable[..., Answer], *arguments: Any, **options: Any) -> Answer | None:
    """Return what a command that changes nothing answers; show an error of ours and return None."""
    try:
        return question(*arguments, **options)
    except (ConsoleError, DBAPIError) as error:
        st.error(plain(_told(error)), icon=":material/error:")
        return None


def _told(error: ConsoleError | DBAPIError) -> str:
    if isinstance(error, DBAPIError):
        return f"The database did not do it: {error.orig}. Nothing was changed; try again, or look with: python -m engine doctor"
    return str(error)


def perform(sentence: str, command: Callable[..., Any], *arguments: Any, show: Callable[[int], None] | None = None, **options: Any) -> None:
    """Give a command, then draw the page anew and say so; an error of ours is shown where the button is.

    `sentence` is said when the command answers nothing by itself; `show` goes to the run that was asked for.
    """
    try:
        answer = command(*arguments, **options)
    except (ConsoleError, DBAPIError) as error:
        st.error(plain(_told(error)), icon=":material/error:")
        return
    for name in [name for name in st.session_state if str(name).startswith("request_key:")]:
        del st.session_state[name]
    forget()
    st.session_state[_NOTICE] = answer.message if isinstance(answer, Submitted) else answer if isinstance(answer, str) else sentence
    if show is not None and isinstance(answer, Submitted):
        show(answer.run_id)
    st.rerun()


def show_notice() -> None:
    """Say what the last action did, once; the router calls it before each page."""
    if sentence := st.session_state.pop(_NOTICE, None):
        st.toast(sentence, icon=":material/check:")
