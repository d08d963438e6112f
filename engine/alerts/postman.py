"""The runner's part in delivery: starts a process for each channel that something is due to, a few at a time.

A process of its own can hang, or be killed, without a run or another channel taking notice, and takes the memory of its library with it.
"""

import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field

from engine.runtime import ROOT, Runtime, child_environment
from storage import notifications

AT_ONCE = 4  # processes
FAREWELL = 5.0  # seconds that one may take to say what became of its last try


@dataclass(slots=True)
class Postman:
    """Keeps notifications going; `tick` costs one read of the few rows that are due."""

    runtime: Runtime
    couriers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def tick(self) -> None:
        """Start what is to be started now."""
        self.couriers = {channel: courier for channel, courier in self.couriers.items() if courier.poll() is None}
        with self.runtime.database.reading() as connection:
            due = notifications.channels_due(connection, at=self.runtime.clock.now())
        for channel in [channel for channel in due if channel not in self.couriers][: AT_ONCE - len(self.couriers)]:
            self.couriers[channel] = started(self.runtime, channel)

    def stop(self) -> None:
        """Let each finish the try that it is at, and end."""
        for courier in self.couriers.values():
            courier.terminate()
        for courier in self.couriers.values():
            with suppress(subprocess.TimeoutExpired):  # it hangs, and ends by itself when its time limit is over
                courier.wait(FAREWELL)


def started(runtime: Runtime, channel: str) -> subprocess.Popen[bytes]:
    """Start the process that delivers what is due to one channel."""
    command = (sys.executable, "-m", "engine", "channels", "--deliver", channel)
    return subprocess.Popen(command, cwd=ROOT, env=child_environment(runtime.settings))  # noqa: S603, our own program
