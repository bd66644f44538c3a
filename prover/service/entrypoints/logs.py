"""Lines on stderr, JSON unless another way is given, for our own logger and for every library's."""

from __future__ import annotations

import logging
import sys

import structlog

QUIET = ("celery", "kombu", "alembic", "uvicorn.access", "httpx", "urllib3", "web3", "amqp")


JSON_LINES: structlog.typing.Processor = structlog.processors.JSONRenderer()


def configure_logs(level: int = logging.INFO, render: structlog.typing.Processor = JSON_LINES) -> None:
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
