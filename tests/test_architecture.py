"""The rules of the house that a linter cannot say: who may import whom, how long a file may be, which words stay out."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PRODUCT = ("engine", "storage", "pages")
FILE_LINES = 400
PAGE_LINES = 120


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    return [REPOSITORY / name for name in listed.split("\0") if name and (REPOSITORY / name).is_file()]


def python_files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((REPOSITORY / folder).rglob("*.py"))]


def text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # a picture, or a recorded file of the exchange


def relative(file: Path) -> str:
    return file.relative_to(REPOSITORY).as_posix()


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


def lines_that_match(pattern: str, files: list[Path]) -> list[str]:
    return [
        f"{relative(file)}:{number}: {line.strip()[:120]}"
        for file in files
        for number, line in enumerate(text_of(file).splitlines(), start=1)
        if re.search(pattern, line)
    ]


def fail_alone(modules: list[str], root: Path) -> dict[str, str]:
    """Return those of the modules under `root` that cannot be the first one imported, and why."""
    tried = subprocess.run(
        [sys.executable, "-W", "error", Path(__file__).with_name("import_alone.py")],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        input=json.dumps(modules),
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 0, tried.stderr
    failed: dict[str, str] = json.loads(tried.stdout.splitlines()[-1])
    return failed


def test_the_import_contracts_are_kept():
    checked = subprocess.run([Path(sys.executable).with_name("lint-imports")], cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout[-3000:] + checked.stderr


def test_every_module_can_be_the_first_one_imported():
    scripts = {module_of(file) for file in (REPOSITORY / "pages").glob("*.py")}  # they draw when they are run
    modules = [
        module
        for module in map(module_of, python_files(*PRODUCT))
        if module not in scripts and not module.startswith("storage.migrations") and not module.endswith("__main__")
    ]

    failed = fail_alone(modules, REPOSITORY)
    assert not failed, "\n".join(f"{module}:\n{why}" for module, why in failed.items())


def test_a_circle_of_imports_that_works_from_one_side_only_would_be_noticed(tmp_path):
    (tmp_path / "one.py").write_text("import two\nNAME = 1\n")
    (tmp_path / "two.py").write_text("from one import NAME\n")

    assert list(fail_alone(["one", "two"], tmp_path)) == ["one"]


@pytest.mark.skipif(not (REPOSITORY / "engine/pipeline/runner.py").exists(), reason="there is no runner yet")
def test_a_runner_loads_none_of_the_heavy_libraries():
    heavy = {"pandas", "pandera", "scipy", "plotly", "streamlit", "talib", "numba", "apprise"}

    loaded = subprocess.run(
        [sys.executable, "-c", "import engine.pipeline.runner, engine.pipelines, sys; print(*sys.modules)"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert heavy.isdisjoint(loaded), sorted(heavy.intersection(loaded))


def test_only_the_settings_read_the_environment():
    files = [file for file in [REPOSITORY / "app.py", *python_files(*PRODUCT)] if file.exists() and relative(file) != "engine/settings.py"]

    # Handing the whole environment on to a child (`**os.environ`) reads nothing.
    assert lines_that_match(r"os\.environ[.\[]|os\.getenv|from os import .*(environ|getenv)", files) == []


def test_no_import_hides_behind_type_checking():
    assert lines_that_match(r"\bTYPE_CHECKING\b", python_files(*PRODUCT)) == []


def test_no_file_is_longer_than_a_reader_can_hold():
    written = [file for file in python_files(*PRODUCT, "tests", "benchmarks") if "versions" not in file.parts]  # migrations are generated
    lengths = {relative(file): len(text_of(file).splitlines()) for file in written}

    assert {name: length for name, length in lengths.items() if length > FILE_LINES} == {}


def test_a_page_is_a_short_script():
    lengths = {relative(file): len(text_of(file).splitlines()) for file in (REPOSITORY / "pages").glob("*.py")}

    assert {name: length for name, length in lengths.items() if length > PAGE_LINES} == {}


def test_nothing_is_left_for_later():
    code = [file for file in tracked_files() if file.suffix in {".py", ".toml", ".sh", ".ini", ".mako"} or file.name == "Makefile"]

    assert lines_that_match(r"\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b", code) == []


def test_no_page_lets_data_become_markup():
    assert lines_that_match(r"unsafe_allow_html\s*=\s*True|unsafe_allow_javascript\s*=\s*True", python_files("pages")) == []


def test_nothing_names_a_folder_or_a_package_host_of_one_machine():
    machine = r"/(?:home|root|work|Users)/\w|shared/(?:reference|design)|(?:index[-_]url|find[-_]links)|file:///\w"

    assert lines_that_match(machine, tracked_files()) == []
