"""Models as the providers would make them: drawn by the dice of a seed, with no network."""

from worker.simulator.models.model import Model, make_model

__all__ = ["Model", "make_model"]
