"""What an operator's command can't do; each text says what to do instead."""

from worker.errors import MeshqueueError


class OperatingError(MeshqueueError):
    """The database can't be asked, or refuses; or the reference names nothing, or too much."""
