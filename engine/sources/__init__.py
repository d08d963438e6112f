"""Where daily files come from; a source is chosen by its name in the settings."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from engine.clock import Clock
from engine.errors import SourceMisconfigured
from engine.settings import Settings, SourceName
from engine.sources.folder import DailyFolder
from engine.sources.simulated import SimulatedExchange
from engine.sources.source import Source


def _files(settings: Settings, clock: Clock) -> Source:
    if settings.source_dir is None:
        raise SourceMisconfigured("NEPSE_SOURCE=files needs NEPSE_SOURCE_DIR: the folder that holds daily/.")
    return DailyFolder(settings.source_dir, clock)


def _simulated(settings: Settings, clock: Clock) -> Source:
    return SimulatedExchange(seed=settings.simulated_seed, clock=clock)


SOURCES: Mapping[SourceName, Callable[[Settings, Clock], Source]] = MappingProxyType(
    {
        SourceName.FILES: _files,
        SourceName.SIMULATED: _simulated,
    }
)


def open_source(settings: Settings, clock: Clock) -> Source:
    """Return the source that the settings name; nothing is read yet."""
    return SOURCES[settings.source](settings, clock)
