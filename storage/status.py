"""Closed sets that are stored as text, and which status may follow which."""

from enum import StrEnum


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"  # waits for a runner, or for its source
    RUNNING = "running"  # a runner holds it
    SUCCEEDED = "succeeded"  # a session was accepted (or was already, unchanged)
    SKIPPED = "skipped"  # there was nothing to do: no session on that date
    FAILED = "failed"  # an error; the run says which
    CANCELLED = "cancelled"  # a person stopped it
    CRASHED = "crashed"  # its runner died under it more often than is allowed


class StageStatus(StrEnum):
    """Where one stage of a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"  # an earlier stage found that there is nothing to do
    UPSTREAM_FAILED = "upstream_failed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CRASHED = "crashed"  # its runner died; the run went on elsewhere


MOVES: dict[RunStatus, frozenset[RunStatus]] = {
    # A waiting sensor and a rescued run go back to the queue; everything else that ends is final.
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.SKIPPED}),
    RunStatus.RUNNING: frozenset(
        {RunStatus.QUEUED, RunStatus.SUCCEEDED, RunStatus.SKIPPED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.CRASHED}
    ),
}
ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING)
FINAL = tuple(status for status in RunStatus if status not in ACTIVE)


def sources_of(status: RunStatus) -> tuple[RunStatus, ...]:
    """Return the statuses from which a run may move to `status`."""
    return tuple(origin for origin, targets in MOVES.items() if status in targets)


class RunType(StrEnum):
    """Why a run exists."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    BACKFILL = "backfill"
    RERUN = "rerun"
    CATCHUP = "catchup"  # a slot that was missed while no runner was alive
    REPLAY = "replay"
    CARRY = "carry"  # later sessions wait for what earlier ones have changed


class Verdict(StrEnum):
    """What is known of a calendar date."""

    SESSION = "session"  # the exchange traded, and its prices are in the lake
    NO_SESSION = "no_session"  # the exchange was closed; neither success nor failure
    FAILED = "failed"  # there is a file, and it could not be used
    MISSING = "missing"  # nobody has looked yet, or there is no file


class Outcome(StrEnum):
    """What a finished run changed."""

    LOADED = "loaded"  # a session that was not there
    REPLACED = "replaced"  # a new version of a session; the old one is kept
    UNCHANGED = "unchanged"  # the same input as before: nothing was written


class BackfillState(StrEnum):
    """Where a backfill stands."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"  # at its first failure, as it was asked to
    CANCELLED = "cancelled"
    DONE = "done"


class OnFailure(StrEnum):
    """What a backfill does when a date fails."""

    CONTINUE = "continue"
    STOP = "stop"


class BackfillMode(StrEnum):
    """Which dates of its range a backfill takes."""

    MISSING = "missing"  # no verdict yet, failed, or the source's file has changed since
    FAILED = "failed"
    ALL = "all"
    REPLAY = "replay"  # the dates of dead letters, or of changed thresholds; never asked for by range


class SlotOutcome(StrEnum):
    """Why a date ran or did not."""

    DUE = "due"  # its time has not come, or it is queued or running
    RAN = "ran"
    LATE = "late"  # ran, more than an hour after its time
    HOLIDAY = "holiday"  # the exchange is closed by its calendar
    PAUSED = "paused"  # the schedule was paused at its time
    BLOCKED = "blocked"  # waits for an earlier date
    SOURCE_EMPTY = "source_empty"  # ran, and the source had no file
    FAILED = "failed"
    CANCELLED = "cancelled"
    MISSED = "missed"  # its time passed with no runner alive; a catch-up run is queued
    # Of dates before the schedule began; they are read from the runs and never written.
    BACKFILLED = "backfilled"  # brought in by a backfill or a person
    NOT_DUE = "not_due"  # nobody has asked for it


class CircuitState(StrEnum):
    """Whether a source is called."""

    CLOSED = "closed"  # it is
    OPEN = "open"  # it is not, until its next probe
    HALF_OPEN = "half_open"  # one call is on its way, to see whether it answers


class GateVerdict(StrEnum):
    """What the gate said of a session."""

    PASSED = "passed"
    FLAGGED = "flagged"  # passed, with rows that were warned or set aside
    BLOCKED = "blocked"  # held until a person decides


class CheckStatus(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"
    OFF = "off"


class LetterKind(StrEnum):
    """What a dead letter is."""

    LINE = "line"  # could not be read as a row
    ROW = "row"  # was read, and a check refused it
    FILE = "file"  # the whole file


class LetterState(StrEnum):
    """Where a dead letter stands."""

    OPEN = "open"  # waits for a person
    REPLAYED = "replayed"  # passed later, as it was
    EDITED = "edited"  # a person corrected it, and the corrected row is in the session
    DISCARDED = "discarded"  # a person says that it is not wanted
    PARKED = "parked"  # did not pass too often: a replay of all leaves it out


class Decision(StrEnum):
    """What a person decided about a blocked session."""

    APPROVE = "approve"
    REJECT = "reject"


class Label(StrEnum):
    """What an operator says of a finding."""

    FAULT = "fault"
    FALSE_ALARM = "false_alarm"


class StepKind(StrEnum):
    """What the lifecycle of the lake is asked for."""

    APPLY = "apply"  # compact closed months, move old ones into the cold
    UNDO = "undo"  # give the files back that an application took the place of
    RESTORE = "restore"  # bring packs back out of the cold


class StepState(StrEnum):
    """Where a step of the lifecycle stands."""

    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"  # a later step has taken it back


class JobOutcome(StrEnum):
    """Where a job for the product's own safety stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"  # there was nothing that it could do; the message says why
    FAILED = "failed"  # it could not be done, or found something that a person must see


class ProcessKind(StrEnum):
    """What a registered process does with runs."""

    RUNNER = "runner"  # claims whatever is queued
    STREAM = "stream"  # works on one session of ticks


class AlertStanding(StrEnum):
    """Where an alert stands for the people who look at it."""

    OPEN = "open"  # it fires, and nobody has said anything
    ACKNOWLEDGED = "acknowledged"  # somebody has seen it, whether it still fires or not
    SILENCED = "silenced"  # it fires, and somebody wants to hear of it later
    RESOLVED = "resolved"  # what raised it is over, and nobody has said that they saw it


class AlertSeverity(StrEnum):
    """How grave an alert is, the gravest first."""

    ERROR = "error"  # something is not done, or may be lost: a person has to act
    WARNING = "warning"  # a person should look
    INFO = "info"  # nothing is wrong: reports

    @property
    def rank(self) -> int:
        """Return 0 for the gravest."""
        return list(AlertSeverity).index(self)


class AlertMove(StrEnum):
    """What happened to an alert."""

    FIRED = "fired"
    REOPENED = "reopened"  # fired again within the cooldown: the same alert goes on
    CHANGED = "changed"  # still fires, and says something else
    TOLD = "told"  # its channels were told that it fires
    ESCALATED = "escalated"  # nobody has acknowledged it for too long
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class NotificationKind(StrEnum):
    """Why a channel is told something."""

    FIRED = "fired"
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    REPORT = "report"  # the daily run succeeded
    TEST = "test"  # a person asked whether the channel works


class NotificationState(StrEnum):
    """Where the delivery of a notification stands."""

    WAITING = "waiting"  # for its time, or for another try
    SENDING = "sending"  # a process has taken it
    SENT = "sent"
    GIVEN_UP = "given_up"  # after too many tries
    DROPPED = "dropped"  # nobody need hear of it any more


class VersionState(StrEnum):
    """Where a version of the stream's sessions stands."""

    BUILDING = "building"  # some of its sessions are not computed yet
    BUILT = "built"  # it lies beside what is served
    FAILED = "failed"  # a session of it could not be computed
    PROMOTED = "promoted"  # it is what is served
    DROPPED = "dropped"


class VersionSide(StrEnum):
    """Which of two contents a version keeps of a session."""

    SHADOW = "shadow"  # its own
    FORMER = "former"  # what it has taken the place of


class DriftVerdict(StrEnum):
    """What is said of one distance between two samples."""

    DRIFT = "drift"  # beyond its limit
    NO_DRIFT = "no_drift"
    INSUFFICIENT = "insufficient"  # too few values, or too few sessions, for a verdict
    CONSTANT = "constant"  # the reference is one single value, and the distance is counted in its deviations
    EMPTY = "empty"  # a side has no value
    UNCALIBRATED = "uncalibrated"  # beyond the textbook's limit, and the past is too short to say whether that is ordinary


class DriftCause(StrEnum):
    """What a session that lies beyond a limit is taken for."""

    ALARM = "alarm"  # nobody knows why: a person is to look
    REGIME = "regime"  # the market itself: a halted session, in what follows from it
    DECLARED = "declared"  # a change of the exchange's rules that is known to take effect here


class DriftLabel(StrEnum):
    """What a person says of an alarm."""

    FAULT = "fault"  # the data are wrong: the session is not compared with any more
    MARKET = "market"  # the market did it, and the data are right
    ACCEPTED = "accepted"  # it will stay so: what follows is compared with this session and those after it


class CostWork(StrEnum):
    """What kind of work an estimate of its cost is of."""

    RUN = "run"  # of a pipeline
    SESSION = "session"  # of the stream
    JOB = "job"  # for the safety of the data
    MESSAGE = "message"  # delivered to a channel
    QUESTION = "question"  # in SQL


class CostPurpose(StrEnum):
    """Why the work was done, so that what was done more than once is seen apart."""

    FIRST = "first"  # a date for the first time
    RERUN = "rerun"  # a date that had a run before
    DEAD_LETTERS = "dead_letters"  # a replay of what had not passed
    UPKEEP = "upkeep"  # neither a date's nor a session's
