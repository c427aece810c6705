"""Which `ai_model` there is, what it can do, and what it costs."""

from collections.abc import Mapping
from typing import Any

from worker.simulator.call import Refusal
from worker.simulator.meshy.dialect import Dialect

STANDARD = ("meshy-5", "meshy-6", "meshy-6-lite", "meshy-7", "meshy-7.1")
SMART = "meshy-t2"
CHEAP = frozenset({"meshy-5", "meshy-6-lite", SMART})
REMESHED_BY_DEFAULT = frozenset({"meshy-5", "meshy-6-lite"})
SMART_TRIANGLES = 4_000
SMART_MOST_TRIANGLES = 15_000
DEFAULT_TRIANGLES = 30_000
DECIMATED = {1: 500_000, 2: 150_000, 3: 50_000, 4: 10_000}


def resolve(body: Mapping[str, Any], dialect: Dialect) -> str:
    """The model that works: `latest` has a name of its own, and that name moves."""
    smart = body.get("model_type") == "smart-topology"
    if body.get("model_type") == "lowpoly" and dialect.lowpoly_retired:
        raise Refusal(400, "model_type lowpoly is no longer supported")
    asked = body.get("ai_model") or (SMART if smart else "latest")
    if smart:
        return _known(asked, (SMART,))
    return dialect.latest if asked == "latest" else _known(asked, STANDARD)


def _known(asked: str, known: tuple[str, ...]) -> str:
    if asked not in known:
        raise Refusal(400, f"Invalid ai_model: {asked}. Use one of {', '.join(known)}, latest")
    return asked


def triangles(body: Mapping[str, Any], model: str, dialect: Dialect) -> int:
    asked = body.get("target_polycount")
    if model == SMART:
        if asked is not None and asked > SMART_MOST_TRIANGLES:
            raise Refusal(400, f"target_polycount must be at most {SMART_MOST_TRIANGLES}")
        return asked or SMART_TRIANGLES
    should = body.get("should_remesh")
    if should is None:
        should = model in REMESHED_BY_DEFAULT
    return remeshed(body) if should else dialect.raw_triangles


def remeshed(body: Mapping[str, Any]) -> int:
    if (mode := body.get("decimation_mode")) is not None:
        return DECIMATED[mode]
    return body.get("target_polycount") or DEFAULT_TRIANGLES


def preview_price(body: Mapping[str, Any], model: str) -> int:
    finer = body.get("ultra_mode") or body.get("geometry_resolution")
    return (5 if model in CHEAP else 20) + (5 if finer else 0)


def texture_price(body: Mapping[str, Any]) -> int:
    return 15 if body.get("texture_resolution") == "8k" else 10


def image_price(body: Mapping[str, Any], model: str, *, textured: bool) -> int:
    finer = 5 if body.get("ultra_mode") else 0
    if model in CHEAP:
        return (15 if textured else 5) + finer
    if not textured:
        return 20 + finer
    return (35 if body.get("texture_resolution") == "8k" else 30) + finer
