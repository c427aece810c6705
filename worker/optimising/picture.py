"""One picture of an order, in the child: what is sent of it to a provider."""

from pathlib import Path
from typing import Any

from worker.optimising.errand import Prepare
from worker.providers.failure import Failure
from worker.providers.images import prepare_picture


def prepare_file(errand: Prepare) -> dict[str, Any]:
    prepared = prepare_picture(Path(errand.source).read_bytes(), errand.index)
    if isinstance(prepared, Failure):
        return {"unsound": [prepared.detail]}
    Path(errand.target).write_bytes(prepared.data)
    return {"sound": {"content_type": prepared.content_type}}
