"""Unpacks what a server compressed without being asked to, a bounded piece at a time."""

import zlib
from collections.abc import Iterator
from typing import Protocol

# httpx unpacks a chunk as a whole: 64 KiB of a bomb become 64 MiB at once.
PIECE = 64 * 1024
_EITHER_FORMAT = zlib.MAX_WBITS + 32  # gzip or zlib: the header tells


class PackingError(Exception):
    """Stays within this package."""


class Unpacking(Protocol):
    @property
    def finished(self) -> bool: ...

    def pieces(self, data: bytes) -> Iterator[bytes]: ...


class AsItIs:
    finished = True

    def pieces(self, data: bytes) -> Iterator[bytes]:
        yield data


class Inflating:
    def __init__(self) -> None:
        self._member = zlib.decompressobj(_EITHER_FORMAT)

    @property
    def finished(self) -> bool:
        return self._member.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:  # gzip may consist of several
                self._member = zlib.decompressobj(_EITHER_FORMAT)
            yield self._inflated(data)
            data = self._member.unconsumed_tail or self._member.unused_data

    def _inflated(self, data: bytes) -> bytes:
        try:
            return self._member.decompress(data, PIECE)
        except zlib.error as error:
            raise PackingError from error


def unpacking(coding: str) -> Unpacking | None:
    if not coding:
        return AsItIs()
    return Inflating() if coding in ("gzip", "x-gzip", "deflate") else None
