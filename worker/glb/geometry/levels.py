"""Which of Draco's levels are tried. They are not monotone: 7 is up to 3.4 times 6 on grids.

Bytes at 14/10/12 bits, as a share of level 7: best of 6, 7 and 10 is 0.86 on a woven cloth, 0.97 on
300,000 triangles of a scan, 1.00 on 10,000. Beyond 50,000 triangles trying all takes too long.
"""

from worker.glb.options import Options

BALANCED, SMALLEST, FOR_GRIDS = 7, 10, 6
QUICK_BELOW = 50_000


def levels_for(triangles: int, options: Options) -> tuple[int, ...]:
    if triangles < QUICK_BELOW or options.tries_hard:
        return (BALANCED, SMALLEST, FOR_GRIDS)
    return (BALANCED,)
