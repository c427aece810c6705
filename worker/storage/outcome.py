"""How a call of a storage ends. `why` is fit for an operator's eyes: it names no key or token."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Put:
    """The object lies there, whole."""

    created: bool
    """False: it lay there before, by an earlier attempt of ours."""


@dataclass(frozen=True, slots=True)
class Read:
    bytes: int


@dataclass(frozen=True, slots=True)
class Removed:
    """These objects do not exist (any more)."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    why: str


@dataclass(frozen=True, slots=True)
class TooLarge:
    """For whom asked; there is nothing wrong with the storage."""

    why: str


@dataclass(frozen=True, slots=True)
class StorageFull:
    """No room, or no money for more. Nothing is wrong with the file: the same call works later."""

    why: str


@dataclass(frozen=True, slots=True)
class StorageRefused:
    """The same call is refused again until somebody changes something; `why` says what."""

    why: str
    of_this_file: bool = False
    """Its size or type: others may be taken. Else a gateway on the way may have said it."""


@dataclass(frozen=True, slots=True)
class StorageUnreachable:
    """Tried several times and unknown how it ended. Repeating the call is safe."""

    why: str
