"""Several processes that answer on one address: each has the models in memory and a core of its own."""

import multiprocessing
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any

from pipeline.core.cores import available_cores

SMALL = 20_000_000  # parameters: a network of which one step of one request does not keep two cores busy


def choose_workers(parameters: int, device: str) -> int:
    """A worker for each core, at most four, for a small model on a CPU; else one that uses the whole device."""
    return min(4, available_cores()) if device == "cpu" and parameters <= SMALL else 1


def run_workers(count: int, target: Callable[..., None], *arguments: Any) -> int:
    """Run `target(ready, *arguments)` in `count` processes until SIGINT or SIGTERM; the exit code.

    A worker that ends is started again, but not one that ends before it has set `ready`: that would fail for ever.
    """
    context = multiprocessing.get_context("spawn")
    workers: list[tuple[Any, Any]] = []

    def start() -> None:
        ready = context.Event()
        process = context.Process(target=target, args=(ready, *arguments))
        process.start()
        workers.append((process, ready))

    def stop(*_: Any) -> None:
        stopping.append(True)
        for process, _ in workers:
            if process.is_alive():
                process.terminate()

    stopping: list[bool] = []
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, stop)
    for _ in range(count):
        start()
    while workers and not stopping:
        ended = wait([process.sentinel for process, _ in workers], timeout=1)
        for process, ready in [one for one in workers if one[0].sentinel in ended]:
            workers.remove((process, ready))
            if stopping:
                break
            if not ready.is_set():
                stop()
                return join(workers) or process.exitcode or 1
            process.join(10)  # until its exit code is known: its files are closed earlier
            print(f"a worker ended with exit code {process.exitcode} and is started again", file=sys.stderr)
            start()
    return join(workers)


def join(workers: list[tuple[Any, Any]]) -> int:
    """Wait for all workers; 0 where each ended as it was told to: uvicorn ends with the signal that it was sent."""
    for process, _ in workers:
        process.join()
    told = (0, -signal.SIGTERM, -signal.SIGINT)
    return max((abs(process.exitcode) for process, _ in workers if process.exitcode not in told), default=0)
