"""Seconds and peak memory of each phase of a stage: load, train, validation, generation."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any


class ResourceMonitor:
    """Seconds and peak memory by phase. A phase inside another pauses the outer one, so no second counts twice.

    Memory is in bytes above what the process held when the monitor was made: resident set on a CPU, sampled every
    20 ms; the allocator's own peak on CUDA.
    """

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()
        self._baseline = self._process.memory_info().rss
        self._phases: list[str] = []
        self._since = 0.0
        self.seconds: dict[str, float] = {}
        self.peak_bytes: dict[str, int] = {}
        threading.Thread(target=self._sample, daemon=True).start()

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what happens inside towards `name`."""
        self._close_interval()
        self._phases.append(name)
        try:
            yield
        finally:
            self._close_interval()
            self._phases.pop()

    def elapsed(self, name: str) -> float:
        """Seconds of a phase until now, whether it is running or not."""
        running = bool(self._phases) and self._phases[-1] == name
        return self.seconds.get(name, 0.0) + (time.perf_counter() - self._since if running else 0.0)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"seconds": self.seconds, "peak_bytes": self.peak_bytes}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint's `state`; loading counts for this process alone."""
        self.seconds |= {name: value for name, value in state["seconds"].items() if name != "load"}
        self.peak_bytes |= {name: value for name, value in state["peak_bytes"].items() if name != "load"}

    def _close_interval(self) -> None:
        """Add the time since the last call to the running phase."""
        cuda = _cuda()
        if cuda:
            cuda.synchronize()
        now = time.perf_counter()
        if self._phases:
            name = self._phases[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
            used = cuda.max_memory_allocated() if cuda else self._process.memory_info().rss - self._baseline
            self._record_peak(name, used)
        if cuda:
            cuda.reset_peak_memory_stats()
        self._since = now

    def _record_peak(self, name: str, used: int) -> None:
        self.peak_bytes[name] = max(self.peak_bytes.get(name, 0), used)

    def _sample(self) -> None:
        while True:
            time.sleep(0.02)
            with contextlib.suppress(IndexError):
                name = self._phases[-1]
                if not _cuda():
                    self._record_peak(name, self._process.memory_info().rss - self._baseline)

    def report(self) -> dict[str, dict[str, float]]:
        """Seconds and MiB by phase, for a run record."""
        return {
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "peak_mib": {name: round(value / 2**20, 1) for name, value in self.peak_bytes.items()},
        }


def _cuda() -> Any:
    import torch

    return torch.cuda if torch.cuda.is_available() else None
