"""The parts that charts share: a quiet axis of values with lines across, one of names, what stands below an axis, a legend below all."""

from collections.abc import Sequence
from typing import Any

from pages.ui import theme


def values(unit: str | None = None) -> dict[str, Any]:
    """Return an axis of values, with faint lines across and its unit at the end."""
    muted = theme.hexadecimal("gray")
    named = {} if unit is None else {"name": unit, "nameTextStyle": {"color": muted, "align": "left"}}
    lines = {"lineStyle": {"color": theme.surface("borderColor"), "opacity": 0.6}}
    return {"type": "value", "axisLabel": {"color": muted}, "splitLine": lines} | named


def names(of: Sequence[str]) -> dict[str, Any]:
    """Return an axis of names, of which as many are shown as there is room for."""
    label = {"color": theme.hexadecimal("gray"), "hideOverlap": True}
    return {"type": "category", "data": list(of), "axisLabel": label, "axisTick": {"show": False}}


def below(title: str, *, gap: int = 24) -> dict[str, Any]:
    """Return what puts a title below the middle of an axis."""
    return {"name": title, "nameLocation": "middle", "nameGap": gap, "nameTextStyle": {"color": theme.hexadecimal("gray")}}


def legend(*, width: int = 12) -> dict[str, Any]:
    """Return a legend below the chart, with marks of that width."""
    return {"bottom": 0, "left": 0, "itemWidth": width, "itemHeight": 12, "textStyle": {"color": theme.surface("textColor")}}
