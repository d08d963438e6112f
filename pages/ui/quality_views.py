"""What the reads of the Quality and the Thresholds page give: plain values, typed at this boundary."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pages.ui.views import View
from storage.status import CheckStatus, Decision, GateVerdict, Label


@dataclass(frozen=True, slots=True)
class JudgedView(View):
    """The newest judgement of one session, as small as a list needs it."""

    session: date
    run_id: int
    partition: date
    verdict: GateVerdict
    approved_by: str | None
    loaded: int
    quarantined: int
    warned: int
    threshold_version: int
    findings_path: str | None

    @property
    def lines(self) -> int:
        """The lines that hold data."""
        return self.loaded + self.quarantined

    @property
    def share_aside(self) -> float:
        """How many percent of its data lines were set aside."""
        return 100 * self.quarantined / max(self.lines, 1)

    @property
    def share_flagged(self) -> float:
        """How many percent of its data lines pass with a flag."""
        return 100 * self.warned / max(self.lines, 1)


@dataclass(frozen=True, slots=True)
class ReportView(View):
    """What the gate said of one session."""

    run_id: int
    pipeline: str
    partition: date
    session: date
    source_sha256: str
    verdict: GateVerdict
    approved_by: str | None
    reason: str
    physical: int
    header: int
    blank: int
    loaded: int
    quarantined: int
    duplicates: int
    warned: int
    threshold_version: int
    findings_path: str | None
    quarantine_path: str | None
    reported_at: datetime

    @property
    def law(self) -> Mapping[str, int]:
        """Where the physical lines went, in the order of the equation."""
        return {name: getattr(self, name) for name in ("header", "blank", "loaded", "quarantined", "duplicates")}

    @property
    def holds(self) -> bool:
        """Whether no line has disappeared and none was counted twice."""
        return self.physical == sum(self.law.values())


@dataclass(frozen=True, slots=True)
class ResultView(View):
    """What one check found in one session."""

    run_id: int
    check_id: str
    version: int
    scope: str
    status: CheckStatus
    applicable: int
    warned: int
    failed: int
    explained: int
    rate: float | None
    worst: float | None
    observed: float | None
    bound: float | None
    warn_above: float | None
    error_above: float | None
    fingerprint: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class StatusView(View):
    """How one check ended in one session, as small as a cell of the grid needs it."""

    run_id: int
    check_id: str
    status: CheckStatus
    applicable: int
    warned: int
    failed: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding of a check in a session; `symbol` is empty and `line` None where it is about the session as a whole."""

    line: int | None
    symbol: str
    score: float
    observed: float
    bound: float
    explained: bool


@dataclass(frozen=True, slots=True)
class AsideView:
    """One line that was set aside; `raw` is the line as it came, with what is no text escaped."""

    line: int
    symbol: str | None
    raw: str
    checks: str
    reason: str


@dataclass(frozen=True, slots=True)
class DecisionView(View):
    """What a person decided about a blocked session."""

    run_id: int
    decision: Decision
    decided_by: str
    decided_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class LabelView(View):
    """An operator's word on one finding."""

    session: date
    symbol: str
    check_id: str
    label: Label
    labelled_by: str
    labelled_at: datetime


@dataclass(frozen=True, slots=True)
class ChangeView(View):
    """One change of one threshold."""

    id: int
    key: str
    value: float
    previous: float
    changed_at: datetime
    changed_by: str
    reason: str
