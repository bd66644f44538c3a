"""Celery as the carrier of job ids. Its default transport is a folder, so that nothing has to be installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from circuits.errors import EnvironmentFailure

FILESYSTEM = "filesystem://"
RUN_JOB = "inferproof.run_job"
SEND_TIMEOUT_S = 5
# It is away, its folder is not writable, its transport is not installed (kombu without redis says AttributeError), or
# there is none by that name.
FAILURES = (OperationalError, OSError, ImportError, AttributeError, KeyError)
# The folder is polled; with kombu's own second a short job would mostly wait.
POLLING_INTERVAL_S = 0.05


def make_celery(broker_url: str) -> Celery:
    """The app of both sides, for `filesystem:///folder`, `redis://`, `amqp://`."""
    app = Celery("inferproof", set_as_current=False)
    app.conf.update(
        broker_url=broker_url,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_default_queue="cpu",
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
    )
    if broker_url.startswith(FILESYSTEM):
        app.conf.update(broker_url=FILESYSTEM, broker_transport_options=_folder_options(broker_url))
    return app


def _folder_options(broker_url: str) -> dict[str, Any]:
    folder = Path(broker_url.removeprefix(FILESYSTEM))
    messages, control = folder / "messages", folder / "control"
    try:
        for part in (messages, control):
            part.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFailure("broker_unusable", f"the queue folder cannot be made: {error}") from error
    return {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "polling_interval": POLLING_INTERVAL_S,
    }


class CeleryBroker:
    """Sends job ids. A lost message is made good by the sweep; so is one that could not be sent."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send(self, job_id: str, queue: str) -> None:
        try:
            self._app.send_task(RUN_JOB, args=[job_id], queue=queue, retry=False, expires=None)
        except FAILURES as error:
            raise EnvironmentFailure("broker_unusable", f"the broker takes no messages: {error}") from error

    def check(self) -> None:
        try:
            with self._app.connection_for_write(connect_timeout=SEND_TIMEOUT_S) as connection:
                connection.ensure_connection(max_retries=1, timeout=SEND_TIMEOUT_S)
                folder = connection.transport_options.get("data_folder_out")
            if folder is not None:
                probe = Path(folder).parent / ".probe"
                probe.touch()
                probe.unlink(missing_ok=True)
        except FAILURES as error:
            raise EnvironmentFailure("broker_unusable", f"the broker cannot be reached: {error}") from error
