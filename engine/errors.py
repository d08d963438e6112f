"""Every error that the product raises on purpose.

    ConsoleError
    ├── UsageError             the request itself is wrong: say what to change
    │   ├── UnknownName        no pipeline, stage, run or source of that name
    │   └── Conflict           the same request key with other parameters, or a move that is not allowed
    ├── SettingsError          the machine is set up wrongly
    │   └── ChannelsError      the file that names the channels of alerts cannot be used
    ├── SourceError
    │   ├── SourceUnavailable  did not answer this time (retryable)
    │   ├── SourceMisconfigured
    │   ├── FileUnsettled      is being written at this moment: wait, it costs no try
    │   └── NoFile             a session is expected, and there is no file of that date
    ├── DataError              the input is wrong; trying again with the same bytes cannot help
    │   ├── UnreadableFile     not gzip, not text, empty, torn
    │   ├── UnknownLayout      a header never seen
    │   ├── PartialFile        far fewer rows than the session must have
    │   ├── UnbookedFile       which session the file holds is not clear: a person decides
    │   └── SessionBlocked     too much of the session was set aside: a person approves, rejects or reruns
    ├── LakeError              a lake file is missing or does not hold what was published
    │   └── NoSpace            the disk is full (retryable)
    ├── TickLogError           the tick log cannot take or give what was asked
    │   ├── SegmentDamaged     a part of it is missing or does not hold what was appended
    │   ├── LogUnavailable     the broker that keeps it does not answer (retryable)
    │   └── TicksGone          retention, here or in the broker, has dropped it
    ├── BackupError            a backup cannot be made, or is not what it was
    ├── StageTimeout           a stage ran longer than it may (retryable)
    ├── StageCancelled         a person cancelled the run
    └── Fenced                 another runner has taken the run over: this one must not commit

`retryable` says, by the class alone, whether the same call may succeed later; `source_fault`, whether a source that raises it is to blame
(its circuit breaker counts it); `dead_letter`, whether the file is kept for a person.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class ConsoleError(Exception):
    """Base of every error raised on purpose; its text tells a person what to do."""

    retryable: ClassVar[bool] = False
    source_fault: ClassVar[bool] = False
    dead_letter: ClassVar[bool] = False


class UsageError(ConsoleError):
    """The request itself is wrong."""


class UnknownName(UsageError):
    """No pipeline, stage, run or source of that name exists."""


class Conflict(UsageError):
    """The request contradicts an earlier one or the state of the thing it names."""


class SettingsError(ConsoleError):
    """The machine is set up wrongly."""


class ChannelsError(SettingsError):
    """The file that names the channels of alerts cannot be used; its text never holds what stands in the file."""


class SourceError(ConsoleError):
    """A source of market data did not give what was asked."""


class SourceUnavailable(SourceError):
    """The source did not answer this time."""

    retryable: ClassVar[bool] = True
    source_fault: ClassVar[bool] = True


class SourceMisconfigured(SourceError):
    """The source's folder or address is wrong."""


class FileUnsettled(SourceError):
    """The file is there and is still being written."""


class NoFile(SourceError):
    """A session is expected, and the source has no file of that date."""

    verdict = "missing"


class DataError(ConsoleError):
    """The input is wrong; the same bytes will be wrong again.

    `findings` are columns of the run that say what was seen, `line` is the physical line of the file that is at fault, where it is one.
    """

    def __init__(self, message: str, *, findings: Mapping[str, Any] | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.findings = dict(findings or {})
        self.line = line


class UnreadableFile(DataError):
    """The bytes are not a text table: empty, torn, not gzip, not UTF-8."""

    dead_letter: ClassVar[bool] = True


class UnknownLayout(DataError):
    """The header has never been seen."""

    dead_letter: ClassVar[bool] = True


class PartialFile(DataError):
    """The file holds far fewer rows than the session must have."""

    dead_letter: ClassVar[bool] = True


class UnbookedFile(DataError):
    """Which session the file holds is not clear; a person decides on the Runs page."""


class SessionBlocked(DataError):
    """Too much of a session was set aside, or it is wrong as a whole; a person approves, rejects or reruns it."""


class LakeError(ConsoleError):
    """A lake file is missing or does not hold what was published."""


class NoSpace(LakeError):
    """The disk is full."""

    retryable: ClassVar[bool] = True


class TickLogError(ConsoleError):
    """The tick log cannot take or give what was asked."""


class SegmentDamaged(TickLogError):
    """A part of the tick log is missing or does not hold what was appended."""


class LogUnavailable(TickLogError):
    """The broker that keeps the log does not answer."""

    retryable: ClassVar[bool] = True


class TicksGone(TickLogError):
    """What was asked for was dropped by retention."""


class BackupError(ConsoleError):
    """A backup cannot be made, or does not hold what it was made with."""


class StageTimeout(ConsoleError):
    """A stage ran longer than it may."""

    retryable: ClassVar[bool] = True
    source_fault: ClassVar[bool] = True  # where it was the source that the stage waited for


class StageCancelled(ConsoleError):
    """A person cancelled the run while this stage ran."""


class Fenced(ConsoleError):
    """Another runner has taken the run over; this one must not commit."""
