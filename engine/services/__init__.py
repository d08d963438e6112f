"""Every command that a page, the command line or another program may give; each writes an audit row beside its effect."""

from engine.services.backfills import BackfillCommands
from engine.services.base import Submitted
from engine.services.runs import RunCommands
from engine.services.schedules import ScheduleCommands

__all__ = ["Services", "Submitted"]


class Services(RunCommands, BackfillCommands, ScheduleCommands):
    """All commands."""
