"""Fixtures that more than one folder of tests needs."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real exchange files, which stands beside the repository where it is available."""
    folder = Path(os.environ.get("NEPSE_REAL_DATA", REPOSITORY.parent / "shared" / "data" / "nepse"))
    if not (folder / "daily").is_dir():
        pytest.skip(f"real exchange files are not available: no folder {folder}/daily")
    return folder
