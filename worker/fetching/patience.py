"""How long a fetch waits, in seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    connect: float = 10
    """For the name and the connection together, and for TLS once more."""
    stall: float = 30
    """Without a single byte."""
    total: float = 600
    """Redirects and resumptions included: it ends a download that trickles."""


PATIENCE = Patience()
# Where somebody typed the address: its server may be theirs, and a slot is held meanwhile.
TYPED = Patience(connect=5, stall=10, total=30)
