"""What a server counts, in Prometheus's terms; of several workers the sums, through the files of prometheus_client."""

import os
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from pipeline.serving.engine import Engine, Job, Reply

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # set before this module is imported, where there are several workers
SECONDS = tuple(round(0.005 * 1.25**step, 4) for step in range(42))  # to a minute; one is a quarter above the last


class Observer:
    """Counts of one server; names and labels as Prometheus's conventions have them."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.own = engine, CollectorRegistry()
        own: dict[str, Any] = {"registry": self.own}
        self.requests = Counter("serve_requests", "Requests by method and status", ["model", "status"], **own)
        self.seconds = Histogram(
            "serve_request_seconds", "Seconds to the whole answer", ["model"], buckets=SECONDS, **own
        )
        self.waits = Histogram("serve_queue_seconds", "Seconds until a batch began", buckets=SECONDS, **own)
        self.tokens = Counter("serve_tokens", "Tokens read and written", ["model", "kind"], **own)
        self.batches = Histogram("serve_batch_rows", "Rows of a batch", buckets=(1, 2, 4, 8, 16, 32, 64, 128), **own)
        self.mixed = Counter("serve_mixed_batches", "Batches with rows of several methods", **own)
        self.waiting = Gauge("serve_queue_length", "Requests that wait", multiprocess_mode="livesum", **own)
        engine.on_batch = self.batch

    def batch(self, jobs: list[Job]) -> None:
        self.batches.observe(len(jobs))
        self.waiting.set(len(self.engine.jobs))
        if len({job.method.name for job in jobs}) > 1:
            self.mixed.inc()

    def answered(self, model: str, reply: Reply) -> None:
        self.seconds.labels(model).observe(reply.seconds)
        self.waits.observe(reply.waited)
        self.tokens.labels(model, "prompt").inc(reply.prompt_tokens)
        self.tokens.labels(model, "completion").inc(reply.new_tokens)

    def ended(self, model: str, status: int) -> None:
        self.requests.labels(model, status).inc()
        self.waiting.set(len(self.engine.jobs))

    @property
    def registry(self) -> CollectorRegistry:
        """The counts of all workers."""
        if FOLDER not in os.environ:
            return self.own
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return registry

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self.registry)

    def percentiles(self) -> dict[str, dict[str, float]]:
        """Of each method its requests, and milliseconds that 50, 95 and 99 % of them were answered within."""
        buckets: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for family in self.registry.collect():
            for sample in family.samples:
                if sample.name == "serve_request_seconds_bucket":
                    buckets[sample.labels["model"]].append((float(sample.labels["le"]), sample.value))
        return {model: summary(sorted(found)) for model, found in buckets.items()}


def summary(buckets: list[tuple[float, float]]) -> dict[str, float]:
    """buckets: upper bounds in seconds, and how many requests were within each."""
    shown = {f"p{percent}_ms": round(1000 * quantile(buckets, percent / 100), 1) for percent in (50, 95, 99)}
    return {"requests": int(buckets[-1][1])} | shown


def quantile(buckets: Iterable[tuple[float, float]], share: float) -> float:
    """As Prometheus's histogram_quantile: a line between the bounds of the bucket."""
    found = [(0.0, 0.0), *buckets]
    rank = share * found[-1][1]
    for (lower, before), (upper, within) in pairwise(found):
        if within >= rank and within > before:
            return lower if upper == float("inf") else lower + (upper - lower) * (rank - before) / (within - before)
    return 0.0
