"""Groups that belong together: through meshes (one grid) or through shared accessors (one fate)."""

from collections.abc import Callable, Hashable, Iterable

from worker.glb.geometry.groups import Group

Keys = Callable[[Group], Iterable[Hashable]]


def by_mesh(groups: Iterable[Group]) -> list[list[Group]]:
    return joined(groups, lambda group: group.meshes)


def by_accessor_or_mesh(groups: Iterable[Group]) -> list[list[Group]]:
    """A mesh is encoded as a whole, and accessors are freed only when all their users are."""

    def keys(group: Group) -> Iterable[Hashable]:
        yield from (("mesh", mesh) for mesh in group.meshes)
        yield from (("accessor", accessor) for accessor in group.accessors)

    return joined(groups, keys)


def joined(groups: Iterable[Group], keys: Keys) -> list[list[Group]]:
    """Groups with a key in common end in one list, directly or through others."""
    groups, above = list(groups), dict[Hashable, Hashable]()
    for group in groups:
        first, *others = keys(group)
        for other in others:
            above[top(above, other)] = top(above, first)
    families: dict[Hashable, list[Group]] = {}
    for group in groups:
        families.setdefault(top(above, next(iter(keys(group)))), []).append(group)
    return list(families.values())


def top(above: dict[Hashable, Hashable], key: Hashable) -> Hashable:
    """The one that stands for all that were joined; the way there is halved on the way."""
    while (higher := above.setdefault(key, key)) != key:
        above[key] = above.setdefault(higher, higher)
        key = above[key]
    return key
