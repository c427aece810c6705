from hypothesis import given, settings
from hypothesis import strategies as st

from tests.glb.textures.pictures import MIMES, decoded, encoded, gradient, run_one

PICTURES = {form: encoded(gradient(48, noise=60), form) for form in MIMES}
changes = st.lists(st.tuples(st.integers(12, 4000), st.integers(0, 255)), min_size=1, max_size=6)


def changed(data: bytes, places: list[tuple[int, int]]) -> bytes:
    damaged = bytearray(data)
    for offset, value in places:
        damaged[min(offset, len(damaged) - 1)] = value
    return bytes(damaged)


@settings(max_examples=60, deadline=None)
@given(
    form=st.sampled_from(sorted(MIMES)), places=changes, preset=st.sampled_from(["web", "plain"])
)
def test_damage_never_spreads(form: str, places: list[tuple[int, int]], preset: str) -> None:
    """Whatever the bytes are: the picture stays, or can be decoded."""
    result = run_one(changed(PICTURES[form], places), preset, mime=MIMES[form], max_texture=32)
    if result.data is not None:
        assert max(decoded(result.data).size) <= 64
