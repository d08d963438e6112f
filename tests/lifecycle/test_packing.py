"""What goes into a pack comes out of it, bit for bit."""

import hashlib
import math
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.features.state import FeatureState
from storage.lake import encoding, table_content
from storage.packing import Place, as_written, bytes_in, opened, packed_bytes, packed_tables, table_in

SCHEMA = pa.schema([("session", pa.date32()), ("symbol", pa.string()), ("close", pa.decimal128(18, 2)), ("rsi", pa.float64())])
ROW = st.tuples(
    st.just(date(2024, 6, 2)),
    st.none() | st.text(max_size=5),
    st.none() | st.decimals(Decimal(0), Decimal(9_999_999), places=2),
    st.none() | st.floats(),
)


def table_of(rows) -> pa.Table:
    return pa.Table.from_arrays(
        [pa.array(list(column), kind) for column, kind in zip(zip(*rows, strict=True), SCHEMA.types, strict=True)]
        if rows
        else [pa.array([], kind) for kind in SCHEMA.types],
        schema=SCHEMA,
    )


def same(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables are written as the same bytes: NaN, zeros and what is missing are told apart."""
    return one.schema == other.schema and table_content(one).sha256 == table_content(other).sha256


def placed(tables) -> list[Place]:
    firsts = [sum(table.num_rows for table in tables[:number]) for number in range(len(tables))]
    return [Place("", "", 0, first, table.num_rows) for first, table in zip(firsts, tables, strict=True)]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(ROW, max_size=6), min_size=1, max_size=5))
def test_every_table_comes_out_as_it_went_in(days):
    tables = [table_of(rows) for rows in days]
    pack = bytes(packed_tables(tables, encoding(SCHEMA)))

    for whole in (opened(pack, ".parquet"), as_written(pack)):
        assert all(same(table_in(whole, place), table) for table, place in zip(tables, placed(tables), strict=True))


def test_a_state_of_the_features_is_written_again_as_the_same_bytes():
    state = FeatureState.empty().located(pa.array(["ADBL", "NABIL"]))[0]  # its windows are lists of NaN
    file = bytes(table_content(state.to_table()).data)
    pack = bytes(packed_tables([as_written(file), as_written(file)], encoding(as_written(file).schema)))

    again = bytes(table_content(table_in(as_written(pack), Place("", "", 0, 2, 2))).data)
    assert again == file
    assert FeatureState.from_table(table_in(opened(pack, ".parquet"), Place("", "", 0, 2, 2))).digest() == state.digest()
    assert math.isnan(table_in(opened(pack, ".parquet"), Place("", "", 0, 0, 2))["last_closes"][0].as_py()[0])


def named(day: int, content: bytes) -> str:
    return f"2024-06-{day:02}-{hashlib.sha256(content).hexdigest()[:12]}-0123abcd.csv.gz"


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.integers(1, 28), st.binary(max_size=40) | st.just(b"again"), max_size=8))
def test_every_file_comes_out_byte_for_byte(days):
    files = {named(day, content): content for day, content in days.items()}
    pack = packed_bytes(files)

    assert {name: bytes_in(pack, name) for name in files} == files
    assert packed_bytes(files) == pack


def test_a_file_that_was_published_twice_is_there_once():
    content = bytes(range(256)) * 40
    once, twice = ({named(day, content): content for day in days} for days in ((1,), (1, 2)))

    assert len(packed_bytes(twice)) == len(packed_bytes(once))


@pytest.mark.parametrize("torn", [b"", b"PK", packed_bytes({named(1, b"x"): b"x"})[:-9]])
def test_a_torn_zip_gives_nothing(torn):
    assert bytes_in(torn, named(1, b"x")) == b""
