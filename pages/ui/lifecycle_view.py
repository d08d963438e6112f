"""The lifecycle of the lake on a page: where versions lie, the plan that is looked at before it is applied, and how that is undone."""

from collections.abc import Callable

import pyarrow as pa
import streamlit as st

from engine.lifecycle.planning import Plan
from engine.services.lifecycle import AskedStep
from pages.ui import format as say
from pages.ui import lifecycle_data
from pages.ui.actions import perform, services
from pages.ui.lifecycle_data import Standing, StepView
from pages.ui.text import plain

_WORDS = {"asked": "waits", "done": "done", "failed": "in part", "undone": "undone"}


def section() -> None:
    """Say where the versions lie, offer the plan, and list what was done with a way back."""
    known = lifecycle_data.standing()
    st.markdown(_where(known))
    with st.container(horizontal=True):
        if st.button("Plan", key="lifecycle_plan", icon=":material/inventory_2:", help="What would be packed and moved; changes nothing."):
            ask_apply()
        if known.sums["cold_packs"] and st.button("Bring all back out of the cold", key="lifecycle_restore", icon=":material/sunny:"):
            perform("Queued.", _said(services().restore_from_cold))
    st.caption(_could_be(known))
    if known.steps:
        _steps(known.steps)


def _where(known: Standing) -> str:
    sums = known.sums
    said = f"**{say.count(sums['versions'], 'version')}** of the lake lie in {say.count(sums['files'], 'file')} of their own "
    said += f"({say.size(sums['bytes'])})"
    if sums["packs"]:
        said += f" and {say.count(sums['packs'], 'pack')} of closed months ({say.size(sums['pack_bytes'])})"
    if sums["cold_packs"]:
        said += f", {sums['cold_packs']:,} of these in the cold ({say.size(sums['cold_bytes'])}): fetched when they are read"
    return f"{said}."


def _could_be(known: Standing) -> str:
    plan = known.plan
    if plan.is_empty:
        return "Every closed month is packed."
    files = sum(month.files for month in plan.months), sum(month.files_after for month in plan.months)
    said = f"Closed months can be packed: {files[0]:,} files become {files[1]:,}." if plan.months else ""
    return said + (f" {say.count(len(plan.to_cold), 'pack')} can be moved to {known.cold}." if plan.to_cold else "")


def ask_apply() -> None:
    """Show the plan; only behind it is the button that applies it."""

    @st.dialog("Pack closed months", width="large", icon=":material/inventory_2:")
    def ask() -> None:
        plan = lifecycle_data.measured_plan()
        figures = plan.figures()
        if plan.is_empty:
            st.info("There is nothing to do: every closed month is packed.", icon=":material/check:")
            return
        replaced = figures["superseded_versions_kept"]
        also = f", also the {say.count(replaced, 'one', 'ones')} that newer ones have replaced" if replaced else ""
        st.markdown(
            f"**{figures['files_before']:,} files become {figures['files_after']:,}**, {say.size(figures['bytes_before'])} about "
            f"{say.size(figures['bytes_after_estimated'])}. Every version stays readable{also}; nothing is dropped."
        )
        st.table(_table(plan), border="horizontal", hide_index=True, alt="What would be done to each dataset")
        for dataset, why in plan.unreadable.items():
            st.warning(f"{dataset}: {plain(why)}", icon=":material/warning:")
        st.caption("A runner does it beside the runs. It can be undone: each file comes back byte for byte.")
        label = f"Pack {say.count(sum(line.files for line in plan.lines), 'file')}" if plan.months else "Move to the cold"
        if st.button(label, key="lifecycle_apply", type="primary", icon=":material/inventory_2:"):
            perform("Queued.", _said(services().apply_lifecycle))

    ask()


def _table(plan: Plan) -> pa.Table:
    lines = plan.lines
    columns = {
        "Dataset": [line.dataset for line in lines],
        "Months": [say.count(line.months) for line in lines],
        "Files": [f"{line.files:,} → {line.files_after:,}" for line in lines],
        "Bytes": [f"{say.size(line.bytes)} → {say.size(line.bytes_after)}" for line in lines],
        "To the cold": [say.count(line.to_cold, "pack") if line.to_cold else say.NOTHING for line in lines],
    }
    return pa.table(columns)


def _steps(steps: tuple[StepView, ...]) -> None:
    for step in steps:
        with st.container(horizontal=True, vertical_alignment="center", key=f"lifecycle_step_{step.id}"):
            told = plain(step.message or "a runner does it next")
            st.markdown(f"**{step.id}** {step.kind}, {_WORDS[step.state]}: {told} ({step.requested_by}, {say.stamp(step.requested_at)})")
            if step.can_be_undone and st.button("Undo", key=f"lifecycle_undo_{step.id}", icon=":material/undo:"):
                ask_undo(step)


def ask_undo(step: StepView) -> None:
    """Ask whether an application shall be taken back; say how many files that makes."""

    @st.dialog(f"Undo step {step.id}?", icon=":material/undo:")
    def ask() -> None:
        if step.files:
            st.markdown(f"**{say.count(step.files, 'file')}** come back where they lay; the packs that took their place go.")
        if step.warmed:
            st.markdown(f"**{say.count(step.warmed, 'pack')}** come back out of the cold.")
        st.caption("What was published since then stays. Packs that a later step made anew are that step's to undo.")
        with st.container(horizontal=True):
            if st.button("Undo", key="lifecycle_undo_yes", type="primary", icon=":material/undo:"):
                perform("Queued.", _said(services().undo_lifecycle), step.id)
            if st.button("Not now", key="lifecycle_undo_no"):
                st.rerun()

    ask()


def _said(command: Callable[..., AskedStep]) -> Callable[..., str]:
    """Return a command that answers with its sentence."""
    return lambda *arguments: command(*arguments).message
