"""Where ticks come from; a source is chosen by its name in the settings."""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from engine.clock import Clock
from engine.errors import SourceMisconfigured
from engine.runtime import Runtime
from engine.settings import Settings, TicksName
from engine.sources.simulated import SimulatedExchange
from engine.stream.sources.floorsheet import FloorsheetReplay
from engine.stream.sources.kafka import KafkaTicks
from engine.stream.sources.redis import RedisTicks
from engine.stream.sources.simulated import SimulatedTicks
from engine.stream.sources.source import Sleep, TickSource


def _speed(settings: Settings) -> float | None:
    return None if settings.tick_speed == "max" else float(settings.tick_speed)


def _simulated(settings: Settings, clock: Clock, sleep: Sleep) -> TickSource:
    return SimulatedTicks(SimulatedExchange(seed=settings.simulated_seed, clock=clock), clock, sleep, speed=_speed(settings))


def _floorsheet(settings: Settings, clock: Clock, sleep: Sleep) -> TickSource:
    if settings.source_dir is None:
        raise SourceMisconfigured("NEPSE_TICKS=floorsheet needs NEPSE_SOURCE_DIR: the folder that holds floorsheet/.")
    return FloorsheetReplay(settings.source_dir, clock, sleep, speed=_speed(settings))


def _kafka(settings: Settings, clock: Clock, _sleep: Sleep) -> TickSource:
    if settings.kafka_servers is None:
        raise SourceMisconfigured("NEPSE_TICKS=kafka needs NEPSE_KAFKA_SERVERS, as host:port.")
    return KafkaTicks(settings.kafka_servers, settings.kafka_topic, clock, options=settings.kafka_options)


def _redis(settings: Settings, clock: Clock, _sleep: Sleep) -> TickSource:
    if settings.redis_url is None:
        raise SourceMisconfigured("NEPSE_TICKS=redis needs NEPSE_REDIS_URL, as redis://host:port/0.")
    return RedisTicks(settings.redis_url.get_secret_value(), settings.redis_stream, clock)


SOURCES: Mapping[TicksName, Callable[[Settings, Clock, Sleep], TickSource]] = MappingProxyType(
    {
        TicksName.SIMULATED: _simulated,
        TicksName.FLOORSHEET: _floorsheet,
        TicksName.KAFKA: _kafka,
        TicksName.REDIS: _redis,
    }
)


AS_THEY_COME = frozenset(kind.name for kind in (KafkaTicks, RedisTicks) if kind.continuous)  # names of sources that have no speed


def open_tick_source(settings: Settings, clock: Clock, sleep: Sleep = time.sleep) -> TickSource:
    """Return the source of ticks that the settings name; nothing is read and nobody is asked yet."""
    return SOURCES[settings.ticks](settings, clock, sleep)


def ticks_of(runtime: Runtime, *, speed: float | None) -> TickSource:
    """Return the source of a home's ticks that replays at `speed` times the clock, None: as fast as it goes."""
    asked = "max" if speed is None else str(max(round(speed), 1))
    return open_tick_source(runtime.settings.model_copy(update={"tick_speed": asked}), runtime.clock)
