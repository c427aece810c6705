"""What was uploaded lately is not uploaded again."""

from worker.providers.call import Answer, Call, File
from worker.providers.uploads import FRESH_SECONDS, MOST, Uploads


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def upload(data: bytes) -> Call:
    return Call("POST", "/v3/files", file=File("front.jpg", "image/jpeg", data))


def test_kept_for_a_while() -> None:
    """A token outlives a wait for a slot, but not the provider's memory."""
    clock = Clock()
    uploads = Uploads(clock)
    uploads.keep(upload(b"a"), Answer(200))
    clock.now += FRESH_SECONDS - 1
    assert uploads.find(upload(b"a")) == Answer(200)
    assert uploads.find(upload(b"b")) is None
    clock.now += 1
    assert uploads.find(upload(b"a")) is None


def test_memory_is_bounded() -> None:
    """The oldest is forgotten first."""
    uploads = Uploads()
    for number in range(MOST + 1):
        uploads.keep(upload(str(number).encode()), Answer(200))
    assert uploads.find(upload(b"0")) is None
    assert uploads.find(upload(b"1")) == Answer(200)


def test_calls_without_a_file_are_not_kept() -> None:
    """Only uploads are."""
    uploads = Uploads()
    uploads.keep(Call("GET", "/"), Answer(200))
    assert uploads.find(Call("GET", "/")) is None
