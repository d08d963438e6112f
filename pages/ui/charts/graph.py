"""A pipeline as a drawn graph: its stages, what each takes, and how each ended in the last run."""

from collections.abc import Mapping

from engine.pipeline.graph import Pipeline
from pages.ui import theme
from storage.status import StageStatus


def graph(pipeline: Pipeline, states: Mapping[str, StageStatus]) -> str:
    """Return a Mermaid flowchart; a stage says its name and, in a word and a colour, how it ended."""
    lines = ["flowchart LR"]
    for stage in pipeline.order:
        state = states.get(stage.name)
        word = f"<br/>{_sign(state)}" if state else ""
        lines.append(f'    {stage.name}["{stage.name}{word}"]{f":::{state.value}" if state else ""}')
    lines += [f"    {needed} --> {stage.name}" for stage in pipeline.order for needed in stage.inputs]
    for state in dict.fromkeys(states.values()):
        colour = theme.hexadecimal(theme.look(state).colour)
        lines.append(f"    classDef {state.value} stroke:{colour},stroke-width:2px")
    return "\n".join(lines)


def _sign(state: StageStatus) -> str:
    seen = theme.look(state)
    return f"{seen.sign} {seen.word}"
