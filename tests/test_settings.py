"""What is wrong with the environment is said of the variables that were set, and of no other; the server does not start with it."""

import os
import subprocess
import sys

import pytest

from engine import settings
from engine.errors import SettingsError
from tests.conftest import REPOSITORY


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"NEPSE_SOURCE": "bogus"}, "Settings are wrong. NEPSE_SOURCE: Input should be 'simulated' or 'files', not 'bogus'"),
        ({"NEPSE_SOURCE": "files"}, "Settings are wrong. NEPSE_SOURCE=files needs NEPSE_SOURCE_DIR: the folder that holds daily/"),
        (
            {"NEPSE_DURABILITY": "much"},
            "Settings are wrong. NEPSE_DURABILITY: String should match pattern '^(normal|full)$', not 'much'",
        ),
    ],
)
def test_a_wrong_variable_is_named_and_no_other(wrong, said, monkeypatch):
    for name in [name for name in os.environ if name.startswith("NEPSE_")]:
        monkeypatch.delenv(name)
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as refused:
        settings.load()
    assert str(refused.value) == said


def test_a_server_that_cannot_open_its_home_ends_with_a_sentence(tmp_path):
    (tmp_path / "home").write_text("a file stands where the folder should be")
    ended = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", "0"],
        cwd=REPOSITORY,
        env=os.environ | {"NEPSE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == 1
    assert "The console cannot start. NEPSE_HOME=" in ended.stderr
    assert "Traceback" not in ended.stderr
