"""A pipeline as a drawn graph: its stages, what each takes, and how each ended in the last run."""

from collections.abc import Mapping

from engine.pipeline.graph import Pipeline
from pages.ui import theme
from storage.status import StageStatus

# Streamlit shrinks a drawing to the width of the screen: on a phone, one from left to right has words five pixels high. So there are two,
# each in a container of its own, and the width of the screen decides which is seen.
# The nearer the stages of the wide one stand to each other and the larger its words are, the less of them shrinking takes away.
_CLOSE = (
    '%%{init: {"fontSize": 19, "themeVariables": {"fontSize": "19px"}, '
    '"flowchart": {"rankSpacing": 22, "nodeSpacing": 20, "padding": 6}}}%%'
)
WIDE, TALL = "graph_wide", "graph_tall"
STYLE = f"""<style>
[data-testid="stLayoutWrapper"]:has(> .st-key-{TALL}) {{ display: none; }}
@media (max-width: 640px) {{
  [data-testid="stLayoutWrapper"]:has(> .st-key-{TALL}) {{ display: block; }}
  [data-testid="stLayoutWrapper"]:has(> .st-key-{WIDE}) {{ display: none; }}
}}
</style>"""


def graph(pipeline: Pipeline, states: Mapping[str, StageStatus], *, tall: bool = False) -> str:
    """Return a Mermaid flowchart, from left to right or downwards; a stage says its name and, in a word and a colour, how it ended."""
    lines = [_CLOSE] if not tall else []
    lines.append(f"flowchart {'TD' if tall else 'LR'}")
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
