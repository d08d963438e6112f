"""Reads every version of a lake without the product: from where the catalog says that it lies, compared with what was published."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.crash.checker import opened

WHERE = """SELECT f.path, f.sha256, f.rows, m.first_row, p.path AS pack, p.sha256 AS pack_sha256, p.cold
    FROM lake_file f LEFT JOIN lake_member m ON m.path = f.path LEFT JOIN lake_pack p ON p.path = m.pack ORDER BY f.path"""


def digests(home: Path) -> dict[str, str]:
    """Return what each version holds, by its path: a digest of its values, or of its bytes; raises where one cannot be read."""
    return {path: hashlib.sha256(content).hexdigest() for path, content in _contents(home)}


def rows(home: Path) -> int:
    """Return how many rows the versions of a home hold."""
    return int(opened(home / "console.db").execute("SELECT sum(rows) FROM lake_file").fetchone()[0])


def _contents(home: Path) -> Iterator[tuple[str, bytes]]:
    lake, packs = home / "lake", dict[str, Any]()
    for row in opened(home / "console.db").execute(WHERE).fetchall():
        path, file = row["path"], lake / row["path"]
        if file.exists():
            content = file.read_bytes()
            assert hashlib.sha256(content).hexdigest() == row["sha256"], f"torn: {path}"
            yield path, _values(pq.ParquetFile(io.BytesIO(content)).read()) if path.endswith(".parquet") else content
            continue
        assert row["pack"] is not None, f"lost: {path} is in no file and in no pack"
        if row["pack"] not in packs:
            packs[row["pack"]] = _pack(lake / row["pack"], row)
        if path.endswith(".parquet"):
            yield path, _values(packs[row["pack"]].slice(row["first_row"], row["rows"]))
        else:
            yield path, packs[row["pack"]][row["sha256"]]


def _pack(file: Path, row: Any) -> Any:
    if not file.exists():
        assert row["cold"] is not None, f"lost: pack {row['pack']} of {row['path']}"
        file = Path(row["cold"])
    content = file.read_bytes()
    assert hashlib.sha256(content).hexdigest() == row["pack_sha256"], f"torn: pack {row['pack']}"
    if file.suffix == ".parquet":
        return pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True).read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {hashlib.sha256(each).hexdigest(): each for each in map(archive.read, archive.namelist())}


def _values(table: pa.Table) -> bytes:
    """Return every value of a table as text, which tells NaN from what is missing."""
    return repr((table.schema.names, [column.to_pylist() for column in table.columns])).encode()
