"""Puts what was encoded into the document: accessors that describe the decoded data, no bytes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from worker.glb.container import Json
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


class Placed(NamedTuple):
    """A blob in the document. The same geometry in another mesh shares all of it."""

    attributes: dict[str, int]
    indices: int
    extension: Json


@dataclass(slots=True)
class Placing:
    draft: Draft
    free: set[int]  # accessors whose every user was encoded: each is described anew, once
    done: dict[object, Placed] = field(default_factory=dict)

    def accessor(self, old: int | None, description: Json) -> int:
        accessors = self.draft.document.root.setdefault("accessors", [])
        kept = {} if old is None else named(accessors[old])
        if old in self.free:
            self.free.discard(old)
            accessors[old] = description | kept
            return old
        accessors.append(description | kept)
        return len(accessors) - 1


def apply(draft: Draft, outcomes: Sequence[Outcome], uses: Counter[int]) -> None:
    encoded = [outcome for outcome in outcomes if outcome.encoded]
    ours = references([outcome.group for outcome in encoded])
    placing = Placing(draft, {a for a, count in ours.items() if count == uses[a]})
    for outcome in encoded:
        if outcome.encoded:
            apply_to(placing, outcome.group, outcome.encoded)


def apply_to(placing: Placing, group: Group, encoded: Encoded) -> None:
    key = (
        encoded.blob,
        tuple((c.name, c.component_type, c.normalized) for c in encoded.work.channels),
    )
    if key not in placing.done:
        placing.done[key] = place(placing, group, encoded)
    placed = placing.done[key]
    for primitive in group.primitives:
        primitive["attributes"] = dict(placed.attributes)
        primitive["indices"] = placed.indices
        if primitive.get("mode", TRIANGLES) != TRIANGLES:
            primitive["mode"] = TRIANGLES
        placing.draft.attach(primitive, DRACO, dict(placed.extension))


def place(placing: Placing, group: Group, encoded: Encoded) -> Placed:
    draft = placing.draft
    draft.require(DRACO)
    channels = {channel.name: channel for channel in encoded.work.channels}
    if any(needs_quantization(channel) for channel in channels.values()):
        draft.require(QUANTIZATION)
    ids = unique_ids(encoded.work)
    return Placed(
        attributes={
            name: placing.accessor(old, describe(channels[name], encoded))
            for name, old in group.attributes.items()
        },
        indices=placing.accessor(group.indices, describe_indices(encoded)),
        extension={
            "bufferView": draft.add_view(encoded.blob),
            "attributes": {name: ids[name] for name in group.attributes},
        },
    )


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
