from worker.errors import MeshqueueError


class SimulatorError(MeshqueueError):
    """The simulator was asked for something that it can't do; the text says what it can."""
