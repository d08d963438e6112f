"""The parts of the Safety page, and the small one of the Overview."""

from datetime import datetime, timedelta

import pyarrow as pa
import streamlit as st

from engine.jobs import JOBS
from pages.ui import data, safety_data
from pages.ui import format as say
from pages.ui.actions import perform, services
from pages.ui.safety import Standing, standings
from pages.ui.text import plain
from pages.ui.theme import look
from pages.ui.views import DamageView, JobView
from pages.ui.widgets import page, pairs
from storage.moves import STREAM
from storage.status import JobOutcome

_ICONS = {"green": ":material/check_circle:", "gray": ":material/schedule:", "red": ":material/error:"}
_MOST = 10  # damaged files that are shown with their buttons
_NOW = {"backup": "Back up now", "verify": "Verify now", "drill": "Drill now", "scrub": "Scrub now", "tick_log": "Tidy the tick log"}
_BUTTON_ICONS = {"backup": "save", "verify": "fact_check", "drill": "restore", "scrub": "cleaning_services", "tick_log": "inventory_2"}
_AGAIN = {"bronze": "Ask the source again", "gold": "Rebuild gold", "feature_state": "Rebuild gold"}


def standing(*, link: bool = True) -> None:
    """Say in a line each how backup, drill and scrub stand, and what to do where one does not."""
    with st.container(key="safety", gap="xsmall"):
        for known in standings(safety_data.kept(), now=data.now()):
            _line(known)
        if link:
            st.page_link(page("safety.py"), label="Backups, drills, damage", icon=":material/arrow_forward:", icon_position="right")


def _line(known: Standing) -> None:
    st.markdown(f":{known.colour}[{_ICONS[known.colour]}] **{known.title}** {plain(known.line)}")
    if known.advice:
        st.caption(f":red[{plain(known.advice)}]")


def now_buttons() -> None:
    """Offer each job; a runner does it, one after the other."""
    waiting = {row.job: row.outcome for row in safety_data.executions() if row.outcome in (JobOutcome.QUEUED, JobOutcome.RUNNING)}
    with st.container(horizontal=True):
        for name, label in _NOW.items():
            icon = f":material/{_BUTTON_ICONS[name]}:"
            if st.button(label, key=f"job_{name}", icon=icon, disabled=name in waiting, help=JOBS[name].summary):
                perform("Queued.", services().request_job, name)
    for name, outcome in waiting.items():
        st.caption(f"{look(outcome).icon} {JOBS[name].title if name in JOBS else name} is {outcome}.")
    if waiting and not data.machine().alive:
        st.warning("No runner is alive: what is queued waits for one.", icon=":material/warning:")


def damage() -> None:
    """List the damaged files of the lake, each with what makes it whole again."""
    damaged = safety_data.kept().damaged
    if not damaged:
        st.caption(":material/check: No damaged file is known.")
        return
    st.error(
        f"**{say.count(len(damaged), 'file', 'files')} of the lake cannot be trusted.** Every other file is as it was; runs that need a "
        "damaged one fail instead of using it.",
        icon=":material/error:",
    )
    for place, file in enumerate(damaged[:_MOST]):
        with st.container(border=True, gap="xsmall", key=f"damage_{place}"):
            _damaged(file, place)
    if (more := len(damaged) - _MOST) > 0:
        st.caption(f"and {more} more")


def _damaged(file: DamageView, place: int) -> None:
    st.markdown(f"**{file.dataset} of {say.day(file.partition)}** {plain(file.reason)}. Found {say.stamp(file.found_at)}.")
    st.caption(f"`{file.path}`")
    with st.container(horizontal=True):
        if file.dataset == STREAM:
            st.caption("The log of a session of the stream: nothing else can give it again.", width="content")
        elif st.button(_AGAIN.get(file.dataset, "Rebuild from bronze"), key=f"mend_{place}", icon=":material/build:", type="primary"):
            perform("Queued.", services().mend, file.path)
        if st.button("Take it back from a backup", key=f"take_back_{place}", icon=":material/settings_backup_restore:"):
            perform("It is whole again.", services().take_back, file.path)


def executions() -> None:
    """List the newest executions of jobs."""
    rows = safety_data.executions()
    if not rows:
        st.caption("No job has run yet. A runner makes the first backup a quarter of an hour after the first run.")
        return
    table = {
        "Job": [JOBS[row.job].title if row.job in JOBS else row.job for row in rows],
        "Outcome": [look(row.outcome).badge for row in rows],
        "Began": [say.stamp(row.started_at or row.requested_at) for row in rows],
        "Took": [say.span(row.finished_at - row.started_at) if row.finished_at and row.started_at else say.NOTHING for row in rows],
        "What": [plain(row.message or _progress(row)) for row in rows],
        "By": [row.requested_by for row in rows],
    }
    st.table(pa.table(table), border="horizontal", hide_index=True, alt="The newest executions of jobs")


def _progress(row: JobView) -> str:
    figures = row.figures or {}
    if "of_files" in figures:
        return f"{say.count(figures['files'])} of {say.count(figures['of_files'], 'file')}"
    return say.NOTHING


def where() -> None:
    """Say where backups go, how often, and how one becomes a home again."""
    settings, due = data.settings(), safety_data.upcoming()
    every = f"every {say.span(timedelta(minutes=settings.backup_minutes))} in which something was written"
    rows = (
        ("Backups", f"`{settings.backups}`"),
        ("How often", every if settings.backup_minutes else "never by schedule (`NEPSE_BACKUP_MINUTES=0`)"),
        ("Kept", f"the newest {settings.backup_keep}, and always the newest verified one"),
        *((f"{JOBS[name].title} due", _when(at, data.now())) for name, at in due.items() if name != "backup"),
    )
    pairs(*rows, alt="Where backups go and when jobs are due")
    if settings.backups.absolute().is_relative_to(settings.home.absolute()):
        st.caption(
            ":material/info: The backups lie in the home itself and share its disk: they help against a mistake, not against a lost "
            "disk. Set `NEPSE_BACKUP_DIR` to a folder on another one."
        )
    st.markdown("A backup becomes a home again, in a new folder, with:")
    st.code("python -m engine restore NAME --to DIR", language="sh")


def _when(at: datetime, now: datetime) -> str:
    return f"{say.stamp(at)} ({say.ago(at, now)})"
