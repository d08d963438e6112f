"""The parts of the Rebuild page: the versions, and one of them beside what is or was served."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import streamlit as st

from engine.stream.version_diff import Difference, Part
from engine.stream.version_list import JOB, SessionOf, Version
from pages.ui import data, version_data
from pages.ui import format as say
from pages.ui import version_words as words
from pages.ui.actions import ask, perform, services
from pages.ui.quality_data import name_of
from pages.ui.text import plain
from pages.ui.theme import look
from pages.ui.url_choice import choice, warn_of_unknown
from pages.ui.version_dialogs import PART, SESSION, SYMBOL, VERSION, ask_drop, ask_promote, ask_rebuild, ask_undo
from pages.ui.widgets import empty_state, page
from storage.status import VersionState

_MOST = 1000  # differences that are listed
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BOXES = {
    VersionState.BUILDING: st.info,
    VersionState.BUILT: st.warning,
    VersionState.FAILED: st.error,
    VersionState.PROMOTED: st.success,
    VersionState.DROPPED: st.info,
}


def rebuild_button() -> None:
    """Offer to have sessions computed anew."""
    if st.button("Rebuild sessions…", key="rebuild", icon=":material/layers:", type="primary"):
        ask_rebuild()


def never() -> None:
    """Say what a version is while there is none, and what to do first."""
    if version_data.over():
        empty_state(
            "No session has been rebuilt yet",
            text="A version is a past session computed anew, beside what is served: what other thresholds, or the code of now, would make "
            "of that day. With the same code and thresholds it is equal.",
            icon=":material/layers:",
        )
        return
    empty_state(
        "No session of the stream is over yet",
        text="The stream keeps all that it receives in its log; once a session is over, it can be computed anew from it.",
        icon=":material/layers:",
    )
    st.page_link(page("stream.py"), label="Start a session on the Stream page", icon=":material/candlestick_chart:")


def is_building(known: Sequence[Version]) -> bool:
    """Say whether a version is being built."""
    return any(one.state is VersionState.BUILDING for one in known)


def chosen_version(known: Sequence[Version]) -> Version:
    """Let the visitor choose a version; the newest that was not dropped, unless the address names another."""
    ids = [str(one.id) for one in known]
    default = next((str(one.id) for one in known if one.state is not VersionState.DROPPED), ids[0])
    by_id = {str(one.id): one for one in known}

    def said(number: str) -> str:
        return f"Version {number} · {words.sessions(by_id[number])}"

    number = choice("Version", ids, name=VERSION, default=default, said=said, width=430)
    warn_of_unknown(ids, name=VERSION, noun="a version that there is not, or an old one that is not listed here any more")
    return by_id[number or default]


def headline(version: Version) -> None:
    """Say where a version stands, what it was asked for with, and why."""
    with st.container(key="version_says"):
        equal = version.state is VersionState.BUILT and not version.different
        draw, icon = (st.success, ":material/verified:") if equal else (_BOXES[version.state], look(version.state).icon)
        draw(f"**{plain(words.headline(version))}.**", icon=icon)
        if version.state is VersionState.BUILDING:
            _progress(version)
    asked = f"asked for by {version.requested_by}, {say.stamp(version.requested_at)}"
    st.caption(plain(f"{words.sessions(version)} · {words.turned(version.turned)} · {asked}: {version.reason}"))
    closes = sum(one.other_closes for one in version.sessions)
    if closes:
        st.caption(
            f":material/info: {say.count(closes, 'symbol')} had another previous close when the stream worked on them than is known now, "
            "after the daily file: that alone can change alerts."
        )
    for one in version.failed if version.state is VersionState.FAILED else ():
        st.caption(f":red[{say.day(one.session)}: {plain(one.failure or '')}]")


def _progress(version: Version) -> None:
    done, of = len(version.built) + len(version.failed), len(version.sessions)
    st.progress(done / of, text=f"{done:,} of {say.count(of, 'session')}")
    if version_data.left(version.id):
        st.warning("The process that built it has died too often, and nobody goes on.", icon=":material/warning:")
        if st.button("Go on", key="version_go_on", icon=":material/play_arrow:"):
            perform("It goes on.", services().request_job, JOB)
    elif not data.machine().alive:
        st.warning("No runner is alive: it waits for one.", icon=":material/warning:")
    elif job := version_data.other_job():
        st.caption(f":material/hourglass_top: It waits for the job {job}, which runs now.")


def buttons(version: Version) -> None:
    """Offer what can be done with a version."""
    with st.container(horizontal=True):
        if version.state is VersionState.BUILT and st.button(
            "Promote…",
            key="version_promote",
            type="primary" if version.different else "secondary",
            icon=":material/publish:",
            help="Serve it in the place of what is served.",
        ):
            ask_promote(version)
        if version.state is VersionState.PROMOTED and st.button(
            "Take back…", key="version_undo", icon=":material/undo:", help="Serve again what was served before it."
        ):
            ask_undo(version)
        droppable = (VersionState.BUILDING, VersionState.BUILT, VersionState.FAILED)
        if version.state in droppable and st.button("Drop…", key="version_drop", icon=":material/delete:"):
            ask_drop(version)


def tiles(version: Version) -> None:
    """Show of each part how much of it is equal."""
    if not version.built:
        return
    with st.grid(4, min_column_width=150, key="version_tiles"):
        for part in Part:
            counts = version.total(part)
            with st.container(border=True, height="stretch"):
                st.metric(
                    f"{words.NOUNS[part].capitalize()}s",
                    "all equal" if not counts.different else f"{counts.different:,} differ",
                    delta=words.note(counts),
                    delta_color="green" if not counts.different else "orange",
                    delta_arrow="off",
                    help=_EXPLAINED[part],
                )


_EXPLAINED = {
    Part.BARS: "Minutes of a symbol, each at its newest revision: four prices, volume, turnover and trades.",
    Part.DAYS: "Symbols' days: the seven fields of the daily file.",
    Part.ALERTS: "Alerts by rule, symbol and second; those in both are the same when their score, times and members are.",
    Part.LETTERS: "Records that were set aside, by their offset in the log, and the reason. What a person has taken in is in both.",
}


def differences(version: Version) -> None:
    """List what is not equal in one session."""
    if not version.built or version.state is VersionState.DROPPED:
        return
    days = {one.session.isoformat(): one for one in version.built}
    worst = max(version.built, key=lambda one: one.different).session.isoformat()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("What differs", width="content")
        st.space("stretch")
        day = choice("Session", list(days), name=SESSION, default=worst, said=lambda text: _day(days[text]), width=290)
        part = choice("Part", [part.value for part in Part], name=PART, default=None, placeholder="All parts", width=130)
        found = ask(version_data.compared, version.id, date.fromisoformat(day or worst), version.state)
        symbols = sorted({one.symbol for one in found.differences if one.symbol}) if found is not None else []
        symbol = choice("Symbol", symbols, name=SYMBOL, default=None, placeholder="All symbols", width=150)
    warn_of_unknown(list(days), name=SESSION, noun="a session that the version does not hold")
    if found is None:
        return
    if found.equal:
        st.caption(f":material/check: Nothing of {say.day(date.fromisoformat(day or worst))}.")
        return
    _table([one for one in found.differences if part in (None, one.part.value) and symbol in (None, one.symbol)])


def _day(one: SessionOf) -> str:
    return f"{say.day(one.session)} · {f'{one.different:,} differ' if one.different else 'equal'}"


def _table(listed: Sequence[Difference]) -> None:
    if not listed:
        st.caption(":material/check: None.")
        return
    shown = listed[:_MOST]
    frame = pd.DataFrame(
        {
            "In it": [[words.SIDES[one.side]] for one in shown],
            "What": [f"{words.NOUNS[one.part]}{f', {_name(one)}' if _name(one) else ''}" for one in shown],
            "Symbol": [one.symbol or say.NOTHING for one in shown],
            "At": [say.clock_time(None if one.at is None else _EPOCH + timedelta(microseconds=one.at)) for one in shown],
            "Why, or what differs": [one.said for one in shown],
        }
    )
    st.dataframe(
        frame,
        key="version_differences",
        hide_index=True,
        height="content" if len(shown) <= 12 else 455,  # noqa: PLR2004, rows that are shown without scrolling
        alt="Every difference between what is served and the version",
        column_config={
            "In it": st.column_config.MultiselectColumn(options=list(words.SIDES.values()), color=["orange", "blue", "violet"], width=110),
            "What": st.column_config.TextColumn(width=200),
            "Symbol": st.column_config.TextColumn(width=110),
            "At": st.column_config.TextColumn(width=80, help="Nepal time: the minute of a bar, or when an alert fired"),
            "Why, or what differs": st.column_config.TextColumn(width=480),
        },
    )
    if len(listed) > _MOST:
        st.caption(f"The first {_MOST:,} of {len(listed):,}.")


def _name(one: Difference) -> str:
    return {Part.ALERTS: name_of(one.name), Part.LETTERS: one.name}.get(one.part, "")


def versions(known: Sequence[Version]) -> None:
    """List the versions; a click on one chooses it."""
    st.subheader("Versions")
    labels = {f"Version {one.id}": str(one.id) for one in known}
    frame = pd.DataFrame(
        {
            "Version": list(labels),
            "State": [[look(one.state).word] for one in known],
            "Sessions": [words.sessions(one) for one in known],
            "Thresholds": [words.turned(one.turned) for one in known],
            "Compared": [words.outcome(one) for one in known],
            "Reason": [one.reason for one in known],
            "By": [one.requested_by for one in known],
            "Asked for": [say.stamp(one.requested_at) for one in known],
        }
    )
    states = [look(state) for state in VersionState]
    st.dataframe(
        frame,
        key="version_list",
        hide_index=True,
        height="content" if len(known) <= 8 else 320,  # noqa: PLR2004, rows that are shown without scrolling
        alt="Every version, newest first",
        column_config={
            "Version": st.column_config.ButtonColumn(type="tertiary", key="version_open", alignment="left", width=100),
            "State": st.column_config.MultiselectColumn(
                options=[seen.word for seen in states], color=[seen.colour for seen in states], width=90
            ),
            "Sessions": st.column_config.TextColumn(width=330),
            "Thresholds": st.column_config.TextColumn(width=220),
            "Compared": st.column_config.TextColumn(width=150, help="With what was served when it was built"),
            "Reason": st.column_config.TextColumn(width=220),
        },
    )
    if click := st.session_state.get("version_open"):
        number = labels.get(str(click["label"]))
        if number and number != st.query_params.get(VERSION):
            st.query_params[VERSION] = number
            for other in (SESSION, PART, SYMBOL):
                st.query_params.pop(other, None)
            st.rerun()
