"""Input images on their way to a provider: guarded, upright, small, and without metadata."""

from worker.providers.failure import Failure, Kind
from worker.providers.images.guard import open_picture
from worker.providers.images.shape import encode
from worker.providers.order import Angle, Picture


def prepare_picture(data: bytes, index: int, angle: Angle | None = None) -> Picture | Failure:
    """What is sent of the order's image number `index`, or why it can't be.

    Call it in a process of its own: a lossless WebP of a thousand bytes takes 530 MiB and seconds
    of a core, and a file that Pillow's decoders were not written for may end the process.
    """
    try:
        opened = open_picture(data)
        if isinstance(opened, str):
            return _refused(index, opened)
        encoded = encode(opened, angle)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - Pillow raises whatever its parsers stumble over
        return _refused(index, f"can't be read ({_words(error)}); save it anew and send that.")
    return _refused(index, encoded) if isinstance(encoded, str) else encoded


def _refused(index: int, why: str) -> Failure:
    return Failure(Kind.INVALID_REQUEST, f"images[{index}]: {why}", code="image")


def _words(error: Exception) -> str:
    """Short and printable: a parser's message may quote the file."""
    text = "".join(letter for letter in str(error) if letter.isprintable())
    return text[:80] or type(error).__name__
