from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.conformance.tripo.api import (
    CONVERT,
    IMAGE,
    MULTIVIEW,
    RIG,
    RIG_CHECK,
    TEXT,
    TEXTURE,
    Json,
    Tripo,
)
from tests.conformance.tripo.orders import (
    OPERATIONS,
    Operation,
    convert,
    low_poly,
    made,
    rig,
    rig_check,
    text,
    texture,
    uploaded_image,
    uploaded_views,
)
from tests.conformance.tripo.refusal import costs_nothing

BARE = {"texture": False, "pbr": False}


@dataclass(frozen=True)
class Price:
    name: str
    path: str
    body: Callable[[Tripo], Json]
    credits: tuple[int, ...]  # several where the table has several and does not say which

    def __str__(self) -> str:
        return self.name


PRICES = (
    Price("text", TEXT, lambda _: text(**BARE), (10,)),
    Price("text textured", TEXT, lambda _: text(), (20,)),
    Price("image", IMAGE, lambda t: uploaded_image(t, **BARE), (20,)),
    Price("image textured", IMAGE, uploaded_image, (30,)),
    Price("multiview", MULTIVIEW, lambda t: uploaded_views(t, **BARE), (20,)),
    Price("multiview textured", MULTIVIEW, uploaded_views, (30,)),
    Price("detailed texture", TEXT, lambda _: text(texture_quality="detailed"), (30,)),
    Price("extreme texture", TEXT, lambda _: text(texture_quality="extreme"), (40,)),
    Price("detailed geometry", TEXT, lambda _: text(geometry_quality="detailed"), (40,)),
    Price("quad", TEXT, lambda _: text(quad=True), (25,)),
    Price("low poly", TEXT, lambda _: text(smart_low_poly=True), (30,)),
    Price("parts", TEXT, lambda _: text(**BARE, generate_parts=True), (30,)),
    Price("everything", TEXT, lambda _: text(quad=True, texture_quality="extreme"), (45,)),
    Price("P1", TEXT, lambda _: low_poly(**BARE), (40,)),
    Price("P1 textured", TEXT, lambda _: low_poly(), (40, 50)),
    Price("texture", TEXTURE, lambda t: texture(made(t)), (10,)),
    Price(
        "texture detailed", TEXTURE, lambda t: texture(made(t), texture_quality="detailed"), (20,)
    ),
    Price("texture extreme", TEXTURE, lambda t: texture(made(t), texture_quality="extreme"), (30,)),
    Price("convert", CONVERT, lambda t: convert(made(t)), (5,)),
    Price("convert with a limit", CONVERT, lambda t: convert(made(t), face_limit=3_000), (5, 10)),
    Price("rig check", RIG_CHECK, lambda t: rig_check(made(t)), (0,)),
    Price("rig", RIG, lambda t: rig(made(t)), (25,)),
)


@pytest.mark.parametrize("price", PRICES, ids=str)
def test_a_task_costs_what_the_table_says(tripo: Tripo, price: Price) -> None:
    """The price is frozen at create and is what the finished task has consumed."""
    body = price.body(tripo)
    task_id = tripo.created(price.path, body)
    frozen = tripo.balance()["frozen"]
    assert frozen in price.credits
    tripo.simulator.settle(task_id, "succeeded")
    assert tripo.task(task_id)["credits_consumed"] == frozen


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_success_settles_what_was_frozen(tripo: Tripo, operation: Operation) -> None:
    """After success nothing is frozen and the balance is less by the price."""
    body = operation.body(tripo)
    before = tripo.balance()["balance"]
    consumed = tripo.run(operation.path, body)["credits_consumed"]
    after = tripo.balance()
    assert (after["balance"], after["frozen"]) == (before - consumed, 0)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_failure_releases_what_was_frozen(tripo: Tripo, operation: Operation) -> None:
    """After a failure balance and frozen are as before."""
    body = operation.body(tripo)
    before = tripo.balance()
    task_id = tripo.settled(operation.path, body, "failed")
    assert tripo.balance() == before
    assert not tripo.task(task_id)["credits_consumed"]


def test_a_cancelled_task_releases_too(tripo: Tripo) -> None:
    """`cancelled`, which only the provider itself brings about, gives the credits back."""
    before = tripo.balance()
    task_id = tripo.settled(TEXT, text(), "cancelled")
    assert tripo.task(task_id)["status"] == "cancelled"
    assert tripo.balance() == before


def test_frozen_is_the_sum_of_what_runs(tripo: Tripo) -> None:
    """Each task that has not ended is frozen; what is frozen can't be spent again."""
    first = tripo.created(TEXT, text())
    tripo.created(TEXT, text(**BARE))
    assert tripo.balance()["frozen"] == 30
    tripo.simulator.settle(first, "succeeded")
    assert tripo.balance()["frozen"] == 10


def test_without_credits_it_is_403_and_2010(tripo: Tripo) -> None:
    """A credit too few is 403/2010, never 402; the exact price is enough."""
    tripo.simulator.tripo.account.credits = 19
    assert costs_nothing(tripo, tripo.create(TEXT, text()), 403, 2010)
    tripo.simulator.tripo.account.credits = 20
    assert tripo.created(TEXT, text())


def test_frozen_credits_pay_for_nothing_else(tripo: Tripo) -> None:
    """With money for one task a second one is 403/2010 while the first runs."""
    tripo.simulator.tripo.account.credits = 30
    first = tripo.created(TEXT, text())
    answer = tripo.create(TEXT, text())
    assert (answer.status_code, answer.json()["code"]) == (403, 2010)
    tripo.simulator.settle(first, "failed")
    assert tripo.created(TEXT, text())


def test_the_balance_is_two_numbers(tripo: Tripo) -> None:
    """Balance and frozen are numbers."""
    tripo.simulator.tripo.account.credits = 500
    answer = tripo.balance()
    assert (float(answer["balance"]), float(answer["frozen"])) == (500, 0)


def test_the_book_agrees_with_the_balance(tripo: Tripo) -> None:
    """What the provider's book calls spent is what the balance lost."""
    before = tripo.balance()["balance"]
    tripo.settled(TEXTURE, texture(made(tripo)))
    tripo.settled(TEXT, text(), "failed")
    spent = before - tripo.balance()["balance"]
    assert tripo.simulator.book("tripo").credits_spent == spent == 30
