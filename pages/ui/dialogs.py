"""Questions that are asked before runs are made or stopped: how many dates, and what it will cost in time."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

import streamlit as st

from engine.planning import Plan
from engine.services import Services
from pages.ui import data, run_data
from pages.ui import format as say
from pages.ui.actions import ask as inquire
from pages.ui.actions import perform, request_key, services
from pages.ui.run_data import RunRow
from pages.ui.views import BackfillView
from storage.status import BackfillMode, OnFailure

_NAMED = 6  # dates that are written out
_BOOKED_AT_ONCE = 10
_OLDEST = date(1994, 1, 13)  # the exchange opened its trading floor: no file is older
_RECENT = timedelta(days=30)

MODES: Mapping[BackfillMode, str] = {
    BackfillMode.MISSING: "Missing, failed or changed",
    BackfillMode.FAILED: "Failed only",
    BackfillMode.ALL: "All dates",
}
ON_FAILURE: Mapping[OnFailure, str] = {
    OnFailure.CONTINUE: "Go on with the next date",
    OnFailure.STOP: "Stop at the first failure",
}


def ask_rerun(
    pipeline: str, days: Sequence[date], *, active: int = 0, origin: int | None = None, show: Callable[[int], None] | None = None
) -> None:
    """Ask whether these dates shall run again; `active` of the chosen runs are queued or running and are not doubled.

    `origin` is the run that is looked at when there is only one: the new run remembers it. `show` goes to the new one.
    """

    @st.dialog(f"Rerun {say.count(len(days), 'date')}?", icon=":material/replay:")
    def ask() -> None:
        st.markdown(_named(days))
        st.markdown(run_data.cost(pipeline, len(days)))
        if active:
            st.caption(f"{say.count(active, 'chosen run')} still active: such a date is not queued twice.")
        st.caption("Each date becomes a new run. What is in the lake now stays there as an older version.")
        if _agreed(f"Rerun {say.count(len(days), 'date')}", key="rerun"):
            key = request_key(f"rerun:{pipeline}:{_key(days)}")
            if origin is not None:
                perform(f"Queued {say.day(days[0])} again.", services().rerun, origin, request_key=key, show=show)
            else:
                perform(f"Queued {say.count(len(days), 'date')} again.", services().rerun_dates, pipeline, tuple(days), request_key=key)

    ask()


def ask_cancel(chosen: Sequence[RunRow]) -> None:
    """Ask whether these active runs shall stop."""

    @st.dialog(f"Cancel {say.count(len(chosen), 'run')}?", icon=":material/cancel:")
    def ask() -> None:
        st.markdown(_named([run.partition for run in chosen]))
        st.caption("A queued run never starts. A running one stops before its next stage; what it has published stays.")
        if _agreed(f"Cancel {say.count(len(chosen), 'run')}", key="cancel"):
            perform(f"Asked {say.count(len(chosen), 'run')} to stop.", _cancel, services(), tuple(run.id for run in chosen))

    ask()


def ask_cancel_backfill(backfill: BackfillView, *, queued: int) -> None:
    """Ask whether a backfill shall end before it has done all its dates; `queued` are those that have not begun."""

    @st.dialog(f"Cancel backfill {backfill.id}?", icon=":material/cancel:")
    def ask() -> None:
        st.markdown(f"**{say.count(queued, 'queued date')}** will not be run. A date that runs stops before its next stage.")
        st.caption("It cannot be taken back. What is done stays in the lake, and another backfill can take what is missing.")
        if _agreed(f"Cancel {say.count(queued, 'date')}", key="backfill_cancel"):
            perform("Cancelled.", services().cancel_backfill, backfill.id)

    ask()


def _cancel(commands: Services, ids: Sequence[int]) -> str | None:
    answers = [commands.cancel(run_id) for run_id in ids]
    return answers[0] if len(answers) == 1 else None


def ask_booking(chosen: Sequence[RunRow]) -> None:
    """Ask to which session the file of each of these runs belongs, and rerun them so."""
    booked = chosen[:_BOOKED_AT_ONCE]

    @st.dialog(f"Book {say.count(len(booked), 'file')} to another session", icon=":material/edit_calendar:")
    def ask() -> None:
        st.markdown("A daily file carries no date. When it holds another session than was judged, say which one.")
        if len(chosen) > len(booked):
            st.caption(f"The first {len(booked)} of {len(chosen)} runs; book the others after them.")
        targets = {
            run.id: st.date_input(
                f"File of {say.day(run.partition)} holds the session of",
                value=run.session_date,
                min_value=_OLDEST,
                max_value=run.partition,
                key=f"book_{run.id}",
            )
            for run in booked
        }
        changed = {run.id: target for run in booked if (target := targets[run.id]) and target != run.session_date}
        unchanged = len(booked) - len(changed)
        if unchanged:
            st.caption(f"{say.count(unchanged, 'file')} stays as it is." if unchanged == 1 else f"{unchanged} files stay as they are.")
        st.markdown(run_data.cost(booked[0].pipeline, len(changed)) if changed else "Choose another session.")
        if _agreed(f"Book and rerun {say.count(len(changed), 'date')}", key="book", disabled=not changed):
            perform(f"Booked {say.count(len(changed), 'file')}.", _book, services(), changed)

    ask()


def _book(commands: Services, targets: Mapping[int, date]) -> str | None:
    answers = [
        commands.rerun(run_id, book_to=session, request_key=request_key(f"book:{run_id}:{session}")) for run_id, session in targets.items()
    ]
    return answers[0].message if len(answers) == 1 else None


def ask_backfill(pipeline: str, since: date | None = None, until: date | None = None) -> None:
    """Ask for a range (the last days that have a file, unless it is given) and show what its backfill would take before it starts."""
    today, newest = data.today(), newest_file()

    @st.dialog("Backfill a range of dates", icon=":material/date_range:")
    def ask() -> None:
        first, last = st.columns(2)
        begin = first.date_input("From", value=since or newest - _RECENT, min_value=_OLDEST, max_value=today, key="backfill_since")
        end = last.date_input("To", value=min(until or newest, today), min_value=_OLDEST, max_value=today, key="backfill_until")
        taken = st.segmented_control(
            "Dates", list(MODES), default=BackfillMode.MISSING, format_func=MODES.__getitem__, required=True, key="backfill_mode"
        )
        policy = st.segmented_control(
            "When a date fails",
            list(ON_FAILURE),
            default=OnFailure.CONTINUE,
            format_func=ON_FAILURE.__getitem__,
            required=True,
            key="backfill_policy",
        )
        if begin > end:
            st.warning("The range ends before it begins.", icon=":material/warning:")
            return
        with st.spinner("Planning…"):
            plan = inquire(services().plan_backfill, pipeline, begin, end, mode=taken)
        if plan is None:
            return
        st.markdown(planned(plan))
        if without := outside([item.day for item in plan.taken]):
            st.warning(without, icon=":material/inbox:")
        if _agreed(f"Backfill {say.count(len(plan.taken), 'date')}", key="backfill", disabled=not plan.taken):
            key = request_key(f"backfill:{pipeline}:{begin}:{end}:{taken}")
            perform(
                f"Backfill of {say.count(len(plan.taken), 'date')} started.",
                services().backfill,
                pipeline,
                begin,
                end,
                mode=taken,
                on_failure=policy,
                request_key=key,
            )

    ask()


def newest_file() -> date:
    """Return the newest date up to today of which the source may hold a file."""
    span, today = data.source_span(), data.today()
    return min(span[1], today) if span else today


def outside(days: Sequence[date]) -> str | None:
    """Say how many of the dates lie outside those of which the source holds files; None where none does."""
    span = data.source_span()
    beyond = [day for day in days if span is None or not span[0] <= day <= span[1]]
    if not beyond:
        return None
    if len(beyond) < len(days):
        said = f"{len(beyond)} of {say.count(len(days), 'date')} have no file"
    else:
        said = "It has no file" if len(days) == 1 else f"None of the {len(days)} dates has a file"
    return f"{said}: the source holds {f'those of {say.day(span[0])} to {say.day(span[1])}' if span else 'none yet'}."


def planned(plan: Plan) -> str:
    """Say how many dates a backfill would take and how long it will be."""
    if not plan.taken:
        return f"Nothing to do: none of {say.count(len(plan.dates), 'date')} is taken."
    left = len(plan.dates) - len(plan.taken)
    time = (
        "how long it takes is not known: nothing was measured yet" if plan.seconds is None else f"about {say.duration(plan.seconds * 1e6)}"
    )
    rest = f" ({say.count(left, 'date')} left as they are)" if left else ""
    later = f", and {say.count(plan.carried, 'later session')} get their features anew" if plan.carried else ""
    return f"**{say.count(len(plan.taken), 'date')}** will run{rest}{later}: {time}."


def _agreed(button: str, *, key: str, disabled: bool = False) -> bool:
    with st.container(horizontal=True):
        agreed = st.button(button, key=f"{key}_yes", type="primary", disabled=disabled)
        if st.button("Not now", key=f"{key}_no"):
            st.rerun()
    return agreed


def _named(days: Sequence[date]) -> str:
    named = ", ".join(say.day(day) for day in sorted(days)[:_NAMED])
    return named if len(days) <= _NAMED else f"{named} and {len(days) - _NAMED} more"


def _key(days: Sequence[date]) -> str:
    return ",".join(day.isoformat() for day in sorted(days))
