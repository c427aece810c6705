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
    home: dict[Hashable, list[Group]] = {}
    for group in groups:
        family = [group]
        for key in keys(group):
            met = home.get(key)
            if met is not None and met is not family:
                small, family = sorted((met, family), key=len)
                family.extend(small)
                home.update(
                    (other, family) for member in small for other in keys(member) if other in home
                )
            home[key] = family
        home.update((key, family) for key in keys(group))
    return list({id(family): family for family in home.values()}.values())
