"""What to try with an image: by preset, by what the materials read from it, by what it is now."""

from dataclasses import dataclass, replace

from worker.glb.limits import MAX_PIXELS
from worker.glb.options import Options, Preset
from worker.glb.picture_size import Size
from worker.glb.textures.encoding import (
    JPEG_AGAIN,
    PNG_AGAIN,
    WEBP_AGAIN,
    WEBP_LOSSLESS,
    Encoding,
)
from worker.glb.textures.roles import Content, Role
from worker.glb.textures.source import JPEG, PNG, READABLE, WEBP, Source

WEBP_EXTENSION = "EXT_texture_webp"
LOSSY = {
    # The very bytes that gltf-transform's optimize makes by default, hence no worse in any map.
    # Rejected: method 2 (a third of the time, but up to 0.4 dB less), method 6 (-2 % of the bytes
    # and up to 0.6 dB less for twice the time, with alpha for 20 times), quality 82 (+0.2 dB for
    # +4 to +20 %).
    Preset.WEB: Encoding(WEBP, quality=80, method=4),
    Preset.SMALL: Encoding(WEBP, quality=70, method=4),
}
# The largest side. 4096 is the most that Roblox takes.
LARGEST_SIDE = {Preset.WEB: 2048, Preset.SMALL: 1024, Preset.PLAIN: 4096}
LARGEST_SIDE_OF_WEBP = (1 << 14) - 1
JPEG_IN_PLACE_OF_WEBP = {Preset.WEB: 80, Preset.SMALL: 70}
# A PNG is never packed again as PNG: level 9 saves 2 to 14 % of it for seconds a picture.
LEAST_GAIN_LOSSLESS = 0.97
LEAST_GAIN_LOSSY = 0.9
# Lossy WebP and half-sampled JPEG blur channels into each other, which colour bears and data does
# not: busy normal and roughness maps fall to 21 dB at any quality. They get a JPEG of full colour,
# at a third of the bytes of a lossless map.
LEAST_LIKENESS = 30.0
CAREFUL = Encoding(JPEG, quality=85)


@dataclass(frozen=True, slots=True)
class Aim:
    """`ways` are tried in order; the smallest wins. None: there is nothing to try."""

    ways: tuple[Encoding, ...] = ()
    side: int | None = None  # scale down to this
    forced: bool = False  # replaces the image even where it grows
    is_data: bool = False
    drops_alpha: bool = False  # where that stands in the way: nobody reads it
    why_not: str = ""


def aim(source: Source, role: Role, options: Options) -> Aim:
    reason = why_untouchable(source, role)
    if reason:
        return Aim(why_not=reason)
    side = side_wanted(source, role, options)
    refused = source.mime == WEBP and options.preset is Preset.PLAIN
    ways = ways_to_try(source, role, options, again=bool(side) or refused)
    return Aim(
        ways,
        side,
        forced=bool(side) or refused,
        is_data=is_data(role),
        drops_alpha=not role.reads_alpha,
        why_not="" if ways else why_kept(source, role),
    )


def why_untouchable(source: Source, role: Role) -> str:
    if source.data is None:
        return source.uri or "it has no bytes"
    if role.is_unused:
        return "no texture uses it"
    if source.mime not in READABLE:
        return f"{source.mime or 'its format'} is passed through"
    if not source.size or not source.pixels:
        return "its header can't be read"
    if source.pixels > MAX_PIXELS:
        return too_many_pixels(source.size)
    return "animated" if source.is_animated else ""


def too_many_pixels(size: Size) -> str:
    width, height = size
    return f"{width} x {height} is over the limit of {MAX_PIXELS} pixels"


def why_kept(source: Source, role: Role) -> str:
    if source.is_deep:
        return "16 bits a channel fit into no smaller format"
    if role.is_fallback:
        return "for viewers without the format that its texture prefers"
    if source.mime != PNG:
        return "already compressed"
    if longer_side(source) > LARGEST_SIDE_OF_WEBP:
        return f"no WebP has more than {LARGEST_SIDE_OF_WEBP} pixels a side"
    return "only WebP would be smaller"


def side_wanted(source: Source, role: Role, options: Options) -> int | None:
    side = options.max_texture or LARGEST_SIDE.get(options.preset)
    if side is None or role.content is Content.EXACT or longer_side(source) <= side:
        return None
    return side


def longer_side(source: Source) -> int:
    return max(source.size or (0,))


def ways_to_try(
    source: Source, role: Role, options: Options, *, again: bool
) -> tuple[Encoding, ...]:
    if options.preset in LOSSY and role.content not in (Content.MIXED, Content.EXACT):
        return lossy_ways(source, role, options, again=again)
    if source.is_lossless and webp_wanted(source, role, options) and (again or not source.is_deep):
        return (WEBP_LOSSLESS,) if again or source.mime == PNG else ()
    return same_kind(source, role, options) if again else ()


def lossy_ways(
    source: Source, role: Role, options: Options, *, again: bool
) -> tuple[Encoding, ...]:
    if source.mime == WEBP and not source.is_lossless and not again:
        return ()  # a second loss would be paid for a few bytes
    if not webp_wanted(source, role, options):
        quality = JPEG_IN_PLACE_OF_WEBP[options.preset]
        return (Encoding(JPEG, quality=quality, halves_color=not is_data(role)), PNG_AGAIN)
    way = replace(LOSSY[options.preset], keeps_hidden_color=role.hides_data)
    return (way, WEBP_LOSSLESS) if source.is_lossless else (way,)


def same_kind(source: Source, role: Role, options: Options) -> tuple[Encoding, ...]:
    if source.mime == WEBP and options.preset is not Preset.PLAIN:
        return (WEBP_LOSSLESS if source.is_lossless else WEBP_AGAIN,)
    if source.is_lossless or role.content in (Content.MIXED, Content.EXACT):
        return (PNG_AGAIN,)
    return (JPEG_AGAIN, PNG_AGAIN)


def webp_wanted(source: Source, role: Role, options: Options) -> bool:
    side = side_wanted(source, role, options) or longer_side(source)
    fits = side <= LARGEST_SIDE_OF_WEBP
    return fits and may_declare_webp(options) and not role.is_fallback


def may_declare_webp(options: Options) -> bool:
    core_only = options.preset in (Preset.SAFE, Preset.PLAIN)
    return not core_only and WEBP_EXTENSION not in options.without


def is_data(role: Role) -> bool:
    """In its colours, that is. What only alpha holds no format loses."""
    return role.content in (Content.SCALARS, Content.VECTOR)
