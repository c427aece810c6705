"""What a form draws with."""

from dataclasses import dataclass

from worker.simulator.models.colour import Palette
from worker.simulator.models.dice import Dice
from worker.simulator.models.part import Roughness


@dataclass(frozen=True)
class Scene:
    dice: Dice
    colours: Palette

    def rough(self, depth: float, frequency: float, octaves: int = 3) -> Roughness:
        return Roughness(depth, frequency, self.dice.seed(), octaves)
