"""What a task costs, in credits of one cent."""

from collections.abc import Mapping
from typing import Any

Body = Mapping[str, Any]

P_SERIES = {"P1-20260311": (40, 50), "P2-20260801": (100, 110)}
FINER_TEXTURE = {"detailed": 10, "extreme": 20}
TEXTURE = {"standard": 10, "detailed": 20, "extreme": 30}
EXTRAS = {"quad": 5, "smart_low_poly": 10, "generate_parts": 20}
RESHAPING = ("quad", "force_symmetry", "face_limit", "flatten_bottom", "bake", "pack_uv")


def textured(body: Body) -> bool:
    """PBR forces a texture."""
    return body.get("pbr") is not False or body.get("texture") is not False


def of_model(body: Body, plain: int) -> int:
    """`plain`: of an untextured model; a texture costs 10 more."""
    untextured, with_texture = P_SERIES.get(body["model"], (plain, plain + 10))
    price = with_texture if textured(body) else untextured
    if textured(body):
        price += FINER_TEXTURE.get(body.get("texture_quality") or "", 0)
    if body.get("geometry_quality") == "detailed":
        price += 20
    return price + sum(extra for name, extra in EXTRAS.items() if body.get(name))


def of_texture(body: Body) -> int:
    return TEXTURE[body.get("texture_quality") or "standard"]


def of_convert(body: Body) -> int:
    return 10 if any(body.get(name) for name in RESHAPING) else 5
