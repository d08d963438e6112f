"""Every table of the database, by aggregate."""

from storage.tables.alerts import Alert, AlertEvent, Notification
from storage.tables.base import Base
from storage.tables.costs import CostDaily, CostEstimate, PriceBookVersion, PriceRow
from storage.tables.drift import DriftDistance, DriftLabelled, DriftReport, DriftSample
from storage.tables.jobs import JobRun, LakeDamage
from storage.tables.lifecycle import LakeMember, LakePack, LifecycleStep
from storage.tables.market import LakeFile, LakeIdentity, Price, TradingSession
from storage.tables.operations import Audit, Backfill, Breaker, BreakerEvent, RequestKey, Runner, Schedule, Slot
from storage.tables.quality import CheckResult, DeadLetter, FindingLabel, GateDecision, QualityReport, ThresholdChange
from storage.tables.runs import Attempt, DateState, LogLine, Metric, MetricSeries, Run, RunDaily, RunEvent, StageRun
from storage.tables.scenarios import CostScenario
from storage.tables.speed_layer import AlertSilence, StreamState, TickAlert, TickBar, TickDay
from storage.tables.stream_versions import StreamVersion, VersionContent, VersionSession
from storage.tables.tick_log import TickPosition, TickSegment, TickTakeIn, TickTopic

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertSilence",
    "Attempt",
    "Audit",
    "Backfill",
    "Base",
    "Breaker",
    "BreakerEvent",
    "CheckResult",
    "CostDaily",
    "CostEstimate",
    "CostScenario",
    "DateState",
    "DeadLetter",
    "DriftDistance",
    "DriftLabelled",
    "DriftReport",
    "DriftSample",
    "FindingLabel",
    "GateDecision",
    "JobRun",
    "LakeDamage",
    "LakeFile",
    "LakeIdentity",
    "LakeMember",
    "LakePack",
    "LifecycleStep",
    "LogLine",
    "Metric",
    "MetricSeries",
    "Notification",
    "Price",
    "PriceBookVersion",
    "PriceRow",
    "QualityReport",
    "RequestKey",
    "Run",
    "RunDaily",
    "RunEvent",
    "Runner",
    "Schedule",
    "Slot",
    "StageRun",
    "StreamState",
    "StreamVersion",
    "ThresholdChange",
    "TickAlert",
    "TickBar",
    "TickDay",
    "TickPosition",
    "TickSegment",
    "TickTakeIn",
    "TickTopic",
    "TradingSession",
    "VersionContent",
    "VersionSession",
]
