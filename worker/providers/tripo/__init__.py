"""Tripo v3: text, image and several images to 3D, texture, convert, rig."""

from worker.providers.tripo.mapping import Tripo

__all__ = ["Tripo"]
