"""Structured logs: JSON lines in production, readable on a terminal.

Every line has an `action`. Prompts, secrets and signed links are never put into a line at all.
"""

import logging
import sys

import structlog

LEVEL = logging.INFO


def set_up_logs(*, level: int = LEVEL) -> None:
    renderer: structlog.typing.Processor
    if sys.stderr.isatty():
        # Without the values of variables: they hold prompts and keys.
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    else:
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    quieten_libraries()


def quieten_libraries() -> None:
    """These would write a line a job and a request, arguments and all."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    for name in ("procrastinate", "httpx", "httpcore", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # we say it once, it at each try
