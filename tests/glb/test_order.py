"""The order in which Draco meets the triangles of a large model."""

import numpy as np

from worker.glb.geometry.order import cells


def test_neighbours_share_a_cell_and_its_number_says_where_it_is() -> None:
    """Corners of the box are the first and the last cell; points close together are in one."""
    points = np.array([[0, 0, 0], [0.001, 0, 0], [1, 1, 1], [1, 0, 0]], np.float32)
    assert cells(points).tolist() == [0, 0, 32**3 - 1, 0b001001001001001]


def test_a_flat_or_empty_box_has_one_cell() -> None:
    """No division by nothing."""
    assert cells(np.zeros((3, 3), np.float32)).tolist() == [0, 0, 0]


def test_whole_numbers_are_placed_too() -> None:
    """Quantized models keep their positions as integers."""
    assert cells(np.array([[-128, 0, 0], [127, 0, 0]], np.int8)).tolist() == [0, 0b001001001001001]
