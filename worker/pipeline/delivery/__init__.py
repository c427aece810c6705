"""The last stage: fetch what the provider made, check it, make it small, keep it, tell.

links      where the files lie now: links die, so each delivery asks for fresh ones
bringing   fetched, a few times if need be, and looked at: a haul, whole and sound or why not
model      the GLB: made smaller, or as it came
keeping    into the storage, under names that tell the content
result     what the database and the user are told
ending     how it may end, other than well
deliver    the steps in their order
"""

from worker.pipeline.delivery.deliver import deliver
from worker.pipeline.delivery.depot import Depot

__all__ = ["Depot", "deliver"]
