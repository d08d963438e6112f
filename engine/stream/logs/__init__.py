"""Where what a stream received is kept; chosen by its name in the settings."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from engine.clock import Clock
from engine.errors import SettingsError
from engine.runtime import Runtime
from engine.settings import LogName, Settings
from engine.stream.log import TickLog
from engine.stream.logs.blocks import Blocks, KafkaBlocks, RedisBlocks
from engine.stream.logs.embedded import EmbeddedLog
from storage.database import Database
from storage.lake import Lake


def _embedded(_settings: Settings) -> Blocks | None:
    return None


def _kafka(settings: Settings) -> Blocks | None:
    if settings.kafka_servers is None:
        raise SettingsError("NEPSE_TICK_LOG=kafka needs NEPSE_KAFKA_SERVERS, as host:port.")
    return KafkaBlocks(settings.kafka_servers, options=settings.kafka_options)


def _redis(settings: Settings) -> Blocks | None:
    if settings.redis_url is None:
        raise SettingsError("NEPSE_TICK_LOG=redis needs NEPSE_REDIS_URL, as redis://host:port/0.")
    return RedisBlocks(settings.redis_url.get_secret_value())


LOGS: Mapping[LogName, Callable[[Settings], Blocks | None]] = MappingProxyType(
    {LogName.EMBEDDED: _embedded, LogName.KAFKA: _kafka, LogName.REDIS: _redis}
)


def open_tick_log(settings: Settings, database: Database, lake: Lake, clock: Clock, *, simulated: bool = False) -> TickLog:
    """Return the log that the settings name; nothing is read and nobody is asked yet."""
    return EmbeddedLog(database, lake, clock, simulated=simulated, blocks=LOGS[settings.tick_log](settings))


def log_of(runtime: Runtime) -> TickLog:
    """Return the log of a home."""
    return open_tick_log(runtime.settings, runtime.database, runtime.lake, runtime.clock, simulated=runtime.simulated)
