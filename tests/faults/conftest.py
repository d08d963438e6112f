"""Small disks, users who may do little, and tries that follow at once."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from engine.pipeline import execution
from engine.pipeline.retry import RetryPolicy


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(execution, "POLICY", RetryPolicy(first=timedelta(microseconds=10), longest=timedelta(microseconds=10)))


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """Mount something for the time of the block; the test is skipped where this user may not."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this user may not mount: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def as_nobody(*folders: Path) -> Iterator[None]:
    """Be a user who owns nothing for the time of the block (root is refused nothing)."""
    if os.getuid() == 0:
        for folder in folders:
            for each in (folder, *folder.parents):
                if each.stat().st_uid == 0 and not each.stat().st_mode & 0o001 and "pytest" in str(each):
                    each.chmod(0o755)
        os.seteuid(65534)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


@pytest.fixture
def nobody() -> Callable[..., object]:
    return as_nobody
