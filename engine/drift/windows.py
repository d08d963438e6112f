"""Which sessions a session is compared with: the last clean ones before it, begun anew after a declared or accepted change."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from engine.drift.judging import FEWEST_SESSIONS, REFERENCE
from engine.drift.names import rule_named
from engine.drift.watched import FEATURES
from engine.market.rules import history_of


@dataclass(frozen=True, slots=True)
class Restart:
    """From `session` on, `features` are compared with sessions since then; None: all of them."""

    session: date
    features: frozenset[str] | None
    why: str

    def of(self, feature: str) -> bool:
        """Say whether a feature begins anew."""
        return self.features is None or feature in self.features


def declared(since: date, until: date) -> tuple[Restart, ...]:
    """Return the changes of the exchange's rules in a span that begin a reference anew, oldest first."""
    rules = {rule for feature in FEATURES for rule in feature.restarted_by}
    found = [
        Restart(
            change.effective_from,
            frozenset(feature.name for feature in FEATURES if rule in feature.restarted_by),
            rule_named(rule, change.value),
        )
        for rule in sorted(rules)
        for change in history_of(rule)
        if since < change.effective_from <= until
    ]
    return tuple(sorted(found, key=lambda restart: restart.session))


def reference(clean: Sequence[date], day: date, restarts: Sequence[Restart], feature: str) -> tuple[int, int]:
    """Return where the reference of `day` begins and ends among the `clean` sessions, ascending, that a feature may be compared with.

    Up to 60, ending before the day. They begin at the newest restart before it. The first session after a restart is still held against
    what was before: that is how a change is seen. Where a restart follows so soon on another that there is no reference between the two,
    the one before both stands.
    """
    end = bisect_left(clean, day)
    begins = [bisect_left(clean, restart.session) for restart in restarts if restart.of(feature) and restart.session <= day]
    if not begins:
        return max(end - REFERENCE, 0), end
    newest = begins[-1]
    if newest < end:
        return max(end - REFERENCE, newest), end
    for start, stop in zip(reversed([0, *begins[:-1]]), reversed(begins), strict=True):
        if min(stop, end) - start >= FEWEST_SESSIONS:
            return max(min(stop, end) - REFERENCE, start), min(stop, end)
    return max(end - REFERENCE, 0), end


def first_behind(clean: Sequence[date], day: date, restarts: Sequence[Restart], feature: str) -> Restart | None:
    """Return the restart of a feature of which `day` is the first session, or None."""
    before = clean[bisect_left(clean, day) - 1] if bisect_left(clean, day) else date.min
    return next((restart for restart in reversed(restarts) if restart.of(feature) and before < restart.session <= day), None)
