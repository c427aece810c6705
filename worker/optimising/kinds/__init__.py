"""Whether a file is what it claims to be.

By magic and size; a picture by decoding it; a GLB by parsing it.
What merely is bad style is no finding: such files are opened everywhere.
"""

from worker.optimising.kinds.check import check_file, prepare
from worker.optimising.kinds.sample import UnsoundError

__all__ = ["UnsoundError", "check_file", "prepare"]
