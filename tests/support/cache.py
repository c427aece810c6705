"""What one run of the tests leaves for the next, so that it starts within seconds."""

from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def cache_folder(*parts: str) -> Path:
    folder = CHECKOUT.joinpath(".cache", *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
