"""Puts what was encoded into the document: accessors that describe the decoded data, no bytes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from worker.glb.container import Json, write_json
from worker.glb.draft import Draft
from worker.glb.geometry.channels import Channel, Way
from worker.glb.geometry.compress import Encoded, Outcome
from worker.glb.geometry.encode import UNSIGNED_FOR, unique_ids
from worker.glb.geometry.gain import references
from worker.glb.geometry.groups import DRACO, Group

QUANTIZATION = "KHR_mesh_quantization"
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
UNSIGNED_SHORT, UNSIGNED_INT = 5123, 5125
SHORT_INDICES = 65_535  # the last number is kept free: it restarts strips in some APIs
TRIANGLES = 4
INDICES = ""  # in the place of an attribute's name


@dataclass(slots=True)
class Placing:
    """The same geometry in another mesh shares its blob, and accessors of the same name."""

    draft: Draft
    free: set[int]  # accessors whose every user was encoded: each is described anew, once
    views: dict[object, int] = field(default_factory=dict)
    accessors: dict[object, int] = field(default_factory=dict)

    def view(self, encoded: Encoded) -> int:
        key = identity(encoded)
        if key not in self.views:
            self.views[key] = self.draft.add_view(encoded.blob)
        return self.views[key]

    def accessor(self, encoded: Encoded, name: str, old: int | None, description: Json) -> int:
        accessors = self.draft.document.root.setdefault("accessors", [])
        kept = {} if old is None else named(accessors[old])
        key = identity(encoded), name, write_json(kept)
        if key not in self.accessors:
            self.accessors[key] = self.placed(old, description | kept)
        return self.accessors[key]

    def placed(self, old: int | None, accessor: Json) -> int:
        accessors = self.draft.document.root["accessors"]
        if old in self.free:
            self.free.discard(old)
            accessors[old] = accessor
            return old
        accessors.append(accessor)
        return len(accessors) - 1


def apply(draft: Draft, outcomes: Sequence[Outcome], uses: Counter[int]) -> None:
    encoded = [outcome for outcome in outcomes if outcome.encoded]
    ours = references([outcome.group for outcome in encoded])
    placing = Placing(draft, {a for a, count in ours.items() if count == uses[a]})
    for outcome in encoded:
        if outcome.encoded:
            apply_to(placing, outcome.group, outcome.encoded)


def apply_to(placing: Placing, group: Group, encoded: Encoded) -> None:
    require(placing.draft, encoded)
    ids = unique_ids(encoded.work)
    channels = {channel.name: channel for channel in encoded.work.channels}
    attributes = {
        name: placing.accessor(encoded, name, old, describe(channels[name], encoded))
        for name, old in group.attributes.items()
    }
    indices = placing.accessor(encoded, INDICES, group.indices, describe_indices(encoded))
    view = placing.view(encoded)
    for primitive in group.primitives:
        primitive["attributes"] = dict(attributes)
        primitive["indices"] = indices
        if primitive.get("mode", TRIANGLES) != TRIANGLES:
            primitive["mode"] = TRIANGLES
        held = {name: ids[name] for name in attributes}
        placing.draft.attach(primitive, DRACO, {"bufferView": view, "attributes": held})


def identity(encoded: Encoded) -> object:
    channels = ((c.name, c.component_type, c.normalized) for c in encoded.work.channels)
    return encoded.blob, tuple(channels)


def require(draft: Draft, encoded: Encoded) -> None:
    draft.require(DRACO)
    if any(map(needs_quantization, encoded.work.channels)):
        draft.require(QUANTIZATION)


def needs_quantization(channel: Channel) -> bool:
    """The core allows no signed integers but in an application's own attributes."""
    return not channel.name.startswith("_") and channel.values.dtype in UNSIGNED_FOR


def describe(channel: Channel, encoded: Encoded) -> Json:
    described: Json = {
        "componentType": channel.component_type,
        "count": encoded.decoded.vertices,
        "type": TYPES[channel.values.shape[1]],
    }
    if channel.normalized:
        described["normalized"] = True
    if channel.way in (Way.POSITION, Way.WHOLE_POSITION):
        described |= {"min": encoded.decoded.low, "max": encoded.decoded.high}
    return described


def describe_indices(encoded: Encoded) -> Json:
    short = encoded.decoded.vertices <= SHORT_INDICES
    return {
        "componentType": UNSIGNED_SHORT if short else UNSIGNED_INT,
        "count": 3 * encoded.decoded.triangles,
        "type": "SCALAR",
    }


def named(accessor: Json) -> Json:
    return {key: accessor[key] for key in ("name", "extras") if key in accessor}
