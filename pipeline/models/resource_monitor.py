"""Seconds, CPU seconds and peak memory of each phase of a stage: load, train, validation, generation.

One definition of memory for all stages: what the process holds, the imported libraries included. A record has it after
the imports, after the model was loaded, and the peak of each phase; what a phase adds is its peak minus the loaded
model. On a CPU it is the resident set, sampled every 20 ms; on CUDA what the allocator has reserved, its own peak.
Of several processes a record has the memory of the largest one, and the CPU seconds of all.
"""

import contextlib
import ctypes
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any

from pipeline.core.contention import Usage
from pipeline.models import processes

LOAD = "load"  # the phase that ends with the model in its place


class ResourceMonitor:
    """Usage and peak memory by phase. A phase inside another pauses the outer one, so no second counts twice."""

    def __init__(self) -> None:
        import psutil

        import_libraries()
        self._process = psutil.Process()
        self._phases: list[str] = []
        self._since = Usage()
        self.usage: dict[str, Usage] = {}
        self.peak_bytes: dict[str, int] = {}
        self.imports_bytes, self.model_bytes = self._held(), 0
        threading.Thread(target=self._sample, daemon=True).start()

    @property
    def seconds(self) -> dict[str, float]:
        """Wall seconds by phase."""
        return {name: usage.wall for name, usage in self.usage.items()}

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
            if name == LOAD:
                give_back_freed_memory()
                self.model_bytes = self._held()

    def elapsed(self, name: str) -> float:
        """Wall seconds of a phase until now, whether it is running or not."""
        running = bool(self._phases) and self._phases[-1] == name
        return self.seconds.get(name, 0.0) + (time.perf_counter() - self._since.wall if running else 0.0)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"usage": {name: asdict(usage) for name, usage in self.usage.items()}, "peak_bytes": self.peak_bytes}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint's `state`; loading counts for this process alone."""
        self.usage |= {name: Usage(**usage) for name, usage in state["usage"].items() if name != LOAD}
        self.peak_bytes |= {name: value for name, value in state["peak_bytes"].items() if name != LOAD}

    def _close_interval(self) -> None:
        """Add the usage since the last call to the running phase."""
        cuda = _cuda()
        if cuda:
            cuda.synchronize()
        now = Usage.now()
        if self._phases:
            name = self._phases[-1]
            self.usage[name] = self.usage.get(name, Usage()) + (now - self._since)
            self._record_peak(name, cuda.max_memory_reserved() if cuda else self._held())
        if cuda:
            cuda.reset_peak_memory_stats()
        self._since = now

    def _held(self) -> int:
        """Bytes that the process holds now."""
        cuda = _cuda()
        return int(cuda.memory_reserved() if cuda else self._process.memory_info().rss)

    def _record_peak(self, name: str, used: int) -> None:
        self.peak_bytes[name] = max(self.peak_bytes.get(name, 0), used)

    def _sample(self) -> None:
        while True:
            time.sleep(0.02)
            with contextlib.suppress(IndexError):
                name = self._phases[-1]
                if not _cuda():
                    self._record_peak(name, self._held())

    def report(self) -> dict[str, Any]:
        """For a run record: seconds, contention and MiB by phase, and MiB after the imports and after loading."""
        return {
            "seconds": {name: round(usage.wall, 3) for name, usage in self.usage.items()},
            "cpu_seconds": {name: round(usage.cpu, 3) for name, usage in self.usage.items()},
            "contention": {name: usage.contention() for name, usage in self.usage.items()},
            "imports_mib": _mebibytes(self.imports_bytes),
            "model_mib": _mebibytes(self.model_bytes),
            "peak_mib": {name: _mebibytes(value) for name, value in self.peak_bytes.items()},
        }


def of_all_processes(monitor: ResourceMonitor) -> dict[str, Any]:
    """The report of the first process with the CPU seconds of all and the memory of the largest."""
    reports = processes.gather(monitor.report())
    first = reports[0]
    return {
        **first,
        "cpu_seconds": _combined([report["cpu_seconds"] for report in reports], sum),
        "peak_mib": _combined([report["peak_mib"] for report in reports], max),
        "model_mib": max(report["model_mib"] for report in reports),
    }


def _combined(figures: list[dict[str, float]], combine: Callable[[Iterable[float]], float]) -> dict[str, float]:
    """Figures by phase, of several processes; the phases are those of the first."""
    return {phase: round(combine(each.get(phase, 0.0) for each in figures), 3) for phase in figures[0]}


def import_libraries() -> None:
    """Import what every stage with a model needs, so that no stage counts it as the memory of a phase."""
    import peft  # noqa: F401
    import torch  # noqa: F401
    from transformers import GenerationConfig, PreTrainedModel  # noqa: F401  # transformers alone imports little


def give_back_freed_memory() -> None:
    """Give freed memory back to the system: a phase that used it again would seem to need none."""
    cuda = _cuda()
    if cuda:
        cuda.empty_cache()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def _mebibytes(count: int) -> float:
    return round(count / 2**20, 1)


def _cuda() -> Any:
    import torch

    return torch.cuda if torch.cuda.is_available() else None
