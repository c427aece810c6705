"""Textures: each image by what the materials read from it, and never larger than it was."""

from worker.glb.document import Document
from worker.glb.options import Options
from worker.glb.textures.choice import aim
from worker.glb.textures.job import TextureJob, TextureResult, Written
from worker.glb.textures.once import Once
from worker.glb.textures.roles import roles
from worker.glb.textures.source import read_source

__all__ = ["TextureJob", "TextureResult", "plan_textures"]


def plan_textures(document: Document, options: Options) -> list[TextureJob]:
    """One job an image, also for those that stay as they are: the report tells why."""
    once = Once[Written | None]()
    jobs = []
    for index, role in roles(document).items():
        source = read_source(document, index)
        name = str(document.item("images", index).get("name", ""))
        jobs.append(TextureJob(index, name, source, role, aim(source, role, options), once))
    return jobs
