"""Every command that a page, the command line or another program may give; each writes an audit row beside its effect."""

from engine.services.alerts import AlertCommands
from engine.services.backfills import BackfillCommands
from engine.services.base import Submitted
from engine.services.breakers import BreakerCommands
from engine.services.costs import CostCommands
from engine.services.drift import DriftCommands
from engine.services.lifecycle import LifecycleCommands
from engine.services.quality import QualityCommands
from engine.services.reconciliations import GapReplayed, ReconciliationCommands
from engine.services.replays import Replay
from engine.services.runs import RunCommands
from engine.services.scenarios import ScenarioCommands
from engine.services.schedules import ScheduleCommands
from engine.services.thresholds import ThresholdCommands
from engine.services.tick_letters import TickLetterCommands
from engine.services.versions import Rebuild, VersionCommands

__all__ = ["GapReplayed", "Rebuild", "Replay", "Services", "Submitted"]


class Services(
    RunCommands,
    BackfillCommands,
    ScheduleCommands,
    ThresholdCommands,
    QualityCommands,
    TickLetterCommands,
    LifecycleCommands,
    BreakerCommands,
    ReconciliationCommands,
    VersionCommands,
    DriftCommands,
    AlertCommands,
    CostCommands,
    ScenarioCommands,
):
    """All commands."""
