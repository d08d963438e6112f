"""Commands about the circuits of sources."""

from datetime import datetime

from engine.errors import Conflict, UnknownName
from engine.pipeline import breaker
from engine.pipeline.breaker import Circuit, Limits, Step
from engine.pipeline.guard import take_step
from engine.services.base import Commands, reasoned
from storage import breakers
from storage.status import CircuitState


class BreakerCommands(Commands):
    """Reset."""

    def reset_breaker(self, name: str, *, reason: str) -> str:
        """Close the circuit of a source by hand: every run calls it again, and those that wait for it look now."""
        why = reasoned(reason)

        def close(circuit: Circuit, _limits: Limits, now: datetime) -> Step:
            if circuit.state is CircuitState.CLOSED and not circuit.failures:
                raise Conflict(f"the circuit of source {name} is closed; there is nothing to reset")
            return breaker.reset(circuit, f"reset by {self.actor}: {why}", now=now)

        while True:
            with self.runtime.database.transaction() as connection:
                known = {row["name"] for row in breakers.every(connection)} | {self.runtime.source.name}
                if name not in known:
                    raise UnknownName(f"no source is called {name!r}; there are {', '.join(sorted(known))}")
                if take_step(connection, name, close, now=self.runtime.clock.now()) is not None:
                    said = f"The circuit of source {name} is closed; what waits for it looks now."
                    return self._audited(connection, "reset_breaker", {"source": name, "reason": why}, said)
