"""What may become of a file that nobody can trust."""

from worker.glb import GlbError, Options, Preset, check, optimize


def survive(data: bytes, preset: Preset) -> bytes | None:
    """What comes of it, or nothing where it is refused with the place that is wrong.

    Everything else, an exception of another kind above all, is a fault of ours.
    """
    try:
        check(data)
        made = optimize(data, Options(preset=preset, threads=1)).data
    except GlbError:
        return None
    assert preset is Preset.PLAIN or len(made) <= len(data)
    if made != data:
        optimize(made, Options(preset=Preset.SAFE, threads=1))  # what we write, we can read
    return made
