"""Streams a file from any address to disk: whole, within its limits, from public places only.

fetcher, outcome   what the pipeline knows
address, guard     where a request may go: by its text, and by what its name leads to
network, web       connections to checked addresses, requests over them
download           one file: redirects, answers, cut connections
head, part         what an answer says, and what of the file is here
"""

from worker.fetching.fetcher import Fetcher
from worker.fetching.outcome import Fetched, NotFetched, Reason

__all__ = ["Fetched", "Fetcher", "NotFetched", "Reason"]
