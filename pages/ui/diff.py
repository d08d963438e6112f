"""Two runs of a date side by side: what each found, what it cost, what the gate said, and which prices differ."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pages.ui import data, run_data
from pages.ui import format as say
from pages.ui.quality_diff import quality_facts
from pages.ui.run_data import PriceDifference, RunRow
from pages.ui.theme import look
from pages.ui.url_choice import warn_of_unknown
from pages.ui.views import RunDetail, RunView, StageView

_NAMED = 12  # symbols that are written out


@dataclass(frozen=True, slots=True)
class Line:
    """One fact of both runs; times of day and durations never agree and are not `compared`."""

    what: str
    this: str
    other: str
    compared: bool = True

    @property
    def differs(self) -> bool:
        """Whether the two runs disagree about it."""
        return self.compared and self.this != self.other


def differences(this: RunDetail, other: RunDetail) -> list[Line]:
    """Return every fact of two runs, the same or not, in the order in which a person asks for them."""
    mine, theirs = _facts(this.run), _facts(other.run)
    lines = [Line(what, mine[what], theirs[what]) for what in mine]
    lines.append(Line("Took", say.duration(this.run.duration_us), say.duration(other.run.duration_us), compared=False))
    left, right = _last_of_each(this.stages), _last_of_each(other.stages)
    for stage in dict.fromkeys([*left, *right]):
        lines.extend(_stage_lines(stage, left.get(stage), right.get(stage)))
    lines.extend(Line(what, here, there) for what, here, there in quality_facts(this.run.id, other.run.id))
    return lines


def _facts(run: RunView) -> dict[str, str]:
    return {
        "Status": look(run.status).word,
        "Verdict": look(run.verdict).word if run.verdict else say.NOTHING,
        "Session": say.day(run.session_date),
        "Outcome": run.outcome.value if run.outcome else say.NOTHING,
        "Rows": say.count(run.rows),
        "Error": run.error_message or say.NOTHING,
        "File": run.source_file or say.NOTHING,
        "File sha256": run.source_sha256 or say.NOTHING,
        "Layout": run.layout or say.NOTHING,
        "Booked by hand to": say.day(run.book_to),
        "Code version": run.code_version or say.NOTHING,
    }


def _last_of_each(stages: Sequence[StageView]) -> dict[str, StageView]:
    """Return the row of each stage that counts: a stage whose runner died has an older one."""
    return {stage.stage: stage for stage in stages}


def _stage_lines(name: str, this: StageView | None, other: StageView | None) -> list[Line]:
    return [
        Line(f"{name}: status", look(this.status).word if this else say.NOTHING, look(other.status).word if other else say.NOTHING),
        Line(f"{name}: rows", say.count(this.rows_out if this else None), say.count(other.rows_out if other else None)),
        Line(f"{name}: checkpoint", _checksums(this), _checksums(other)),
        Line(
            f"{name}: took",
            say.duration(this.duration_us if this else None),
            say.duration(other.duration_us if other else None),
            compared=False,
        ),
    ]


def _checksums(stage: StageView | None) -> str:
    """Return the checksums of the lake files of a checkpoint: other paths may hold the same content."""
    files = run_data.lake_files(stage.checkpoint) if stage else ()
    return ", ".join(f"{file['dataset']} {str(file['sha256'])[:12]}" for file in files) or say.NOTHING


def run_diff(this: RunDetail, others: Sequence[RunRow]) -> None:
    """Let the person choose another run of the date and draw both side by side."""
    st.subheader("Compare with another run of this date")
    choices = [row.id for row in others if row.id != this.run.id]
    if st.query_params.get("compare", "").isdecimal():  # what is no number was named above
        warn_of_unknown([str(run_id) for run_id in choices], name="compare", noun="which is no other run of this date")
    if not choices:
        st.caption("This is the only run of the date. After a rerun, both can be compared here.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Run", choices, index=None, key="compare", bind="query-params", placeholder="Choose a run", width=180)
        everything = st.toggle("Show what is the same too", key="compare_all")
    other = data.run(chosen) if chosen is not None else None
    if other is None:
        return
    lines = differences(this, other)
    shown = lines if everything else [line for line in lines if line.differs]
    if not shown:
        st.success(f"Run {this.run.id} and run {other.run.id} agree in every fact.", icon=":material/check:")
    else:
        frame = pd.DataFrame(
            {
                "": ["≠" if line.differs else "" for line in shown],
                "Fact": [line.what for line in shown],
                f"Run {this.run.id}": [line.this for line in shown],
                f"Run {other.run.id}": [line.other for line in shown],
            }
        )
        st.dataframe(frame, key="diff", hide_index=True, height="content", alt="Facts of both runs", column_config={"": {"width": 36}})
    _price_diff(this, other)


def _price_diff(this: RunDetail, other: RunDetail) -> None:
    mine, theirs = run_data.silver_of(this.stages), run_data.silver_of(other.stages)
    if mine is None or theirs is None:
        missing = [detail.run.id for detail, path in ((this, mine), (other, theirs)) if path is None]
        st.caption(f"Prices are not compared: {' and '.join(f'run {run_id}' for run_id in missing)} came to none.")
        return
    older, newer = sorted([(this.run.id, mine), (other.run.id, theirs)])
    difference = PriceDifference() if mine == theirs else run_data.price_difference(older[1], newer[1])
    if difference.unreadable:
        st.warning(difference.unreadable, icon=":material/warning:")
    elif difference.same:
        st.success("Both hold the same prices.", icon=":material/check:")
    else:
        st.markdown(price_summary(difference, older=older[0], newer=newer[0]))
        if difference.sample:
            st.dataframe(sample_frame(difference, older=older[0], newer=newer[0]), key="prices", hide_index=True, alt="Prices that differ")


def price_summary(difference: PriceDifference, *, older: int, newer: int) -> str:
    """Say how many symbols the newer run changed, added and removed."""
    parts = [
        f"**{say.count(difference.changed, 'symbol')}** with other values" if difference.changed else "",
        f"**{len(difference.added)}** added ({_some(difference.added)})" if difference.added else "",
        f"**{len(difference.removed)}** removed ({_some(difference.removed)})" if difference.removed else "",
    ]
    return f"Prices, run {newer} against run {older}: {', '.join(part for part in parts if part)}."


def sample_frame(difference: PriceDifference, *, older: int, newer: int) -> pd.DataFrame:
    """Return the first values that differ."""
    return pd.DataFrame(
        {
            "Symbol": [change.symbol for change in difference.sample],
            "Column": [change.column for change in difference.sample],
            f"Run {older}": [str(change.before) for change in difference.sample],
            f"Run {newer}": [str(change.after) for change in difference.sample],
        }
    )


def _some(symbols: Sequence[str]) -> str:
    named = ", ".join(symbols[:_NAMED])
    return named if len(symbols) <= _NAMED else f"{named} and {len(symbols) - _NAMED} more"
