"""The AI providers, behind one protocol. Nothing here knows the database.

protocol, order, outcome, failure   what the pipeline knows
meshy, tripo                        one pure mapping each: `mapping.Mapping`
client                              does their I/O: http, pace, streaming, batching
reconciliation, texts               what follows from a list; what users read
"""

from collections.abc import Callable
from typing import Any

from worker.providers.client import Client
from worker.providers.mapping import Mapping
from worker.providers.meshy import Meshy
from worker.providers.patience import PATIENCE, Patience
from worker.providers.protocol import Provider
from worker.providers.tripo import Tripo

PROVIDERS: dict[str, Callable[..., Mapping]] = {
    "MESHY": Meshy,
    "TRIPO": Tripo,
}


def open_provider(
    name: str,
    key: str,
    *,
    address: str | None = None,
    patience: Patience = PATIENCE,
    **options: Any,
) -> Provider:
    """`options` are those of the provider's mapping, such as `model`."""
    return Client(PROVIDERS[name](**options), key, address=address, patience=patience)
