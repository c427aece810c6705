"""What a file may ask of us. Untrusted input is refused before it costs memory or time."""

MAX_FILE_BYTES = 1 << 30
# Parsed JSON takes up to 25 times its size: this bounds it to about 800 MB at the very worst.
MAX_JSON_BYTES = 32 << 20
MAX_CHUNKS = 64
MAX_ACCESSOR_BYTES = 1 << 28  # of one that has no bytes of its own: all zeros, or sparse
# A file may lay any number of accessors over the same bytes; what they describe together is work.
MAX_DESCRIBED_BYTES = 256 << 20
MAX_DESCRIBED_TIMES_FILE = 8
MAX_PIXELS = 1 << 26
