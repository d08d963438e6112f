"""The limits that operators turn: what each means, its range, and one frozen snapshot of all of them for a run.

Whoever judges registers its own limits here with `threshold`; pages, commands and the gate read `SPECS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from types import MappingProxyType

from engine.errors import UnknownName, UsageError

ON_OFF = "on/off"
_SWITCH = {"0": 0.0, "false": 0.0, "off": 0.0, "1": 1.0, "true": 1.0, "on": 1.0}


@dataclass(frozen=True, slots=True)
class ThresholdSpec:
    """One limit; `step` is that of its slider, and a value between two steps is a good one all the same."""

    key: str
    default: float
    low: float
    high: float
    step: float
    unit: str
    why: str

    @property
    def is_switch(self) -> bool:
        """Whether it is turned on and off rather than slid."""
        return self.unit == ON_OFF


_registered: dict[str, ThresholdSpec] = {}
SPECS: Mapping[str, ThresholdSpec] = MappingProxyType(_registered)


def threshold(spec: ThresholdSpec) -> ThresholdSpec:
    """Register a limit and return it; `UsageError` for a name taken twice, or a default outside its own range."""
    if spec.key in _registered:
        raise UsageError(f"there are two thresholds called {spec.key}")
    if not spec.low <= spec.default <= spec.high or spec.step <= 0:
        raise UsageError(
            f"threshold {spec.key}: default {spec.default:g} is not in {spec.low:g} to {spec.high:g}, or its step is not above 0"
        )
    _registered[spec.key] = spec
    return spec


def switch(key: str, why: str) -> ThresholdSpec:
    """Register a switch that is on until somebody turns it off."""
    return threshold(ThresholdSpec(key, 1.0, 0.0, 1.0, 1.0, ON_OFF, why))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Every limit as it stood after one change: `version` is that change's number, 0 where nothing was ever changed."""

    values: Mapping[str, float]
    version: int = 0

    def __getitem__(self, key: str) -> float:
        return self.values[key]


def snapshot(changed: Mapping[str, float], version: int) -> Thresholds:
    """Return all limits: those that were `changed`, and the defaults of the others."""
    return Thresholds(MappingProxyType({key: changed.get(key, spec.default) for key, spec in SPECS.items()}), version)


def named(key: str) -> ThresholdSpec:
    """Return the limit of that name; `UnknownName` lists near ones, where there are any."""
    if key not in SPECS:
        near = get_close_matches(key, SPECS, n=5)
        there = f"the nearest names are {', '.join(near)}" if near else "list them with: python -m engine thresholds"
        raise UnknownName(f"no threshold is called {key!r}; {there}")
    return SPECS[key]


def validated(key: str, value: float | str) -> float:
    """Return `value` as a number that threshold `key` may have; `UsageError` says which it may."""
    spec = named(key)
    text = str(value).strip().lower()
    if spec.is_switch:
        try:
            return _SWITCH[text] if text in _SWITCH else {0.0: 0.0, 1.0: 1.0}[float(text)]
        except (KeyError, ValueError) as error:
            raise UsageError(f"{key} is a switch: give on or off, not {value!r}") from error
    try:
        number = float(text)
    except ValueError as error:
        raise UsageError(f"{key} takes a number of {spec.unit}, not {value!r}") from error
    if not isfinite(number) or not spec.low <= number <= spec.high:
        raise UsageError(f"{key} may be {spec.low:g} to {spec.high:g} {spec.unit}, not {number:g}")
    return number
