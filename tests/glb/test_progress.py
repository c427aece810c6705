"""How far the work on one file is."""

from threading import get_ident

from tests.glb.build import bumpy, one_mesh
from tests.glb.textures.pictures import encoded, gradient, shown_as
from worker.glb import Options, Preset, optimize


def test_each_picture_and_primitive_brings_it_forward() -> None:
    """By what it costs, and at the end all is done."""
    pictures = [encoded(gradient(64, noise=grain)) for grain in (6, 7, 8)]
    seen: list[float] = []
    optimize(shown_as("normalTexture", *pictures).data(), Options(preset=Preset.WEB), seen.append)
    assert len(seen) == 4
    assert seen == sorted(seen)
    assert seen[0] > 0
    assert seen[-1] == 1


def test_it_is_told_from_the_thread_that_did_the_work() -> None:
    """So whoever watches must bear that."""
    threads: list[int] = []
    optimize(one_mesh(bumpy(40)).data(), watch=lambda _: threads.append(get_ident()))
    assert len(threads) == 1
