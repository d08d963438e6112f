"""How soon the two-year store is a home again, and what its backups cost.

Run from the repository: `python -m benchmarks.restore`. It backfills the whole span in a fresh home (real files where they are at hand),
makes two backups with the commands that a person gives, verifies the newest and restores it into a new folder. A drill is measured too:
it is what the console shows. What jobs cost the runs beside them, `python -m benchmarks.load` measures.
"""

import json
from typing import Any

from benchmarks.parts.figures import show
from benchmarks.parts.homes import PIPELINE, SINCE, UNTIL, Finished, command, fresh_home, kind
from engine.settings import Settings

GOAL = 60  # seconds until the store is a home again


def answered(settings: Settings, *arguments: object) -> tuple[Finished, dict[str, Any]]:
    """Run a command with `--json` and return it with its answer."""
    done = command(settings, *arguments, "--json")
    return done, json.loads(done.said)


def whole(settings: Settings) -> None:
    """Measure backup, verification, restore and drill of the whole span."""
    command(settings, "backfill", PIPELINE, "--since", SINCE, "--until", UNTIL, "--wait", "--json")
    first, made = answered(settings, "backup")
    print(f"a home of {made['sessions']} sessions ({made['runs']} runs) of {kind(settings)}: {made['files']:,} files, {mb(made['bytes'])}")
    took = f"{first.cpu:.1f} s CPU, {mb(first.peak)} of memory; {mb(made['new_bytes'])} new"
    show("first backup, the command", f"{first.wall:.1f} s", took)
    second, again = answered(settings, "backup")
    show("second backup, nothing written since", f"{second.wall:.1f} s", f"{mb(again['new_bytes'])} new (the database)")
    verified, found = answered(settings, "verify")
    show("verify, every byte read", f"{verified.wall:.1f} s", f"{found['wrong']} wrong of {found['files']:,}")
    restored, _ = answered(settings, "restore", again["backup"], "--to", settings.home / "restored")
    show("restore into a new folder, the command", f"{restored.wall:.1f} s", f"goal {GOAL} s or less; {restored.cpu:.1f} s CPU")
    drilled = answered(settings, "jobs", "--run", "drill")[1]["figures"]
    show("drill: until the restored home is open", f"{drilled['recovery_seconds']:.1f} s", "as the Overview shows it")
    scrub, answer = answered(settings, "jobs", "--run", "scrub")
    read = answer["figures"]
    show("scrub of the lake", f"{scrub.wall:.1f} s", f"{read['files']:,} files, {mb(read['bytes'])}, {read['findings']} findings")


def mb(number: int) -> str:
    """Return bytes in megabytes."""
    return f"{number / 1e6:.0f} MB"


def main() -> None:
    """Measure and print."""
    with fresh_home() as settings:
        whole(settings)


if __name__ == "__main__":
    main()
