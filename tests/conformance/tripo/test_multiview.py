from typing import Any

import pytest

from tests.conformance.pictures import data_uri, picture
from tests.conformance.tripo.api import MULTIVIEW, Tripo
from tests.conformance.tripo.orders import OMITTED, multiview, uploaded_views
from tests.conformance.tripo.refusal import costs_nothing

INVALID = (1003, 1004, 2019)


def files(tripo: Tripo, count: int) -> list[str]:
    return [tripo.upload(picture(width=64 + number)) for number in range(count)]


@pytest.mark.parametrize("pattern", ["fl..", "f.b.", "f..r", "flb.", "fl.r", "f.br", "flbr"])
def test_four_slots_with_the_front(tripo: Tripo, pattern: str) -> None:
    """Four slots [front, left, back, right]; a view that is missing is an empty string."""
    token = tripo.upload(picture())
    slots = [token if slot != "." else "" for slot in pattern]
    assert tripo.created(MULTIVIEW, multiview(slots))


@pytest.mark.parametrize("pattern", [".lb.", ".lbr", "..br", "f...", "...."])
def test_the_front_and_one_more_are_needed(tripo: Tripo, pattern: str) -> None:
    """Without a front, or with one view alone, it is 400."""
    token = tripo.upload(picture())
    slots = [token if slot != "." else "" for slot in pattern]
    assert costs_nothing(tripo, tripo.create(MULTIVIEW, multiview(slots)), 400, *INVALID)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_there_are_exactly_four_slots(tripo: Tripo, count: int) -> None:
    """A positional list of another length is 400."""
    slots = [tripo.upload(picture())] * count
    assert costs_nothing(tripo, tripo.create(MULTIVIEW, multiview(slots)), 400, *INVALID)


@pytest.mark.parametrize("views", [("front", "left"), ("front", "back", "right")])
def test_views_may_be_named(tripo: Tripo, views: tuple[str, ...]) -> None:
    """A list of one-key objects names its views, in any number from two."""
    token = tripo.upload(picture())
    assert tripo.created(MULTIVIEW, multiview([{view: token} for view in views]))


@pytest.mark.parametrize("views", [("left", "back"), ("front",), ("front", "above")])
def test_named_views_have_the_same_rules(tripo: Tripo, views: tuple[str, ...]) -> None:
    """Named views need the front, a second one, and names that exist."""
    token = tripo.upload(picture())
    body = multiview([{view: token} for view in views])
    assert costs_nothing(tripo, tripo.create(MULTIVIEW, body), 400, *INVALID)


@pytest.mark.parametrize("bad", [data_uri(picture()), "my picture", 7])
def test_each_view_is_an_input(tripo: Tripo, bad: Any) -> None:
    """A slot holds a token, an address or a task; data URIs are 400."""
    slots = [tripo.upload(picture()), bad, "", ""]
    assert costs_nothing(tripo, tripo.create(MULTIVIEW, multiview(slots)), 400, *INVALID, 2004)


def test_some_source_is_needed(tripo: Tripo) -> None:
    """Without `inputs` or a task that has the views it is 400."""
    body = uploaded_views(tripo, inputs=OMITTED)
    assert costs_nothing(tripo, tripo.create(MULTIVIEW, body), 400, *INVALID)


def test_views_may_be_orthographic(tripo: Tripo) -> None:
    """orthographic_projection is an option of multiview alone."""
    assert tripo.created(MULTIVIEW, uploaded_views(tripo, orthographic_projection=True))


def test_the_order_is_kept(tripo: Tripo) -> None:
    """The provider's book shows the slots in the order in which they were sent."""
    front, left, back, right = files(tripo, 4)
    tripo.created(MULTIVIEW, multiview([front, left, back, right]))
    assert tripo.simulator.book("tripo").tasks[0].body["inputs"] == [front, left, back, right]
