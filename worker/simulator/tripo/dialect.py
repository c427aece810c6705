"""What the sources leave open or contradict each other on: one switch each."""

from dataclasses import dataclass


@dataclass(slots=True)
class Dialect:
    bad_key_code: int = 1002
    """v2's code; the pages of v3 show 2, 1000 and 1001."""
    unknown_fields_refused: bool = True
    balance_includes_frozen: bool = False
    link_seconds: float = 300.0
    """The migration guide says 24 hours, the quick start 5 minutes."""
    token_seconds: float = 86_400.0
    usage_as_items: bool = False
    """The usage list as `{items: […]}`, which the vendor's SDK also reads."""
    gltf_as_glb: bool = True
    """A convert to GLTF gives one binary file; else JSON with everything inside."""
    flat_webhook_error: bool = False
    riggable: bool = True
    balance_low_at: float | None = None
    """Below it the event `balance.low` is sent, once each time it is crossed."""
    raw_triangles: int = 200_000
    """Of a model for which nobody set a limit."""
