"""Where what a stream received is kept."""

from engine.runtime import Runtime
from engine.stream.log import TickLog
from engine.stream.logs.embedded import EmbeddedLog


def open_log(runtime: Runtime) -> TickLog:
    """Return the log of a home."""
    return EmbeddedLog(runtime.database, runtime.lake, runtime.clock, simulated=runtime.simulated)
