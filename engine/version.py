"""Which code runs: a fingerprint of the machinery's own source, stored with each run."""

from functools import cache
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"


@cache
def code_version() -> str:
    """Return the first 12 hexadecimal digits of the sha256 over every module of `engine` and `storage`."""
    digest = sha256()
    for folder in ("engine", "storage"):
        for module in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(module.relative_to(ROOT)).encode())
            digest.update(module.read_bytes())
    return digest.hexdigest()[:12]
