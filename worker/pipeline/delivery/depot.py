"""What a delivery needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from worker.database.engine import Engine
from worker.fetching import Fetcher
from worker.optimising.optimisers import Optimisers
from worker.pipeline.held import Served
from worker.storage.protocol import Storage


@dataclass(frozen=True, slots=True)
class Depot:
    engine: Engine
    served: Mapping[str, Served]
    storage: Storage
    fetcher: Fetcher
    optimisers: Optimisers
    bucket: str = "assets"
