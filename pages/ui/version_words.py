"""A version of past sessions in words."""

from collections.abc import Mapping

from engine.stream.alert_diff import Side
from engine.stream.version_diff import Counts, Part
from engine.stream.version_list import Version
from engine.thresholds import SPECS
from pages.ui import format as say
from storage.status import VersionState

NOUNS: Mapping[Part, str] = {Part.BARS: "bar", Part.DAYS: "day", Part.ALERTS: "alert", Part.LETTERS: "dead letter"}
SIDES: Mapping[Side, str] = {Side.ONLY_A: "gone", Side.ONLY_B: "new", Side.BOTH: "changed"}  # as the version has it


def sessions(version: Version) -> str:
    """Return of which sessions a version is."""
    days = [one.session for one in version.sessions]
    if len(days) == 1:
        return say.day(days[0])
    return f"{say.day(days[0])} to {say.day(days[-1])} ({say.count(len(days), 'session')})"


def turned(values: Mapping[str, float]) -> str:
    """Return which thresholds are others than they stood."""
    return ", ".join(threshold(key, value) for key, value in values.items()) or "thresholds as they stood"


def threshold(key: str, value: float) -> str:
    """Return a threshold with a value, as people read it."""
    spec, name = SPECS.get(key), threshold_name(key)
    if spec is not None and spec.is_switch:
        return f"{name} {'on' if value else 'off'}"
    unit = " s" if spec is not None and spec.unit == "seconds" else ""
    return f"{name} {value:,.10g}{unit}"


def threshold_name(key: str) -> str:
    """Return what a threshold of the stream is called."""
    name = key.removeprefix("stream.").removesuffix(".enabled").removesuffix("_s").removesuffix("_pct")
    return name.replace("alert_above", "above").replace(".", " ").replace("_", " ")


def differing(version: Version) -> str:
    """Return how much of what differs: `12 alerts and 3 bars`."""
    found = [say.count(number, NOUNS[part]) for part in Part if (number := version.total(part).different)]
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def outcome(version: Version) -> str:
    """Return in a few words how a version compares with what was served when it was built."""
    if not version.built:
        return say.NOTHING
    return f"{differing(version)} differ" if version.different else "equal"


def headline(version: Version) -> str:
    """Return in a sentence where a version stands."""
    name, done, of = f"Version {version.id}", len(version.built), len(version.sessions)
    if version.state is VersionState.BUILDING:
        return f"{name} is being built: {done:,} of {say.count(of, 'session')} done"
    if version.state is VersionState.FAILED:
        return f"{name} is not whole: {say.count(len(version.failed), 'session')} of {of:,} cannot be built"
    if version.state is VersionState.DROPPED:
        return f"{name} was dropped by {version.decided_by}"
    if version.state is VersionState.PROMOTED:
        differs = f"differs in {differing(version)}" if version.different else "is equal"
        return f"{name} is served, promoted by {version.decided_by}; what was served before is kept, and {differs}"
    if version.different:
        return f"{name} differs from what is served in {differing(version)}"
    equal = ", ".join(say.count(version.total(part).equal, NOUNS[part]) for part in Part)
    return f"{name} comes to the very same as what is served: {equal}"


def note(counts: Counts) -> str:
    """Return where the parts are that are not equal."""
    if not counts.different:
        return f"{counts.equal:,} equal"
    found = ((counts.only_a, Side.ONLY_A), (counts.only_b, Side.ONLY_B), (counts.differ, Side.BOTH))
    return ", ".join(f"{number:,} {SIDES[side]}" for number, side in found if number)
