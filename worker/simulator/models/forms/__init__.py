"""What the simulator can draw. A form whose name the prompt mentions is taken, else the dice."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from worker.simulator.models.colour import palette
from worker.simulator.models.dice import Dice
from worker.simulator.models.forms.cactus import cactus
from worker.simulator.models.forms.creature import creature
from worker.simulator.models.forms.crystals import crystals
from worker.simulator.models.forms.fish import fish
from worker.simulator.models.forms.knot import knot
from worker.simulator.models.forms.mushrooms import mushrooms
from worker.simulator.models.forms.planet import planet
from worker.simulator.models.forms.pumpkin import pumpkin
from worker.simulator.models.forms.rocket import rocket
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.forms.shell import shell
from worker.simulator.models.forms.tree import tree
from worker.simulator.models.forms.vase import vase
from worker.simulator.models.part import Part


@dataclass(frozen=True)
class Form:
    words: frozenset[str]
    draw: Callable[[Scene], Sequence[Part]]
    bend: float = 0.12
    """How much the whole is bent out of its symmetry."""


def _form(words: str, draw: Callable[[Scene], Sequence[Part]], bend: float = 0.12) -> Form:
    return Form(frozenset(words.split()), draw, bend)


FORMS = (
    _form("vase pot jug pitcher amphora urn cup bottle bowl ceramic", vase, 0.05),
    _form("mushroom mushrooms toadstool fungus house hut", mushrooms),
    _form("pumpkin gourd fruit apple vegetable melon food", pumpkin, 0.1),
    _form(
        "creature monster dragon animal cat dog dinosaur toy character robot bear", creature, 0.06
    ),
    _form("fish whale shark dolphin koi", fish, 0.06),
    _form("cactus plant flower succulent", cactus),
    _form("tree bonsai forest oak bush", tree, 0.16),
    _form("crystal crystals rock stone gem boulder ore mineral treasure", crystals),
    _form("shell snail conch horn spiral seashell", shell, 0.05),
    _form("knot ring sculpture torus abstract jewel statue", knot, 0.04),
    _form("rocket spaceship ship car vehicle missile tower lamp weapon sword", rocket, 0.02),
    _form("planet moon world globe space sphere ball asteroid", planet, 0.03),
)


def drawn(seed: str) -> tuple[Form, Sequence[Part]]:
    dice = Dice(seed)
    asked = set(re.findall(r"[a-z]+", seed.lower()))
    form = next((form for form in FORMS if form.words & asked), dice.one_of(FORMS))
    return form, form.draw(Scene(dice, palette(dice)))
