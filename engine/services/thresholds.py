"""Commands about thresholds: every turn is a change with its reason, and can be undone."""

from engine.errors import Conflict, UnknownName
from engine.services.base import Commands, reasoned
from engine.thresholds import named, validated
from storage import thresholds


class ThresholdCommands(Commands):
    """Set, undo."""

    def set_threshold(self, key: str, value: float | str, *, reason: str, request_key: str | None = None) -> int:
        """Change a threshold from the next run on; return the change's id, which is the version of all thresholds from then on.

        Runs that have begun keep what they began with. The same `request_key` gives the same change again.
        """
        number, why = validated(key, value), reasoned(reason)
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "thresholds")  # ids are versions: they must become visible in their order
            earlier = thresholds.by_request_key(connection, request_key) if request_key else None
            if earlier is not None:
                if (earlier["key"], earlier["value"]) != (key, number):
                    raise Conflict(
                        f"the request key {request_key!r} was used before for {earlier['key']}; take a new key for a new request"
                    )
                return int(earlier["id"])
            newest = thresholds.newest(connection).get(key)
            previous = newest["value"] if newest else named(key).default
            if previous == number:
                raise Conflict(f"{key} is already {number:g}")
            change_id = thresholds.add_change(
                connection,
                key=key,
                value=number,
                previous=previous,
                changed_at=self.runtime.clock.now(),
                changed_by=self.actor,
                reason=why,
                request_key=request_key,
            )
            asked = {"key": key, "value": number, "previous": previous, "reason": why}
            self._audited(connection, "set_threshold", asked, f"change {change_id}: {key} is {number:g} now, and was {previous:g}")
        return change_id

    def undo_threshold(self, change_id: int) -> int:
        """Set a threshold back to what it was before its newest change; return the id of the change that does it."""
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "thresholds")
            change = thresholds.one(connection, change_id)
            if change is None:
                raise UnknownName(f"there is no change {change_id} of a threshold")
            key, newest = change["key"], thresholds.newest(connection)[change["key"]]
            if newest["id"] != change_id:
                raise Conflict(f"{key} was changed again since, by change {newest['id']}: undo that one, or set the value that you want")
            back = validated(key, change["previous"])  # its range may be another by now
            undone = thresholds.add_change(
                connection,
                key=key,
                value=back,
                previous=change["value"],
                changed_at=self.runtime.clock.now(),
                changed_by=self.actor,
                reason=f"undo of change {change_id} ({change['reason']})",
                undo_of=change_id,
            )
            said = f"change {undone}: {key} is {back:g} again"
            self._audited(connection, "undo_threshold", {"change": change_id, "key": key, "value": back}, said)
        return undone
