"""The legend of charts whose squares are coloured by what is known of them."""

from collections.abc import Sequence
from typing import Any

from pages.ui import theme
from pages.ui.theme import Look
from storage.status import RunStatus, Verdict

_SESSION = 0.8  # of its colour: what is as it should be lets the rest stand out
_QUEUED = 0.35  # what is still to be done is fainter than what runs


def colour_of(seen: Look) -> str:
    """Return the colour of the square of a date: each meaning has one, in the calendar and among the tiles of a backfill."""
    if seen == theme.look(Verdict.NO_SESSION):
        return theme.surface("borderColor")  # two days a week: they stay quiet
    colour = theme.hexadecimal(seen.colour)
    shares = {theme.look(Verdict.SESSION): _SESSION, theme.look(RunStatus.QUEUED): _QUEUED}
    return theme.paler(colour, shares[seen]) if seen in shares else colour


def legend(pieces: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the visual map of ECharts for `pieces`, each with its value, label and colour."""
    return {
        "type": "piecewise",
        "pieces": list(pieces),
        "dimension": "code",
        "orient": "horizontal",
        "left": 30,
        "bottom": 0,
        "itemSymbol": "roundRect",
        "itemWidth": 14,
        "itemHeight": 14,
        "itemGap": 12,
        "textStyle": {"color": theme.surface("textColor"), "fontSize": 12},
        "selectedMode": False,
    }
