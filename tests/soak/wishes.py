"""What users ask for: texts and pictures, refined, remeshed, in further formats, of both providers.

No two wishes are alike, so that no task at a provider can be taken for another's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from random import Random
from typing import Any
from uuid import UUID

from PIL import Image

Json = dict[str, Any]
Keep = Callable[[str, bytes], None]
FORMATS = ("fbx", "obj", "stl", "usdz")
SIDE = 64


@dataclass
class Wisher:
    """`keep` puts a picture where its user's pictures lie."""

    user: UUID
    dice: Random
    keep: Keep
    made: int = 0

    def wish(self) -> Json:
        self.made += 1
        chance = self.dice.random
        tripo = chance() < 0.2
        wish: Json = {"provider": "TRIPO" if tripo else "MESHY", "refine": chance() < 0.35}
        wish |= self._subject(tripo)
        if wish["refine"]:
            wish["refine"] = {"enable_pbr": chance() < 0.5}
        if chance() < 0.3:
            wish["remesh"] = self._remesh()
        if chance() < 0.1:
            wish["requires_rig"] = True
        return wish | self._keeping(tripo)

    def _subject(self, tripo: bool) -> Json:  # noqa: FBT001 - which of two
        name = f"a lamp, {self.user} {self.made}"
        if self.dice.random() < 0.75:
            return {"prompt": name}
        image = {"path": self._picture(), **({"angle": "front"} if tripo else {})}
        return {"images": [image], "prompt": name}

    def _picture(self) -> str:
        path = f"{self.user}/{self.made}.png"
        noise = Image.frombytes("RGB", (SIDE, SIDE), self.dice.randbytes(SIDE * SIDE * 3))
        noise.save(data := BytesIO(), "PNG")
        self.keep(path, data.getvalue())
        return path

    def _remesh(self) -> Json:
        formats = self.dice.sample(FORMATS, self.dice.randint(0, 2))
        return {"enabled": True, "target_polycount": 1000, "target_formats": formats}

    def _keeping(self, tripo: bool) -> Json:  # noqa: FBT001 - as above
        """Tripo's links die too soon to be given away."""
        if not tripo and self.dice.random() < 0.75:
            return {"store_assets": False}
        return {"public": True} if self.dice.random() < 0.15 else {}
