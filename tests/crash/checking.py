"""Calls the checker in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CHECKER = Path(__file__).parent / "checker.py"
SHOWN = 20  # faults of a message


def checked(home: Path, journal: Path, reference: Path | None = None) -> dict[str, Any]:
    """Return what the checker says of a home: `wrong` and `figures`."""
    command = [sys.executable, str(CHECKER), str(home), str(journal), *([str(reference)] if reference else [])]
    said = subprocess.run(command, check=True, capture_output=True)
    return dict(json.loads(said.stdout))
