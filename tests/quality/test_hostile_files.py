"""Files with eleven kinds of defect: no line disappears, no neighbour suffers, memory stays small, the error names line and cause."""

import gzip
import json
import os
import subprocess
import zlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UnknownLayout, UnreadableFile
from engine.market.daily_file import parse
from engine.market.defects import Defect
from engine.market.unpack import MAX_BYTES, unpack
from engine.quality.report import judge
from engine.quality.sample import Sample
from engine.sources.folder import DailyFolder
from storage.status import RunStatus
from tests.pipelines.house import SUNDAY, V1, announced
from tests.quality.sheet import DEFAULTS
from tests.shell import PYTHON, REPOSITORY

DAY = date(2024, 6, 2)
MOST_MEMORY = 500 * 1024**2
HUGE = 1024**3


def good(number: int) -> bytes:
    cells = '100.00,101.00,99.00,100.50,100.00,"2,000",100.00,"200,000.00",50,0.50,2.00,0.50,2.02,0.50,90,90,200,50'
    return f"{number},S{number:03d},-,{cells}".encode()


def with_cell(position: int, cell: bytes) -> Callable[[bytes], bytes]:
    def spoil(line: bytes) -> bytes:
        cells = line.replace(b'"2,000"', b"2000").replace(b'"200,000.00"', b"200000.00").split(b",")
        cells[position] = cell
        return b",".join(cells)

    return spoil


# Kind of defect -> how a line is spoilt, and what it is then called.
OF_A_LINE: dict[str, tuple[Callable[[bytes], bytes], set[Defect]]] = {
    "ragged row": (lambda line: line.rsplit(b",", 3)[0], {Defect.RAGGED}),
    "open quote": (with_cell(3, b'"100.00'), {Defect.MALFORMED, Defect.RAGGED}),
    "NUL": (with_cell(4, b"10\x001.00"), {Defect.NOT_TEXT}),
    "latin-1": (with_cell(1, "SÉ".encode("latin-1")), {Defect.NOT_TEXT}),
    "1e400": (with_cell(6, b"1e400"), {Defect.NOT_A_NUMBER}),
    "inf": (with_cell(6, b"inf"), {Defect.NOT_A_NUMBER}),
    "date nonsense": (with_cell(9, b"2024-13-45"), {Defect.NOT_A_NUMBER}),
    "text in numbers": (with_cell(10, b"two lakh"), {Defect.NOT_A_NUMBER}),
    "long line": (with_cell(1, b"A" * 70_000), {Defect.TOO_LONG}),
}
KINDS = [*OF_A_LINE, "blank", "again", "good"]


def spoilt(kind: str, number: int) -> bytes:
    if kind == "blank":
        return b""
    line = good(0 if kind == "again" else number)
    return OF_A_LINE[kind][0](line) if kind in OF_A_LINE else line


@settings(deadline=None, max_examples=150)
@given(
    kinds=st.lists(st.sampled_from(KINDS), max_size=25),
    end=st.sampled_from([b"", b"\n", b"\r\n"]),
    breaks=st.sampled_from([b"\n", b"\r\n"]),
    bom=st.booleans(),
    packed=st.booleans(),
)
def test_every_line_of_a_damaged_file_is_accounted_for_and_named(kinds, end, breaks, bom, packed):
    written = [V1.encode(), good(0), *(spoilt(kind, number) for number, kind in enumerate(kinds, start=1))]
    text = (b"\xef\xbb\xbf" if bom else b"") + breaks.join(written) + end
    parsed = parse(gzip.compress(text) if packed else text, "f.csv")
    report = judge(Sample(DAY, parsed.rows, parsed.layout, parsed.lines), DEFAULTS)
    wrong = {number: row for row in parsed.rejected.to_pylist() if (number := row["line"])}
    bad = {number: OF_A_LINE[kind][1] for number, kind in enumerate(kinds, start=3) if kind in OF_A_LINE}

    lines = report.lines
    assert lines.physical == text.count(b"\n") + (not text.endswith(b"\n"))
    assert lines.physical == lines.header + lines.blank + lines.loaded + lines.quarantined + lines.duplicates
    assert (lines.loaded, lines.duplicates) == (1 + kinds.count("good"), kinds.count("again"))
    assert lines.quarantined == len(bad)
    assert all(wrong[number]["defect"] in defects and wrong[number]["reason"] for number, defects in bad.items())


@settings(deadline=None, max_examples=100)
@given(
    content=st.binary(max_size=400)
    | st.binary(max_size=200).map(gzip.compress)
    | st.binary(max_size=300).map(lambda raw: V1.encode() + raw)
)
def test_whatever_the_bytes_are_they_are_judged_or_refused_with_a_sentence(content):
    try:
        parsed = parse(content, "f.csv")
    except (UnreadableFile, UnknownLayout) as error:
        said = str(error)
    else:
        said = "f.csv" if judge(Sample(DAY, parsed.rows, parsed.layout, parsed.lines), DEFAULTS).lines.holds else ""

    assert said.startswith("f.csv")


def sparse(path: Path) -> Path:
    """Write a file of a gigabyte whose third line never ends; most of it is a hole that takes no room on the disk."""
    with path.open("wb") as file:
        file.write(V1.encode() + b"\n" + good(0) + b"\n1,ENDLESS")
        file.truncate(HUGE)
    return path


def bomb(path: Path, *, text: bytes = b"1,ENDLESS") -> Path:
    """Write a megabyte that unpacks to a gigabyte: a table that begins well, and then one line that never ends."""
    begins = V1.encode() + b"\n" + good(0) + b"\n" + text
    path.write_bytes(gzip.compress(begins) + gzip.compress(b"9" * (HUGE // 16), 1) * 16)
    return path


def dense(path: Path) -> Path:
    """Write what shrinks too little to look like a bomb, and still unpacks to more than any daily file."""
    noise = os.urandom(MAX_BYTES * 5 // 8).hex().encode()  # 20 MiB of text
    path.write_bytes(zlib.compress(b"", wbits=31) + gzip.compress(V1.encode() + b"\n" + noise + b"\n" + noise, 1))
    return path


# The kernel's figure for a child begins at what its parent has; this one begins with the program.
MEASURED = """
import atexit, re, runpy, sys
from pathlib import Path
peak = Path(sys.argv.pop(1))
atexit.register(lambda: peak.write_text(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]))
runpy.run_module("engine", run_name="__main__")
"""


@pytest.mark.parametrize(("make", "line"), [(sparse, 3), (bomb, 3), (dense, 2)])
def test_a_gigabyte_is_refused_with_its_line_and_without_being_held(tmp_path, make, line):
    path = make(tmp_path / "2024_06_02.csv.gz")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEPSE_")}
    peak = tmp_path / "peak"
    done = subprocess.run(
        [*PYTHON[:-2], "-c", MEASURED, str(peak), "check", str(path), "--json"],
        cwd=REPOSITORY,
        env=environment | {"NEPSE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    found, told = json.loads(done.stdout), done.stderr

    assert done.returncode == 2
    assert int(peak.read_text()) * 1024 < MOST_MEMORY
    assert (found["verdict"], found["error_type"], found["line"]) == ("unreadable", "UnreadableFile", line)
    assert f"line {line}" in told
    assert "Traceback" not in told


def test_a_source_does_not_read_a_gigabyte_either(tmp_path):
    (tmp_path / "daily").mkdir()
    sparse(tmp_path / "daily" / "2024_06_02.csv")

    with pytest.raises(UnreadableFile, match=r"Reading stopped in line 3") as error:
        DailyFolder(tmp_path).daily_file(DAY)
    assert error.value.line == 3


def test_a_run_of_a_gigabyte_fails_with_the_reason_and_the_next_date_runs(tmp_path):
    house = announced(tmp_path)
    sparse(house.source / "daily" / "2024_06_02.csv")
    run = house.run(SUNDAY)

    assert (run["status"], run["error_type"]) == (RunStatus.FAILED, "UnreadableFile")
    assert "line 3" in run["error_message"]


def test_gzip_in_countless_pieces_is_refused_early():
    with pytest.raises(UnreadableFile, match="more than 100 pieces"):
        unpack(gzip.compress(b"x") * 5_000, "f.csv.gz")
