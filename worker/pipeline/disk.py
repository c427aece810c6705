"""This machine's own disk. What the network and the storages say comes as values, never so."""


def fault_of_disk(error: Exception) -> str | None:
    """What it says, also where tasks of a group ran into it; None where anything else is wrong."""
    if isinstance(error, ExceptionGroup):
        said = [fault_of_disk(each) for each in error.exceptions]
        return None if None in said else said[0]
    if isinstance(error, OSError) and error.errno is not None:  # a TimeoutError has none
        return f"this worker's disk: {error.strerror}"
    return None
