"""The HTTP API."""

from prover.service.entrypoints.api.app import make_app

__all__ = ["make_app"]
