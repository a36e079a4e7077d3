"""Logging: one line of JSON per event on standard error, for hosts that have no setup of their own.

The library logs through structlog and configures nothing by itself: a host's own setup stays as it is.
"""

import io
import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Any, Final, TextIO, cast

import structlog

from liveexec.domain.secret import masked

__all__ = [
    "LEVELS",
    "SecretFilter",
    "configure_logging",
    "mask_secrets",
    "set_log_level",
    "set_up_logging",
    "traceback_of",
]

#: The names that configurations use.
LEVELS: Final = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
}


class _StandardError(io.TextIOBase):
    """Whatever standard error is when a line is written: hosts redirect and replace it."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def close(self) -> None:
        """Do nothing: standard error is not ours to close, nor to flush once the interpreter has let go of it."""


def configure_logging(level: str = "INFO") -> None:
    """Log events from a level on, with UTC time, as JSON lines on standard error.

    Raises:
        ValueError: there is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f"the log level must be one of {', '.join(LEVELS)}, not {level!r}")
    for handler in _handlers():
        # Libraries log through the standard library, and may write what they were given to connect with.
        if not any(isinstance(each, SecretFilter) for each in handler.filters):
            handler.addFilter(SecretFilter())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
            mask_secrets,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
        # Loggers that were used already must hear of another level.
        cache_logger_on_first_use=False,
    )


def _handlers() -> Iterator[logging.Handler]:
    """Every handler of the standard library's loggers, and the one that writes where no logger has any."""
    if logging.lastResort is not None:
        yield logging.lastResort
    for logger in (logging.root, *logging.root.manager.loggerDict.values()):
        # Names that only have loggers below them hold placeholders.
        yield from logger.handlers if isinstance(logger, logging.Logger) else ()


def set_up_logging(level: str) -> None:
    """:func:`configure_logging`, unless the host set structlog up before."""
    if not structlog.is_configured():
        configure_logging(level)


def set_log_level(level: str) -> None:
    """Log from another level on, where :func:`configure_logging` set logging up; a host's own setup stays as it is."""
    if structlog.is_configured() and mask_secrets in structlog.get_config()["processors"]:
        configure_logging(level)


def mask_secrets(_: Any, __: str, line: Any) -> str:
    """The last processor: no line leaves with a secret in it, wherever it came from."""
    return masked(str(line))


class SecretFilter(logging.Filter):
    """For any handler of the standard library: what it writes is without secrets, tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record's own text; nothing is held back."""
        record.msg, record.args = masked(record.getMessage()), None
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text, record.exc_info = masked(traceback_of(record.exc_info[1])), None
        return True


def traceback_of(error: BaseException) -> str:
    """Where a defect arose, as text to be logged: structlog's own rendering shows variables, which may be secrets."""
    return masked("".join(traceback.format_exception(error)))
