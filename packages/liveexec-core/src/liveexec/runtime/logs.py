"""Logging: one line of JSON per event on standard error, for hosts that have no setup of their own.

The library logs through structlog and configures nothing by itself: a host's own setup stays as it is.
"""

import logging
import sys
import traceback
from typing import Final

import structlog

__all__ = ["LEVELS", "configure_logging", "traceback_of"]

#: The names that configurations use.
LEVELS: Final = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
}


def configure_logging(level: str = "INFO") -> None:
    """Log events from a level on, with UTC time, as JSON lines on standard error.

    Raises:
        ValueError: there is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f"the log level must be one of {', '.join(LEVELS)}, not {level!r}")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def traceback_of(error: BaseException) -> str:
    """Where a defect arose, as text to be logged: structlog's own rendering shows variables, which may be secrets."""
    return "".join(traceback.format_exception(error))
