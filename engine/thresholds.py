"""Numbers that an operator turns: what each is, what it may be, and the values that a run works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from engine.errors import UsageError

SWITCH = "on/off"


@dataclass(frozen=True, slots=True)
class ThresholdSpec:
    """One tunable number; a switch has the unit `on/off` and takes 0 or 1."""

    key: str
    default: float
    low: float
    high: float
    step: float
    unit: str
    why: str


_SPECS: dict[str, ThresholdSpec] = {}
SPECS: Mapping[str, ThresholdSpec] = MappingProxyType(_SPECS)


def threshold(spec: ThresholdSpec) -> ThresholdSpec:
    """Register a threshold; refuses a key that is taken."""
    if spec.key in _SPECS:
        raise UsageError(f"two thresholds are called {spec.key}")
    _SPECS[spec.key] = spec
    return spec


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The values that hold at one version (the number of the newest change in them; 0: nothing was ever turned)."""

    values: Mapping[str, float] = field(default_factory=dict)  # of those that were turned
    version: int = 0

    def __getitem__(self, key: str) -> float:
        return self.values.get(key, SPECS[key].default)


DEFAULTS = Thresholds()
