"""What a task makes: chosen when it is created, made only when somebody downloads it."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from worker.simulator.models import Model, make_model
from worker.simulator.rig import rigged

KEPT_MODELS = 4  # one of 500,000 triangles takes some 100 MB
MOST_TRIANGLES = 500_000
TEXTURE_SIZE = 256  # ten times faster to paint than 1024, which no test looks at

CONTENT_TYPES = {
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "obj": "model/obj",
    "mtl": "model/mtl",
    "stl": "model/stl",
    "usdz": "model/vnd.usdz+zip",
    "3mf": "model/3mf",
    "fbx": "application/octet-stream",
    "png": "image/png",
    "jpg": "image/jpeg",
}


@dataclass(frozen=True, slots=True)
class Product:
    seed: str
    triangles: int | None
    textured: bool
    pbr: bool = False
    formats: tuple[str, ...] = ("glb",)

    @property
    def maps(self) -> tuple[str, ...]:
        if not self.textured:
            return ()
        return ("base_color", "metallic", "roughness", "normal") if self.pbr else ("base_color",)

    def without(self, missing: str) -> "Product":
        formats = tuple(format_ for format_ in self.formats if format_ != missing)
        return Product(self.seed, self.triangles, self.textured, self.pbr, formats)


class Workshop:
    """Makes models in the threads of downloads, one at a time, and keeps the last few."""

    def __init__(self, texture_size: int = TEXTURE_SIZE) -> None:
        self._texture_size = texture_size
        self._lock = Lock()
        self._models: OrderedDict[tuple[str, int | None, bool, bool], Model] = OrderedDict()

    def file(self, product: Product, format_: str) -> bytes:
        with self._lock:
            return self._model(product).file(format_)

    def rig(self, product: Product, *, animated: bool) -> bytes:
        return rigged(self.file(product, "glb"), animated=animated)

    def texture(self, product: Product, role: str) -> bytes:
        with self._lock:
            return self._model(product).textures[role]

    def thumbnail(self, product: Product) -> bytes:
        with self._lock:
            return self._model(product).thumbnail

    def _model(self, product: Product) -> Model:
        triangles = None if product.triangles is None else min(product.triangles, MOST_TRIANGLES)
        key = (product.seed, triangles, product.textured, product.pbr)
        model = self._models.pop(key, None) or make_model(*key, texture_size=self._texture_size)
        self._models[key] = model
        while len(self._models) > KEPT_MODELS:
            self._models.popitem(last=False)
        return model
