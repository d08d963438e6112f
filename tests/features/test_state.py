from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from engine.errors import LakeError
from engine.features.indicators import step
from engine.features.state import FeatureState
from tests.features.frames import FIRST, Row, one_symbol, silver, state_bits, through_parquet


def after(*sessions):
    state = FeatureState.empty()
    for prices in sessions:
        state, _ = step(state, prices)
    return state


def test_a_state_comes_back_from_parquet_bit_for_bit():
    state = after(silver(0, [Row("NABIL"), Row("GBILD84/85", previous_close="0.00")]), silver(1, [Row("NABIL", close="101.30")]))

    assert state_bits(through_parquet(state)) == state_bits(state)


def test_an_empty_state_comes_back_from_parquet():
    assert state_bits(through_parquet(FeatureState.empty())) == state_bits(FeatureState.empty())


def test_a_table_of_another_shape_is_refused_with_its_columns():
    with pytest.raises(LakeError, match="symbol"):
        FeatureState.from_table(pa.table({"symbol": ["NABIL"]}))


def test_symbols_are_sorted_whatever_the_order_of_their_listing():
    state = after(silver(0, [Row("UPPER"), Row("NABIL")]), silver(1, [Row("ADBL")]))

    assert state.symbols.to_pylist() == ["ADBL", "NABIL", "UPPER"]
    assert state.rows.tolist() == [1, 1, 1]


def test_the_state_says_which_session_it_has_reached():
    assert FeatureState.empty().session is None
    assert after(silver(0, [Row("NABIL")]), silver(4, [Row("ADBL")])).session == FIRST + timedelta(days=4)


def test_a_state_does_not_grow_with_history():
    history = one_symbol([Row("NABIL", close=100 + i % 9) for i in range(120)])

    assert after(*history).to_table().nbytes == after(*history[:30]).to_table().nbytes


def test_a_step_leaves_the_state_before_it_as_it_was():
    before = after(silver(0, [Row("ADBL"), Row("NABIL")]))
    bits = state_bits(before)

    step(before, silver(1, [Row("ADBL", close="120.00"), Row("UPPER")]))

    assert state_bits(before) == bits


def test_a_state_cannot_be_changed_in_place():
    state = after(silver(0, [Row("NABIL")]))

    with pytest.raises(ValueError, match="read-only"):
        state.windows[0, 0, -1] = np.inf
