"""Valid bodies of every create that is used, with the changes that a test is about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.conformance.pictures import picture
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

H_SERIES = "v3.1-20260211"
P_SERIES = "P1-20260311"
OMITTED = object()


def changed(body: Json, changes: Json) -> Json:
    return {name: value for name, value in (body | changes).items() if value is not OMITTED}


def text(**changes: Any) -> Json:
    return changed(
        {
            "prompt": "a teal katana",
            "model": H_SERIES,
            "texture": True,
            "pbr": True,
            "quad": False,
            "face_limit": 1_000,
        },
        changes,
    )


def low_poly(**changes: Any) -> Json:
    """The P line does not take quad."""
    return text(model=P_SERIES, quad=OMITTED, **changes)


def image(source: str, /, **changes: Any) -> Json:
    body = {"input": source, "model": H_SERIES, "texture": True, "pbr": True, "quad": False}
    return changed(body | {"face_limit": 1_000}, changes)


def uploaded_image(tripo: Tripo, **changes: Any) -> Json:
    return image(tripo.upload(picture()), **changes)


def multiview(slots: list[Any], /, **changes: Any) -> Json:
    return changed(image("", input=OMITTED) | {"inputs": slots}, changes)


def uploaded_views(tripo: Tripo, **changes: Any) -> Json:
    front, left = (tripo.upload(picture(width=width)) for width in (64, 72))
    return multiview([front, left, "", ""], **changes)


def texture(source: str, /, **changes: Any) -> Json:
    body = {"input": source, "model": "v3.0-20250812", "texture": True, "pbr": True}
    return changed(body, changes)


def convert(source: str, /, **changes: Any) -> Json:
    return changed({"input": source, "format": "FBX"}, changes)


def rig_check(source: str, /, **changes: Any) -> Json:
    return changed({"input": source}, changes)


def rig(source: str, /, **changes: Any) -> Json:
    body = {"input": source, "rig_type": "biped", "spec": "tripo", "out_format": "glb"}
    return changed(body | {"model": "v2.5-20260210"}, changes)


def made(tripo: Tripo, **changes: Any) -> str:
    return tripo.settled(TEXT, text(**changes))


@dataclass(frozen=True)
class Operation:
    name: str
    path: str
    body: Callable[[Tripo], Json]

    def __str__(self) -> str:
        return self.name


OPERATIONS = (
    Operation("text", TEXT, lambda _: text()),
    Operation("image", IMAGE, uploaded_image),
    Operation("multiview", MULTIVIEW, uploaded_views),
    Operation("texture", TEXTURE, lambda tripo: texture(made(tripo))),
    Operation("convert", CONVERT, lambda tripo: convert(made(tripo))),
    Operation("rig-check", RIG_CHECK, lambda tripo: rig_check(made(tripo))),
    Operation("rig", RIG, lambda tripo: rig(made(tripo))),
)
