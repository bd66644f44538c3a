"""Prometheus metrics: what happened over HTTP in this process, and what the database says about all of them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from prover.service.domain.jobs import JobState
from prover.service.handlers.deps import Deps

WORKER_ALIVE_S = 15.0


class HttpMetrics:
    """Counts and times requests by route template, never by path."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route", "status")
        self._requests = Counter("inferproof_http_requests", "HTTP requests", labels, registry=registry)
        self._seconds = Histogram("inferproof_http_seconds", "HTTP request time", ("route",), registry=registry)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


class StateCollector(Collector):
    """Reads the database at every scrape, so that all processes' work is in it."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    def describe(self) -> list[Metric]:
        return []  # a registry asks before the database is there

    def collect(self) -> Iterator[Metric]:
        now = self._deps.clock()
        with self._deps.database.transaction() as work:
            counts = work.jobs.counts()
            waiting = work.jobs.with_state(JobState.QUEUED)
            alive = work.workers.alive(now - WORKER_ALIVE_S)
        jobs = GaugeMetricFamily("inferproof_jobs", "Jobs by kind and state", labels=["kind", "state"])
        for (kind, state), count in counts.items():
            jobs.add_metric([kind, state], count)
        yield jobs
        oldest = now - waiting[0].created_at if waiting else 0.0
        yield GaugeMetricFamily("inferproof_oldest_queued_seconds", "Age of the oldest queued job", value=oldest)
        yield GaugeMetricFamily("inferproof_workers_alive", "Workers seen lately", value=len(alive))
        yield from self._chain_metrics()

    def _chain_metrics(self) -> Iterator[Metric]:
        chain = self._deps.chain
        if chain is None:
            return
        with self._deps.database.transaction() as work:
            feed = work.feed(chain.chain_id, chain.hub_address)
            seen, read = feed.counts(), feed.blocks()
        requests = GaugeMetricFamily("inferproof_hub_requests", "Hub requests by decision", labels=["seen", "reason"])
        for (decision, reason), count in seen.items():
            requests.add_metric([decision, reason], count)
        yield requests
        last = read[0].number if read else chain.start_block - 1
        yield GaugeMetricFamily("inferproof_chain_block_read", "The last block whose log was read", value=last)
