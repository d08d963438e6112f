"""What Prometheus reads of the console: every metric of `metrics/`, in its text format.

Counters are sums over what the database keeps, so they go on where they were after a restart, and every process tells the same. Labels
have only values from closed sets: pipelines, statuses, sources, jobs; never a date, a symbol or a run.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType

from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from engine.errors import UsageError
from engine.market.calendar import TradingCalendar
from engine.monitoring.family import Facts, Family
from engine.monitoring.metrics import alerts, drift, machine, runs, sessions, stream
from engine.runtime import Runtime

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def _gathered(*modules: ModuleType) -> Mapping[str, Family]:
    """Return the metrics of these modules by their names, which are each there once."""
    found: dict[str, Family] = {}
    for family in (value for module in modules for value in vars(module).values() if isinstance(value, Family)):
        if family.name in found:
            raise UsageError(f"there are two metrics called {family.name}")
        found[family.name] = family
    return MappingProxyType(found)


FAMILIES = _gathered(machine, runs, sessions, drift, stream, alerts)


class _Console(Collector):
    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        return (family.collected(self._facts) for family in FAMILIES.values())


def exposition(runtime: Runtime, calendar: TradingCalendar) -> bytes:
    """Return every metric in the text format of Prometheus 0.0.4."""
    with runtime.database.reading() as connection:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Console(Facts(runtime, connection, calendar, runtime.clock.now())))
        return generate_latest(registry)
