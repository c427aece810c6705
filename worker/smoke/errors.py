"""Where the walk ended, and the way out."""

from worker.errors import MeshqueueError


class SmokeError(MeshqueueError):
    """The step that failed, why, and what to do; nothing after it was tried."""

    def __init__(self, step: str, why: str, way_out: str) -> None:
        super().__init__(f"{step}: {why.rstrip('.')}. {way_out}")
