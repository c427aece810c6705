"""What belongs together is found together."""

from hypothesis import given
from hypothesis import strategies as st

from worker.glb.geometry.families import by_accessor_or_mesh, by_mesh
from worker.glb.geometry.groups import Group

MESHES = st.sets(st.integers(0, 6), min_size=1, max_size=3)
ACCESSORS = st.frozensets(st.integers(0, 9), min_size=1, max_size=3)


def group(meshes: set[int], accessors: frozenset[int]) -> Group:
    return Group({}, None, 4, [(mesh, 0) for mesh in meshes], [], accessors)


def names(group: Group) -> set[str]:
    return {f"mesh {mesh}" for mesh in group.meshes} | {f"bytes {a}" for a in group.accessors}


def grown(groups: list[Group]) -> set[frozenset[int]]:
    """The plain way: begin with one and take in whatever touches, until nothing does."""
    found = set()
    for start in groups:
        family, reach = {id(start)}, names(start)
        while more := [g for g in groups if id(g) not in family and names(g) & reach]:
            family |= {id(g) for g in more}
            reach |= {name for g in more for name in names(g)}
        found.add(frozenset(family))
    return found


@given(st.lists(st.builds(group, MESHES, ACCESSORS), max_size=12))
def test_families_are_what_touches_directly_or_through_others(groups: list[Group]) -> None:
    """No group is in two families, and none that shares anything is in another."""
    families = by_accessor_or_mesh(groups)
    assert {frozenset(map(id, family)) for family in families} == grown(groups)
    assert sum(map(len, families)) == len(groups)


@given(st.lists(st.builds(group, MESHES, ACCESSORS), max_size=12))
def test_a_mesh_is_never_divided(groups: list[Group]) -> None:
    """All groups of a mesh are in one family, so that they get one grid."""
    for mesh in range(7):
        homes = [f for f in by_mesh(groups) if any(mesh in member.meshes for member in f)]
        assert len(homes) <= 1
