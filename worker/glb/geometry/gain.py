"""Does it pay? Counted are the bytes that really become free, not those that a primitive has."""

from collections import Counter
from collections.abc import Sequence

from worker.glb.document import Document
from worker.glb.geometry.compress import Outcome
from worker.glb.geometry.families import by_accessor_or_mesh
from worker.glb.geometry.groups import Group, accessor_bytes

JSON_OF_A_BLOB = 200  # its buffer view, and what the list of views and accessors gains or loses
JSON_OF_A_USER = 100
NO_GAIN = "it would not become smaller"


def paying(document: Document, outcomes: Sequence[Outcome], uses: Counter[int]) -> list[Outcome]:
    """The outcomes again, without the encodings of those families that would gain nothing.

    `uses` counts who refers to each accessor, in the whole file.
    """
    by_group = {id(outcome.group): outcome for outcome in outcomes}
    result: list[Outcome] = []
    for family in by_accessor_or_mesh([outcome.group for outcome in outcomes]):
        members = [by_group[id(group)] for group in family]
        pays = freed_bytes(document, members, uses) > cost(members)
        result += members if pays else [without_encoding(member) for member in members]
    return result


def freed_bytes(document: Document, members: Sequence[Outcome], uses: Counter[int]) -> int:
    ours = references([member.group for member in members if member.encoded])
    freed = [accessor for accessor, count in ours.items() if count == uses[accessor]]
    return sum(accessor_bytes(document, accessor) for accessor in freed)


def references(groups: Sequence[Group]) -> Counter[int]:
    """How often each accessor is named by the primitives of these groups."""
    counts: Counter[int] = Counter()
    for group in groups:
        named = [*group.attributes.values()]
        if group.indices is not None:
            named.append(group.indices)
        for accessor in named:
            counts[accessor] += len(group.users)
    return counts


def cost(members: Sequence[Outcome]) -> int:
    blobs = {member.encoded.blob for member in members if member.encoded}
    users = sum(len(member.group.users) for member in members if member.encoded)
    return sum(len(blob) + JSON_OF_A_BLOB for blob in blobs) + users * JSON_OF_A_USER


def without_encoding(outcome: Outcome) -> Outcome:
    return Outcome(outcome.group, None, outcome.why_not or NO_GAIN)
