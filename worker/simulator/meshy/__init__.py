from worker.simulator.meshy.dialect import Dialect
from worker.simulator.meshy.provider import Meshy

__all__ = ["Dialect", "Meshy"]
