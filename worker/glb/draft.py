"""The document that is being changed: new bytes by buffer view, and the extensions it needs."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.extensions import Use


@dataclass(slots=True)
class Draft:
    document: Document
    attached: dict[int, Use]  # by the identity of the payload
    unknown: list[str]  # extensions that may mean any index: none is renumbered or dropped
    contents: dict[int, bytes] = field(default_factory=dict)  # of new and of replaced views
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, document: Document, uses: Iterable[Use], unknown: list[str]) -> "Draft":
        return cls(document, {id(use.payload): use for use in uses}, unknown)

    @property
    def uses(self) -> list[Use]:
        return list(self.attached.values())

    @property
    def frozen(self) -> bool:
        return bool(self.unknown)

    def add_view(self, content: bytes) -> int:
        """Equal contents share a view only where the caller asks for the same number."""
        views = self.document.root.setdefault("bufferViews", [])
        views.append({"buffer": 0, "byteLength": len(content)})
        self.contents[len(views) - 1] = content
        return len(views) - 1

    def replace_view(self, index: int, content: bytes) -> None:
        view = self.document.item("bufferViews", index)
        view["byteLength"] = len(content)
        self.contents[index] = content

    def attach(self, owner: Json, name: str, payload: Json) -> None:
        owner.setdefault("extensions", {})[name] = payload
        self.attached[id(payload)] = Use(name, payload)

    def detach(self, owner: Json, name: str) -> None:
        del self.attached[id(owner["extensions"].pop(name))]
        if not owner["extensions"]:
            del owner["extensions"]

    def require(self, name: str) -> None:
        for key in ("extensionsUsed", "extensionsRequired"):
            names = self.document.root.setdefault(key, [])
            if name not in names:
                names.append(name)

    def forget(self, name: str) -> None:
        for key in ("extensionsUsed", "extensionsRequired"):
            names = [other for other in self.document.root.get(key, []) if other != name]
            if names:
                self.document.root[key] = names
            else:
                self.document.root.pop(key, None)
