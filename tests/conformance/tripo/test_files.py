import io
import re

import pytest
from PIL import Image

from tests.conformance.pictures import heavy_picture, picture
from tests.conformance.tripo.api import IMAGE, Tripo, data
from tests.conformance.tripo.orders import image
from tests.conformance.tripo.refusal import is_error

MEGABYTE = 1_000_000
TOO_LARGE = (2021, 2022)
TOKEN = re.compile(r"file_[0-9a-f-]{36}$")
PER_MINUTE = 10


def flat(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (width, height)).save(out, "PNG")
    return out.getvalue()


def refused_somewhere(tripo: Tripo, content: bytes, name: str = "front.png") -> bool:
    """Whether the upload or the create looks at a file is not said: both are tolerated."""
    answer = tripo.send(content, name)
    if answer.is_success:
        answer = tripo.create(IMAGE, image(data(answer)["file_token"]))
    return 400 <= answer.status_code < 500 and answer.json()["code"] != 0


def test_an_upload_gives_a_token(tripo: Tripo) -> None:
    """POST /files takes a form with `file` and answers with a token file_<uuid>."""
    assert TOKEN.match(data(tripo.send(picture()))["file_token"])


def test_each_upload_has_a_token_of_its_own(tripo: Tripo) -> None:
    """The same content twice makes two tokens."""
    assert tripo.upload(picture()) != tripo.upload(picture())


def test_a_token_may_be_used_again(tripo: Tripo) -> None:
    """One upload serves several tasks."""
    token = tripo.upload(picture())
    assert tripo.created(IMAGE, image(token)) != tripo.created(IMAGE, image(token))


def test_an_image_has_20_mb_at_most(tripo: Tripo) -> None:
    """An image of 19 MB is taken, one of 22 MB is refused for its size."""
    assert tripo.upload(heavy_picture(19 * MEGABYTE))
    assert is_error(tripo.send(heavy_picture(22 * MEGABYTE)), (400, 413), *TOO_LARGE)


@pytest.mark.parametrize("size", [(20, 20), (6000, 20)])
def test_an_image_at_the_limits_is_taken(tripo: Tripo, size: tuple[int, int]) -> None:
    """Sides from 20 to 6000 pixels are accepted."""
    assert tripo.created(IMAGE, image(tripo.upload(flat(*size))))


@pytest.mark.parametrize("size", [(19, 64), (64, 19), (6001, 64), (64, 6001)])
def test_an_image_beyond_the_limits_is_refused(tripo: Tripo, size: tuple[int, int]) -> None:
    """Smaller or larger sides are refused, by the upload or by the create."""
    assert refused_somewhere(tripo, flat(*size))


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"", "front.png"), (b"no image", "front.png"), (picture("GIF"), "front.gif")],
    ids=["empty", "words", "gif"],
)
def test_a_file_is_an_image_of_a_known_kind(tripo: Tripo, content: bytes, name: str) -> None:
    """An empty file, no image, or an image of another kind is refused."""
    assert refused_somewhere(tripo, content, name)


def test_an_empty_file_has_its_own_code(tripo: Tripo) -> None:
    """An empty upload is 2003 (its status is unconfirmed)."""
    assert is_error(tripo.send(b""), 400, 2003)


def test_the_form_needs_a_file(tripo: Tripo) -> None:
    """A form without `file`, or a JSON body, is 400."""
    other = tripo.http.post("/v3/files", files={"image": ("front.png", picture())})
    assert is_error(other, 400, 1003, 1004, 2019)
    assert is_error(tripo.http.post("/v3/files", json={}), 400, 1003, 1004, 2019)


def test_the_eleventh_upload_of_a_minute_is_too_many(tripo: Tripo) -> None:
    """Ten uploads a minute; then 429/1007 until the minute is over."""
    for _ in range(PER_MINUTE):
        assert tripo.upload(picture())
    assert is_error(tripo.send(picture()), 429, 1007)
    tripo.simulator.clock.advance(61)
    assert tripo.upload(picture())


def test_an_upload_costs_nothing(tripo: Tripo) -> None:
    """Files are free."""
    before = tripo.balance()
    tripo.upload(picture())
    assert tripo.balance() == before
