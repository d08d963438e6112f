"""Quality of a session: a catalogue of checks, the judgement of a file, the gate, and what other limits would have done."""

from engine.quality import price_checks, session_checks, symbol_checks  # noqa: F401, checks register where they are written
from engine.quality.check import CHECKS

__all__ = ["CHECKS"]
