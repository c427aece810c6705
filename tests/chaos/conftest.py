import pytest

from tests.chaos.haste import hurry


@pytest.fixture
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are short. A database follows with `shorten`."""
    hurry(monkeypatch)
