"""Commands about what-if scenarios: keep one under a name, and let it go."""

from collections.abc import Mapping
from typing import Any

from engine.costs.price_book import near
from engine.costs.question import question_of
from engine.errors import Conflict, UnknownName, UsageError
from engine.services.base import Commands
from storage import scenarios

LONGEST_NAME, LONGEST_NOTE = 60, 500  # characters


class ScenarioCommands(Commands):
    """Save and drop."""

    def save_scenario(self, name: str, values: Mapping[str, Any], *, note: str = "", replace: bool = False) -> int:
        """Keep a scenario under a name; return its number. `Conflict` where another one has that name and is not to be replaced.

        Values are checked as those of an address are, but none is passed over: `UsageError` names the ones that mean nothing.
        """
        known_as = _name(name)
        turned = question_of(values).turned
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "scenarios")
            known = scenarios.named(connection, known_as)
            kept = None if known is None or known["dropped"] else known
            if kept is not None and kept["turned"] == turned and kept["note"] == note.strip():
                return int(kept["id"])
            if kept is not None and not replace:
                raise Conflict(f"there is a scenario called {known_as} already: take another name, or replace it")
            now = {"name": known_as, "turned": turned, "note": _note(note), "saved_by": self.actor, "saved_at": self.runtime.clock.now()}
            number = scenarios.put(connection, known, now)
            said = f"Scenario {known_as} is {'kept' if kept is None else 'replaced'}."
            self._audited(connection, "save_scenario", {"name": known_as, "turned": turned, "note": now["note"]}, said)
        return number

    def drop_scenario(self, name: str) -> str:
        """Keep a scenario no longer; saving under its name brings it back under its number."""
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "scenarios")
            known = scenarios.named(connection, name.strip())
            if known is None:
                there = [row["name"] for row in scenarios.listed(connection)]
                raise UnknownName(f"no scenario is called {name!r}; {near(name, there)}")
            if known["dropped"]:
                return f"Scenario {known['name']} is not kept any more."
            scenarios.drop(connection, known["id"])
            return self._audited(connection, "drop_scenario", {"name": known["name"]}, f"Scenario {known['name']} is not kept any more.")


def _name(name: str) -> str:
    known_as = " ".join(name.split())
    if not known_as or len(known_as) > LONGEST_NAME:
        raise UsageError(f"give the scenario a name of 1 to {LONGEST_NAME} characters")
    return known_as


def _note(note: str) -> str:
    if len(note) > LONGEST_NOTE:
        raise UsageError(f"the note has {len(note)} characters; {LONGEST_NOTE} are kept")
    return note.strip()
