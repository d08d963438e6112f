"""The simulated exchange: a seeded market that writes daily files and ticks like the real ones, with faults at documented rates.

It never claims to be real: every symbol starts with X, every name with `Simulated`.
"""

from engine.sources.simulated.exchange import Holding, SimulatedExchange, Truth
from engine.sources.simulated.faults import DEFAULT_FAULTS, NO_FAULTS, FaultKind, Faults

__all__ = ["DEFAULT_FAULTS", "NO_FAULTS", "FaultKind", "Faults", "Holding", "SimulatedExchange", "Truth"]
