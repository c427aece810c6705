"""What the sources leave open or contradict each other on: one switch each."""

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Dialect:
    create_status: int = 202
    latest: str = "meshy-7.1"
    prompt_limit: int = 600
    retry_after: bool = True
    request_id: bool = True
    queue_full: Literal["NoMoreConcurrentTasks", "NoMorePendingTasks"] = "NoMoreConcurrentTasks"
    cancel_refused_status: int = 409
    delete_by_any_resource: bool = True
    null_task_error: bool = False
    """`task_error: null` on success everywhere; remesh does so anyway."""
    textures_as_object: bool = False
    preview_base_color: bool = False
    fresh_links: bool = False
    """A GET signs new links; else the links stay the same until the task expires."""
    newest_first: bool = True
    webhook_secret_header: str = "x-meshy-api-webhook-secret-key"  # noqa: S105 - a name
    lowpoly_retired: bool = False
    seed_accepted: bool = True
    raw_triangles: int = 583_000
    """Of a model that nobody asked to remesh."""
