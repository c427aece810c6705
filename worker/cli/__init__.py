"""The `meshqueue` command. What lies beside this file is a subcommand: its function of that name.

Only the module of the command that was asked for is imported: all of them take 0.6 s. And typer
brings pydantic, which takes longer to import than numpy and Draco do; so the quick commands, which
are run over many small files, take their arguments as they are and parse them with argparse.
"""

import gc
import os
import sys
from importlib import import_module
from typing import NoReturn

from worker.errors import MeshqueueError, UnreachableError

EXIT_UNREACHABLE = 1
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130  # as a shell reports it
QUICK = ("inspect", "optimize")


def main() -> None:
    try:
        command, *arguments = sys.argv[1:] or [""]
        if command in QUICK:
            start_quickly()
            getattr(import_module(f"{__name__}.{command}"), command)(arguments)
            leave_quickly()
        else:
            import_module(f"{__name__}._app").build_app()()
    except MeshqueueError as error:
        say_error(str(error))
        unreachable = isinstance(error, UnreachableError)
        raise SystemExit(EXIT_UNREACHABLE if unreachable else EXIT_ERROR) from None
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None


def start_quickly() -> None:
    """Start-up is most of a small file's time. This takes a seventh of it away, measured.

    numpy's algebra would start threads that nothing here uses, and collecting cycles finds none
    among what imports leave behind.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(100_000, 50, 100)


def leave_quickly() -> NoReturn:
    """Taking numpy down takes a tenth of a small file's time, and gives nothing back.

    Threads, bars and files are done with by now. Only what was printed may still be on its way.
    """
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):  # none where the caller closed it
            stream.flush()
    except OSError as error:
        say_error(f"standard output: can't be written: {error.strerror}.")
        os._exit(EXIT_ERROR)
    os._exit(0)


def say_error(text: str) -> None:
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    red, plain = ("\033[31m", "\033[0m") if coloured else ("", "")
    sys.stderr.write(f"{red}error: {text}{plain}\n")
