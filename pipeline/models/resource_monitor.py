"""A clock and a peak of memory for each phase of a stage: load, train, validation, generation."""

import contextlib
import platform
import threading
import time
from collections.abc import Iterator


class Meter:
    """Seconds and peak memory by phase. A phase inside another pauses the outer one, so no second counts twice.

    Memory is in bytes above what the process held when the meter was made: resident set on CPU, sampled every
    20 ms; the allocator's own peak on CUDA.
    """

    def __init__(self):
        import psutil

        self._process = psutil.Process()
        self._baseline = self._process.memory_info().rss
        self._phases: list[str] = []
        self._since = 0.0
        self.seconds: dict[str, float] = {}
        self.peak_bytes: dict[str, int] = {}
        threading.Thread(target=self._watch, daemon=True).start()

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self._turn()
        self._phases.append(name)
        try:
            yield
        finally:
            self._turn()
            self._phases.pop()

    def spent(self, name: str) -> float:
        """Seconds of a phase until now, whether it runs or not."""
        running = bool(self._phases) and self._phases[-1] == name
        return self.seconds.get(name, 0.0) + (time.perf_counter() - self._since if running else 0.0)

    def _turn(self) -> None:
        """Book what has passed on the running phase and start anew."""
        cuda = _cuda()
        if cuda:
            cuda.synchronize()
        now = time.perf_counter()
        if self._phases:
            name = self._phases[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
            self._note(name, cuda.max_memory_allocated() if cuda else self._process.memory_info().rss - self._baseline)
        if cuda:
            cuda.reset_peak_memory_stats()
        self._since = now

    def _note(self, name: str, held: int) -> None:
        self.peak_bytes[name] = max(self.peak_bytes.get(name, 0), held)

    def _watch(self) -> None:
        while True:
            time.sleep(0.02)
            with contextlib.suppress(IndexError):
                name = self._phases[-1]
                if not _cuda():
                    self._note(name, self._process.memory_info().rss - self._baseline)

    def report(self) -> dict:
        """Seconds and MiB by phase, for a run record."""
        return {
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "peak_mib": {name: round(value / 2**20, 1) for name, value in self.peak_bytes.items()},
        }


def _cuda():
    import torch

    return torch.cuda if torch.cuda.is_available() else None


def device() -> str:
    """The accelerator's name, or the processor's kind."""
    cuda = _cuda()
    return cuda.get_device_name() if cuda else f"cpu ({platform.machine()})"


def versions() -> dict[str, str]:
    """What a figure depends on beside the code."""
    from importlib.metadata import version

    names = ("torch", "transformers", "peft", "accelerate", "tokenizers")
    return {"python": platform.python_version()} | {name: version(name) for name in names}
