"""Textures: each image by what the materials read from it, and never larger than it was."""

from worker.glb.document import Document
from worker.glb.limits import MAX_PIXELS_OF_FILE
from worker.glb.options import Options
from worker.glb.textures.choice import Aim, aim, may_declare_webp
from worker.glb.textures.encoding import Written
from worker.glb.textures.job import TextureJob, TextureResult
from worker.glb.textures.once import Once
from worker.glb.textures.roles import roles
from worker.glb.textures.source import read_sources

__all__ = ["TextureJob", "TextureResult", "plan_textures"]

TOO_MUCH = Aim(why_not="the file has more pixels than are worked on in one go")


def plan_textures(document: Document, options: Options) -> list[TextureJob]:
    """One job an image, also for those that stay as they are: the report tells why."""
    once = Once[Written | None]()
    may_declare = may_declare_webp(options)
    left = MAX_PIXELS_OF_FILE
    jobs = []
    for (index, role), source in zip(roles(document).items(), read_sources(document), strict=True):
        wanted = aim(source, role, options)
        left -= source.pixels if wanted.ways else 0
        name = str(document.item("images", index).get("name", ""))
        wanted = wanted if left >= 0 else TOO_MUCH
        jobs.append(TextureJob(index, name, source, role, wanted, once, may_declare))
    return jobs
