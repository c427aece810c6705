from worker.simulator.tripo.dialect import Dialect
from worker.simulator.tripo.provider import Tripo

__all__ = ["Dialect", "Tripo"]
