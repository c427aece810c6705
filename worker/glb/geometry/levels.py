"""Which of Draco's levels a primitive is encoded with.

Levels are not monotone: on regular grids 6 makes 0.37 of the bytes of 7 and 10, on everything else
10 makes the least: 0.86 of level 7 on a woven cloth, 0.95 to 1.00 on scans and generated models.
A patch foretells which of 6 and 10 wins, in all of 17 meshes. Encoding all at three levels took 2.6
times as long and gained less than 0.5 % over that.
"""

from worker.glb.geometry.channels import Channel
from worker.glb.geometry.encode import Work, encode
from worker.glb.geometry.faces import compacted
from worker.glb.geometry.order import gathered
from worker.glb.options import Options, Preset

FOR_GRIDS, FOR_WIDE, FOR_VAST, FOR_LARGE, SMALLEST = 6, 7, 8, 9, 10
PATCH, LARGEST_PATCH = 1024, 4096
SHARE = 25  # of a large mesh: 1,024 triangles of a woven cloth looked like a grid
CLEARLY = 0.97
# At 100,000 triangles 9 takes 0.32 s where 8 takes 0.24, for 3 to 4 % of the geometry's bytes; 10
# takes another 5 % for 0.5 to 1 %, and viewers a fifth longer to decode.
LARGE = 50_000
# At 300,000 it takes 0.95 s where 8 takes 0.60, for 0.3 % of a textured file; but for 2.5 % where
# the textures are made as small as in `web`.
VAST = 200_000
WIDEST_BITS = 18
WIDEST = 1 << WIDEST_BITS


def encode_best(work: Work, options: Options) -> tuple[int, bytes]:
    """What is no larger than a patch is tried as a whole."""
    if len(work.faces) > PATCH or is_too_wide(work):
        level = level_for(work, options)
        return level, encode(gathered(work) if len(work.faces) >= LARGE else work, level)
    tried = {level: encode(work, level) for level in (SMALLEST, FOR_GRIDS)}
    return min(tried.items(), key=lambda item: len(item[1]))


def level_for(work: Work, options: Options) -> int:
    if is_too_wide(work):
        return FOR_WIDE
    patch = patch_of(work)
    if len(encode(patch, FOR_GRIDS)) < CLEARLY * len(encode(patch, SMALLEST)):
        return FOR_GRIDS
    if len(work.faces) < LARGE or options.tries_hard:
        return SMALLEST
    is_vast = len(work.faces) >= VAST and options.preset is not Preset.WEB
    return FOR_VAST if is_vast else FOR_LARGE


def is_too_wide(work: Work) -> bool:
    return any(is_wide(channel) for channel in work.channels)


def is_wide(channel: Channel) -> bool:
    """From level 9 on Draco counts how often each difference occurs: 11 GB at 32 bits."""
    if channel.bits > WIDEST_BITS:
        return True
    return channel.values.dtype.kind in "iu" and bool(channel.values.max(initial=0) > WIDEST)


def patch_of(work: Work) -> Work:
    """The first triangles with all that they have, on the same grid."""
    size = min(max(PATCH, len(work.faces) // SHARE), LARGEST_PATCH)
    vertices, faces = compacted(work.faces[:size], len(work.positions.values))
    if vertices is None:
        return work._replace(faces=faces)
    channels = (channel._replace(values=channel.values[vertices]) for channel in work.channels)
    return Work(faces, tuple(channels), work.grid)
