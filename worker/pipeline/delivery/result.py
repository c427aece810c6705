"""What the database is told of a delivery: rows, addresses, numbers."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.pipeline.delivery.haul import Haul
from worker.pipeline.delivery.keeping import Kept
from worker.pipeline.delivery.links import MODEL, Links

URL_COLUMNS = {
    "model": "mesh_url",
    "base_color": "texture_url",
    "metallic": "pbr_metallic_url",
    "roughness": "pbr_roughness_url",
    "normal": "pbr_normal_url",
    "emission": "pbr_emission_url",
    "thumbnail": "thumbnail_url",
}
# Of files that the provider keeps: Meshy says three days and means no minute more.
LINKS_LIVE = timedelta(days=3) - timedelta(hours=1)

Json = dict[str, Any]
Place = tuple[str, str, str, str]
"""Role, format, bucket, path."""


def row_of(file: Kept) -> Json:
    piece = file.piece
    return {
        "role": piece.role,
        "format": piece.format,
        "bucket": file.bucket,
        "path": file.key,
        "bytes": piece.bytes,
        "sha256": piece.sha256,
        "content_type": file.content_type,
        "triangles": piece.facts.get("triangles"),
        "width": piece.facts.get("width"),
        "height": piece.facts.get("height"),
    }


def report_of(haul: Haul, kept: Sequence[Kept]) -> Json:
    model = next(file.piece for file in kept if file.piece.name == MODEL)
    notes = dict(haul.notes)
    return {
        "bytes_before": notes.pop("bytes_before", model.bytes),
        "bytes_after": model.bytes,
        "triangles": model.facts.get("triangles"),
        "notes": notes,
    }


def urls_of(places: Iterable[Place], address: Callable[[str, str], str]) -> Json:
    """The first of a role is shown, and of models the GLB."""
    urls: Json = {}
    for role, format_, bucket, path in places:
        column = URL_COLUMNS.get(role)
        if column and (role != "model" or format_ == "glb"):
            urls.setdefault(column, address(bucket, path))
    return urls


def places_of(kept: Iterable[Kept]) -> list[Place]:
    return [(file.piece.role, file.piece.format, file.bucket, file.key) for file in kept]


def links_of(links: Links) -> list[Json]:
    """They die when the provider says so; where it does not, three days from now at the latest."""
    expires_at = links.facts.get("expires_at") or (datetime.now(UTC) + LINKS_LIVE).isoformat()
    return [
        {"role": link.role, "format": link.format, "url": link.url, "expires_at": expires_at}
        for link in links.links
    ]
