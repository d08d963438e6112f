"""A runner and the stream's process work without pandas, which stays within reach of whoever asks for it."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
LEAN = """
import sys
from engine.lean import leave_pandas_out
from {module} import {name}
leave_pandas_out()
import numpy, pyarrow
table = pyarrow.table({{"a": pyarrow.array(numpy.arange(3)), "b": ["x", "y", None]}})
print("pandas" in sys.modules, len(table.to_pandas()), "pandas" in sys.modules)
"""


@pytest.mark.parametrize(("module", "name"), [("engine.pipeline", "runner"), ("engine.stream", "following")])
def test_arrow_loads_pandas_only_when_a_frame_is_asked_for(module, name):
    done = subprocess.run(
        [sys.executable, "-c", LEAN.format(module=module, name=name)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["False", "3", "True"]
