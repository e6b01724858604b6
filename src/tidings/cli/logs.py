"""Where do log lines go, and what do they look like?

People at a terminal get readable lines, and the JSON lines go to a file in the data directory. Otherwise stderr gets
the JSON lines, one object each. Values whose names say that they are secret are masked, whoever logs them.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

import orjson
import structlog

FILE_SIZE, FILES_KEPT = 10 * 1024 * 1024, 3
MASK = "********"
_SECRET = ("secret", "password", "token", "authorization", "private_key", "signature_key")

Line = MutableMapping[str, Any]


class LogFormat(StrEnum):
    """`auto` is text on a terminal and JSON elsewhere."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


@contextmanager
def log_lines(level: str, chosen: LogFormat, file: Path, stream: TextIO | None = None) -> Iterator[Path | None]:
    """Send the log lines of this process, its libraries' warnings among them, where they belong.

    The value is `file` when the JSON lines go there. `stream` is stderr unless given.
    """
    stream = stream or sys.stderr
    as_text = chosen is LogFormat.TEXT or (chosen is LogFormat.AUTO and stream.isatty())
    handler = _rotating(file) if as_text else None
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
    ]
    if handler is not None:
        processors += [_kept_by(handler), structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    else:
        processors += [as_json]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_FromLibraries()], level=logging.WARNING, force=True)
    try:
        yield file if as_text else None
    finally:
        if handler is not None:
            handler.close()


def mask_secrets(logger: object, method: str, line: Line) -> Line:
    """Masks every value whose name tells that it is secret, at any depth."""
    return {name: _masked(name, value) for name, value in line.items()}


def as_json(logger: object, method: str, line: Line) -> str:
    """One line as JSON: an exception as its traceback, what JSON does not know as text."""
    formatted = structlog.processors.format_exc_info(logger, method, dict(line))
    return orjson.dumps(formatted, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()


def _masked(name: str, value: Any) -> Any:
    plain = name.lower().replace(".", "_").replace("-", "_")
    if value is not None and any(word in plain for word in _SECRET):
        return MASK
    if isinstance(value, dict):
        return {str(inner): _masked(str(inner), each) for inner, each in value.items()}
    return value


def _rotating(file: Path) -> logging.Handler:
    file.parent.mkdir(parents=True, exist_ok=True)
    return logging.handlers.RotatingFileHandler(file, maxBytes=FILE_SIZE, backupCount=FILES_KEPT, encoding="utf-8")


def _kept_by(handler: logging.Handler) -> Callable[[object, str, Line], Line]:
    keeper = logging.Logger("kept")
    keeper.addHandler(handler)

    def keep(logger: object, method: str, line: Line) -> Line:
        keeper.info("%s", as_json(logger, method, line))
        return line

    return keep


class _FromLibraries(logging.Handler):
    """What libraries log, as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno,
            record.getMessage(),
            logger=record.name,
            **({"exc_info": record.exc_info} if record.exc_info else {}),
        )
