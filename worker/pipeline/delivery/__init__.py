"""The last stage: fetch what the provider made, check it, make it small, keep it, tell.

links      where the files lie now: links die, so each delivery asks for fresh ones
haul       fetched and sound, or why not
model      the GLB: made smaller, or as it came
keeping    into the storage, under names that tell the content
result     what the database and the user are told
deliver    the steps in their order
"""

from worker.pipeline.delivery.deliver import deliver
from worker.pipeline.delivery.depot import Depot

__all__ = ["Depot", "deliver"]
