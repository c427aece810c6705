"""What a file may ask of us. Untrusted input is refused before it costs memory or time."""

MAX_FILE_BYTES = 1 << 30
# Parsed JSON takes up to 25 times its size: this bounds it to about 800 MB at the very worst.
MAX_JSON_BYTES = 32 << 20
MAX_CHUNKS = 64
# A file may lay any number of accessors over the same bytes, or have accessors without any; what
# they describe together is work.
MAX_DESCRIBED_BYTES = 256 << 20
MAX_DESCRIBED_TIMES_FILE = 8
# Primitives may share their vertices in any number, and each is work of its own: at 16 MB a second.
MAX_GEOMETRY_BYTES = 256 << 20
MAX_GEOMETRY_TIMES_FILE = 2  # what a file without sharing takes at most
MAX_PIXELS = 1 << 26
MAX_PIXELS_OF_FILE = 1 << 28  # 16 maps of 4096 px, or a minute of packing them without loss
