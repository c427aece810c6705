"""Cross-sections that are not round."""

import numpy as np

from worker.simulator.models.arrays import Floats
from worker.simulator.models.part import TURN, Section


def ribbed(count: int, depth: float) -> Section:
    """Bulging ribs with sharp valleys between them, as a pumpkin's."""

    def section(along: Floats, turn: Floats) -> Floats:
        made: Floats = 1 - depth * (1 - np.abs(np.sin(TURN / 2 * count * turn))) + 0 * along
        return made

    return section


def fluted(count: int, depth: float, twist: float = 0.0) -> Section:
    def section(along: Floats, turn: Floats) -> Floats:
        made: Floats = 1 + depth * np.cos(TURN * count * (turn + twist * along))
        return made

    return section


def superformula(lobes: int, sharpness: float, twist: float = 0.0) -> Section:
    """Gielis' formula: stars, clovers and rounded polygons. Never nearer than 0.35."""

    def section(along: Floats, turn: Floats) -> Floats:
        angle = TURN * (turn + twist * along) * lobes / 4
        reach = np.abs(np.cos(angle)) ** sharpness + np.abs(np.sin(angle)) ** sharpness
        return np.maximum(reach ** (-1 / sharpness), 0.35)

    return section


def polygon(sides: int, rounding: float = 0.1) -> Section:
    """Flat sides; the corners a little rounded off."""

    def section(along: Floats, turn: Floats) -> Floats:
        part = (turn * sides) % 1 - 0.5
        edge = np.cos(np.pi / sides) / np.cos(part * TURN / sides)
        made: Floats = edge * (1 - rounding) + rounding + 0 * along
        return made

    return section
