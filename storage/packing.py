"""One file out of many: a month of tables as one Parquet file, a month of bytes as one zip; and one of them out of it again."""

import base64
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

PARQUET, ZIP = ".parquet", ".zip"
LEVEL = 9  # of zstd: on real months 0.4 % smaller than 3 for as much time; 19 takes three times as long for another percent
_WRITTEN = b"ARROW:schema"
_NO_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip knows: the same members give the same bytes
_PACKED_ALREADY = (".gz", ".zip", ".zst")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version lies that has no file of its own: in which pack, and from which row on."""

    pack: str  # relative to the lake
    sha256: str  # of the pack
    bytes: int  # of the pack
    first_row: int
    rows: int | None  # of the version; None: bytes as they came, under the name of its file
    cold: str | None = None  # where the pack lies in the cold


class Places(Protocol):
    """What knows where versions lie."""

    def place_of(self, path: str) -> Place | None:
        """Return where the version of that path lies as of now; None when it has a file of its own, or is not known."""
        ...

    def fetch(self, place: Place) -> bytes:
        """Return a pack out of the cold; raises `OSError` when it cannot be had now."""
        ...


def as_written(content: bytes) -> pa.Table:
    """Read a Parquet file under the schema that it was written with, so that writing it again gives the same bytes.

    What is read by itself differs in a name: Parquet calls the values of a list `element`, Arrow `item`.
    """
    table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    kept = (table.schema.metadata or {}).get(_WRITTEN) or pq.read_metadata(pa.BufferReader(content)).metadata.get(_WRITTEN)
    return table.cast(pa.ipc.read_schema(pa.BufferReader(base64.b64decode(kept)))) if kept else table


def packed_tables(tables: Sequence[pa.Table], encoding: Mapping[str, Any]) -> memoryview:
    """Write tables of one schema below each other, as one row group: so a month of days takes two thirds of the room of its files."""
    buffer, whole = pa.BufferOutputStream(), pa.concat_tables(tables).combine_chunks()
    chosen = {**encoding, "compression": "zstd", "compression_level": LEVEL}
    pq.write_table(whole, buffer, row_group_size=max(whole.num_rows, 1), **chosen)
    return memoryview(buffer.getvalue())


def opened(pack: bytes, path: str) -> pa.Table | bytes:
    """Return a pack as its members are taken out of it: a table whose rows lie below each other, or a zip as it is."""
    return pq.ParquetFile(pa.BufferReader(pack)).read(use_threads=False) if path.endswith(PARQUET) else pack


def table_in(pack: pa.Table, place: Place) -> pa.Table:
    """Return the table that lies at a place of an opened pack, as reading its own file would give it."""
    return pack.slice(place.first_row, place.rows)


def packed_bytes(members: Mapping[str, bytes]) -> bytes:
    """Put files of the lake into a zip under their names, each content once; what is compressed already is stored as it is.

    On a closed day the exchange publishes the file of the last session again: a third of all that it publishes.
    """
    buffer, there = io.BytesIO(), set[str]()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            if _content_of(name) not in there:
                there.add(_content_of(name))
                how = zipfile.ZIP_STORED if name.endswith(_PACKED_ALREADY) else zipfile.ZIP_DEFLATED
                archive.writestr(zipfile.ZipInfo(name, _NO_DATE), content, compress_type=how, compresslevel=LEVEL)
    return buffer.getvalue()


def bytes_in(pack: bytes, name: str) -> bytes:
    """Return the file of that name, or one of the same content, out of a zip; nothing when it is not in it whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(pack)) as archive:
            found = next((each for each in archive.namelist() if _content_of(each) == _content_of(name)), None)
            return b"" if found is None else archive.read(found)
    except (zipfile.BadZipFile, zlib.error):
        return b""


def _content_of(name: str) -> str:
    """Return the digits of the sha256 that the name of a file of the lake carries."""
    return name.split("-")[3]
