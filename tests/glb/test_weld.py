"""Vertices that are equal in everything."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from worker.glb.geometry.weld import first_of_equals, is_same


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60))
def test_the_first_of_equals_stays_in_the_order_of_the_file(keys: list[int]) -> None:
    """And each row knows which of them it is."""
    first, numbers = first_of_equals(np.array(keys, np.uint64))
    assert [keys[at] for at in first] == list(dict.fromkeys(keys))
    assert [keys[at] for at in first[numbers]] == keys
    assert all(keys.index(keys[at]) == at for at in first)


def test_equal_is_equal_in_every_bit() -> None:
    """Zero and minus zero are two, a number that is none is one, whatever a row's length."""
    others = np.array([1, 0])
    assert not is_same(np.array([[0.0], [-0.0]], np.float32), others)
    assert is_same(np.array([[np.nan], [np.nan]], np.float32), others)
    assert is_same(np.array([[1, 2, 3], [1, 2, 3]], np.uint8), others)
    assert not is_same(np.array([[1, 2, 3], [1, 2, 4]], np.uint8), others)
