"""Orders, and what talks need to be driven without I/O."""

from typing import Any

import orjson

from worker.providers.call import Answer, Call, Reply, Result, Talk
from worker.providers.order import Order, Picture, Stage, Task

PREVIEWED = Task("text-to-3d", "018a210d-8ba4-705c-b111-1f1776f7f578")
FRONT = Picture(b"front's bytes", "image/jpeg", "front")
LEFT = Picture(b"left's bytes", "image/png", "left")
BACK = Picture(b"back's bytes", "image/jpeg", "back")

PREVIEW = Order(Stage.PREVIEW, prompt="a cyberpunk katana")
REFINE = Order(Stage.REFINE, prompt="a cyberpunk katana", pbr=True, source=PREVIEWED)
REMESH = Order(Stage.REMESH, polycount=3500, formats=("glb", "fbx"), source=PREVIEWED)
RIG = Order(Stage.RIG, source=PREVIEWED)
GENERATE = Order(Stage.GENERATE, pictures=(FRONT,))


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, orjson.dumps(body))


def converse(talk: Talk[Result], *replies: Reply) -> tuple[list[Call], Result]:
    """What was asked, and how it ended."""
    calls: list[Call] = []
    left = list(replies)
    try:
        calls.append(next(talk))
        while True:
            calls.append(talk.send(left.pop(0)))
    except StopIteration as said:
        assert not left, f"{len(left)} replies were never asked for"
        return calls, said.value
