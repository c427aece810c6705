from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.conformance.meshy.api import Json, Meshy
from tests.conformance.meshy.orders import (
    OPERATIONS,
    Operation,
    built_on,
    convert,
    image,
    images,
    preview,
    previewed,
    refine,
    textured_small,
)

SMART = {"model_type": "smart-topology", "ai_model": "meshy-t2"}


@dataclass(frozen=True)
class Price:
    name: str
    resource: str
    body: Callable[[Meshy], Json]
    credits: tuple[int, ...]  # several where the documents disagree

    def __str__(self) -> str:
        return self.name


PRICES = (
    Price("preview meshy-6", "text-to-3d", lambda _: preview(), (20,)),
    Price("preview meshy-7", "text-to-3d", lambda _: preview(ai_model="meshy-7"), (20,)),
    Price("preview latest", "text-to-3d", lambda _: preview(ai_model="latest"), (20,)),
    Price("preview meshy-5", "text-to-3d", lambda _: preview(ai_model="meshy-5"), (5,)),
    Price("preview t2", "text-to-3d", lambda _: preview(**SMART), (5,)),
    Price(
        "preview ultra",
        "text-to-3d",
        lambda _: preview(ai_model="meshy-7", ultra_mode=True),
        (25,),
    ),
    Price("refine", "text-to-3d", lambda m: refine(previewed(m)), (10,)),
    Price(
        "refine 2k", "text-to-3d", lambda m: refine(previewed(m), texture_resolution="2k"), (10,)
    ),
    Price(
        "refine 4k", "text-to-3d", lambda m: refine(previewed(m), texture_resolution="4k"), (10,)
    ),
    Price(
        "refine 8k", "text-to-3d", lambda m: refine(previewed(m), texture_resolution="8k"), (15,)
    ),
    Price("image", "image-to-3d", lambda _: image(), (30,)),
    Price("image untextured", "image-to-3d", lambda _: image(should_texture=False), (20,)),
    Price("image 8k", "image-to-3d", lambda _: image(texture_resolution="8k"), (35,)),
    Price("image meshy-5", "image-to-3d", lambda _: image(ai_model="meshy-5"), (15,)),
    Price(
        "image meshy-5 untextured",
        "image-to-3d",
        lambda _: image(ai_model="meshy-5", should_texture=False),
        (5,),
    ),
    Price("image t2", "image-to-3d", lambda _: image(**SMART), (15, 20)),
    Price(
        "image t2 untextured",
        "image-to-3d",
        lambda _: image(**SMART, should_texture=False),
        (5, 15),
    ),
    Price("images", "multi-image-to-3d", lambda _: images(), (30,)),
    Price("images untextured", "multi-image-to-3d", lambda _: images(should_texture=False), (20,)),
    Price("images 8k", "multi-image-to-3d", lambda _: images(texture_resolution="8k"), (35,)),
    Price("images meshy-5", "multi-image-to-3d", lambda _: images(ai_model="meshy-5"), (15,)),
    Price("remesh", "remesh", lambda m: built_on(previewed(m)), (5,)),
    Price("convert", "convert", lambda m: convert(previewed(m)), (1,)),
    Price("rig", "rigging", lambda m: built_on(textured_small(m)), (5,)),
)


@pytest.mark.parametrize("price", PRICES, ids=str)
def test_a_task_costs_what_the_table_says(meshy: Meshy, price: Price) -> None:
    """Each operation costs its documented price, at once, and shows it as consumed_credits."""
    body = price.body(meshy)
    before = meshy.balance()
    task_id = meshy.created(price.resource, body)
    charged = before - meshy.balance()
    assert charged in price.credits
    assert meshy.task(price.resource, task_id)["consumed_credits"] == charged


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_the_price_stays_the_same_to_the_end(meshy: Meshy, operation: Operation) -> None:
    """consumed_credits is set from PENDING and does not change on the way to SUCCEEDED."""
    body = operation.body(meshy)
    before = meshy.balance()
    looks = meshy.lived(operation.resource, meshy.created(operation.resource, body))
    (charged,) = {look["consumed_credits"] for look in looks}
    assert meshy.balance() == before - charged


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_failure_gives_everything_back(meshy: Meshy, operation: Operation) -> None:
    """FAILED refunds by itself and shows 0 consumed credits."""
    body = operation.body(meshy)
    before = meshy.balance()
    task_id = meshy.settled(operation.resource, body, "failed")
    assert meshy.task(operation.resource, task_id)["consumed_credits"] == 0
    assert meshy.balance() == before


def test_the_book_agrees_with_the_balance(meshy: Meshy) -> None:
    """What the provider's book calls spent is what the balance lost."""
    before = meshy.balance()
    made = previewed(meshy)
    meshy.settled("text-to-3d", refine(made))
    meshy.settled("image-to-3d", image(), "failed")
    meshy.delete("image-to-3d", meshy.created("image-to-3d", image()))
    assert meshy.simulator.book("meshy").credits_spent == before - meshy.balance() == 30
