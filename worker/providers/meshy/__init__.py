"""Meshy: text, image and several images to 3D, refine, remesh, rig."""

from worker.providers.meshy.mapping import Meshy

__all__ = ["Meshy"]
