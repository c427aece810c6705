"""`make soak`: proves that nothing is lost and nothing paid twice, whatever goes wrong.

Some workers, 50 users, both simulated providers and an embedded Postgres; workers are killed,
Postgres restarts and crashes, connections are cut and swallowed, providers fail in every way that
is known. Then all is let be, what is left is worked off, and both sides' books are compared.

Delays of upkeep are shortened, so that a minute means something: a lease lasts 4 s (30 in
production), a provider works for a second (a minute), a lost request is given up on after 2 s (60).
The seed repeats the users' wishes and the disturbances, not what meets what.
"""

import argparse
import asyncio
import logging
import secrets
import sys
from pathlib import Path

from rich.console import Console

from tests.soak.soaking import Soak, soak
from tests.soak.table import show


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make soak ARGS=…",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=300, help="of disturbances (300)")
    parser.add_argument("--workers", type=int, default=3, help="processes at once (3)")
    parser.add_argument("--users", type=int, default=50, help="at once (50)")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run, to repeat it")
    parser.add_argument("--table", type=Path, help="a file to write the table into as well")
    parser.add_argument("--log", type=Path, help="a file for what the workers log")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    for name in ("uvicorn.error", "psycopg"):  # which report what we do to them
        logging.getLogger(name).setLevel(logging.CRITICAL)
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    console = Console(soft_wrap=True)
    plan = Soak(seed, asked.seconds, asked.workers, asked.users, log=asked.log)
    report = asyncio.run(soak(plan, console.print))
    show(report, console)
    if asked.table:
        with asked.table.open("w") as file:
            show(report, Console(file=file, width=110))
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
