"""A small animal of no known kind."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from worker.simulator.models.colour import colour, darker, paler
from worker.simulator.models.forms.eyes import eye
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.paint import Paint
from worker.simulator.models.part import Part
from worker.simulator.models.patterns import bands, fading, patches, spots
from worker.simulator.models.solids import Vector, ball, lathe, tube


@dataclass(frozen=True)
class Build:
    belly: float
    tall: float
    head: float
    skin: Paint
    horn: Paint

    @property
    def neck(self) -> float:
        return self.tall + self.head * 0.62


def creature(scene: Scene) -> Sequence[Part]:
    build = _build(scene)
    return [
        _body(scene, build),
        ball(
            (0, build.neck, 0.06),
            build.head,
            build.skin,
            stretch=scene.dice.between(0.82, 1.0),
            roughness=scene.rough(0.05, 2.0),
        ),
        *_face(scene, build),
        *_legs(build),
        *_arms(scene, build),
        _tail(scene, build),
        *_crown(scene, build),
    ]


def _build(scene: Scene) -> Build:
    dice, colours = scene.dice, scene.colours
    pattern = dice.one_of((patches(2.4, 0.35), spots(8, 10), bands(6, 0.35), fading(0.1, 0.8)))
    over = dice.one_of((colours.second, paler(colours.main, 0.55), darker(colours.main, 0.4)))
    skin = Paint(colours.main, over, pattern, roughness=0.6, mottle=0.15, grain=8, step=0.15)
    horn = Paint(colours.light, colours.accent, fading(0.3, 0.9), roughness=0.4, mottle=0.2)
    return Build(
        dice.between(0.36, 0.5), dice.between(0.62, 0.85), dice.between(0.34, 0.46), skin, horn
    )


def _body(scene: Scene, build: Build) -> Part:
    tall, belly = build.tall, build.belly
    profile = [
        (0.0, 0.0),
        (0.02, belly * 0.5),
        (tall * 0.35, belly),
        (tall * 0.8, belly * 0.72),
        (tall * 1.1, belly * 0.45),
        (tall * 1.2, 0.0),
    ]
    return lathe(profile, build.skin, depth=1.0, width=0.92, roughness=scene.rough(0.05, 2.2))


def _face(scene: Scene, build: Build) -> list[Part]:
    head = build.head
    apart, size = scene.dice.between(0.36, 0.5), head * scene.dice.between(0.26, 0.36)
    eyes = [
        eye(
            (side * head * apart, build.neck + head * 0.2, 0.06 + head * 0.78),
            size,
            (side * 0.25, 0.1, 1.0),
        )
        for side in (-1, 1)
    ]
    muzzle = Paint(
        paler(build.skin.ground, 0.5), colour(0.35, 0.05, 20), fading(0.8, 1.0), roughness=0.5
    )
    nose = ball(
        (0, build.neck - head * 0.25, 0.06 + head * 0.82),
        head * 0.34,
        muzzle,
        stretch=0.8,
        axis=(0, 0.15, 1),
        depth=1.35,
    )
    return [*eyes, nose]


def _legs(build: Build) -> list[Part]:
    stance = build.belly * 0.55
    return [
        tube(
            [
                (side * stance, 0.16, 0),
                (side * stance * 1.1, -0.06, 0.02),
                (side * stance * 1.15, -0.14, 0.2),
            ],
            [0.15, 0.13, 0.12],
            build.skin,
            sideways=(1, 0, 0),
        )
        for side in (-1, 1)
    ]


def _arms(scene: Scene, build: Build) -> list[Part]:
    lift = scene.dice.between(-0.25, 0.3)
    shoulder, reach = build.tall * 0.78, build.belly
    return [
        tube(
            [
                (side * reach * 0.6, shoulder, 0.05),
                (side * (reach + 0.1), shoulder - 0.12 + lift * 0.4, 0.12),
                (side * (reach + 0.16), shoulder - 0.16 + lift, 0.3),
            ],
            [0.1, 0.085, 0.1],
            build.skin,
            sideways=(0, 1, 0.3),
        )
        for side in (-1, 1)
    ]


def _tail(scene: Scene, build: Build) -> Part:
    curl = scene.dice.between(-0.3, 0.35)
    points: list[Vector] = [
        (0, 0.16, -build.belly * 0.6),
        (curl * 0.3, 0.1, -build.belly - 0.2),
        (curl, 0.2, -build.belly - 0.42),
        (curl * 1.6, 0.5, -build.belly - 0.5),
    ]
    return tube(points, [0.16, 0.12, 0.08, 0.035], build.skin, sideways=(1, 0.1, 0))


def _crown(scene: Scene, build: Build) -> list[Part]:
    """Horns, ears, or a row of spines."""
    return scene.dice.one_of((_horns, _ears, _spines))(scene, build)


def _horns(scene: Scene, build: Build) -> list[Part]:
    head, out = build.head, scene.dice.between(0.1, 0.35)
    top = build.neck + head * 0.6
    return [
        tube(
            [
                (side * head * 0.4, top, 0),
                (side * (head * 0.55 + out * 0.7), top + 0.22, -0.02),
                (side * (head * 0.5 + out * 0.8), top + 0.45, -0.12),
            ],
            [0.1, 0.075, 0.025],
            build.horn,
        )
        for side in (-1, 1)
    ]


def _ears(scene: Scene, build: Build) -> list[Part]:
    head, long = build.head, scene.dice.between(1.2, 3.2)
    inner = Paint(
        build.skin.ground, paler(scene.colours.accent, 0.4), fading(0.3, 0.9), roughness=0.8
    )
    return [
        ball(
            (side * head * 0.62, build.neck + head * (0.7 + 0.18 * long), 0.0),
            head * 0.3,
            inner,
            stretch=long,
            axis=(side * 0.45, 1.0, -0.1),
            width=0.4,
        )
        for side in (-1, 1)
    ]


def _spines(scene: Scene, build: Build) -> list[Part]:
    count = scene.dice.whole(4, 6)
    return [_spine(build, step / (count - 1)) for step in range(count)]


def _spine(build: Build, part: float) -> Part:
    """From the forehead down the back."""
    angle = math.radians(75 + part * 150)
    middle = build.neck * 0.55
    out: Vector = (0.0, math.sin(angle), math.cos(angle))
    reach = middle + build.head * (0.8 - part * 0.6)
    at = (0.0, middle + out[1] * reach * 0.92, out[2] * reach * 0.8)
    return ball(at, 0.075, build.horn, stretch=2.4 - part, axis=out, depth=0.6)
