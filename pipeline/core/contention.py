"""Whether other work took the processor while something was measured.

A process that has a core whenever it needs one shows it: CPU seconds are all of the seconds in which its threads could
run. Linux counts both for each thread (/proc/PID/task/TID/schedstat). The usual rule, CPU / (wall x threads), would
call every small model busy: its Python runs in one thread, and two threads then use 0.5 of two cores at best.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import TypedDict

BUSY_SHARE = 0.8  # of the time in which threads could run they had a core; an idle machine gives 0.95 and more
BUSY_PRESSURE = 10.0  # percent of the time in which some process of the machine waited for a core


class Contention(TypedDict):
    """What other work took. core_share: in [0, 1]. pressure: percent; None where the system does not count it."""

    core_share: float
    pressure: float | None


@dataclass(frozen=True)
class Usage:
    """Seconds since some start; differences count. waited: threads of this process were ready and had no core.

    stalled: some process of the machine had none. None where the system does not count them (only Linux does).
    """

    wall: float = 0.0
    cpu: float = 0.0
    waited: float | None = 0.0
    stalled: float | None = 0.0

    @classmethod
    def now(cls) -> "Usage":
        return cls(time.perf_counter(), time.process_time(), _waited(), _stalled())

    def __add__(self, other: "Usage") -> "Usage":
        return self._combined(other, lambda mine, theirs: mine + theirs)

    def __sub__(self, other: "Usage") -> "Usage":
        """Since `other`. A thread that has ended takes what it waited with it, so that is never negative."""
        return self._combined(other, lambda mine, theirs: max(0.0, mine - theirs))

    def _combined(self, other: "Usage", combine: Callable[[float, float], float]) -> "Usage":
        def each(mine: float | None, theirs: float | None) -> float | None:
            return None if mine is None or theirs is None else combine(mine, theirs)

        return Usage(
            combine(self.wall, other.wall),
            combine(self.cpu, other.cpu),
            each(self.waited, other.waited),
            each(self.stalled, other.stalled),
        )

    def contention(self) -> Contention:
        """Where waiting is not counted, the wall stands for the time in which threads could run."""
        could_run = max(self.wall, self.cpu) if self.waited is None else self.cpu + self.waited
        pressure = None if self.stalled is None else min(100.0, 100 * self.stalled / max(self.wall, 1e-9))
        return {
            "core_share": round(self.cpu / could_run, 3) if could_run else 1.0,
            "pressure": None if pressure is None else round(pressure, 1),
        }


def busy_reason(contention: Contention) -> str:
    """Why a measurement is of a busy machine; empty where it is not."""
    reasons = []
    if contention["core_share"] < BUSY_SHARE:
        reasons.append(f"had a core in {100 * contention['core_share']:.0f} % of the time it needed one")
    if contention["pressure"] is not None and contention["pressure"] > BUSY_PRESSURE:
        reasons.append(f"processes waited for a core in {contention['pressure']:.0f} % of the time")
    return ", ".join(reasons)


def recent_pressure() -> float | None:
    """Percent of the last ten seconds in which some process waited for a core; None where Linux does not say it."""
    fields = _pressure()
    return float(fields["avg10"]) if fields else None


def _waited() -> float | None:
    total, threads = 0, Path(f"/proc/{os.getpid()}/task")
    try:
        for name in os.listdir(threads):
            try:
                total += int((threads / name / "schedstat").read_text().split()[1])
            except ProcessLookupError:  # it has just ended
                continue
    except (OSError, ValueError, IndexError):
        return None
    return total / 1e9


def _stalled() -> float | None:
    fields = _pressure()
    return int(fields["total"]) / 1e6 if fields else None


def _pressure() -> dict[str, str]:
    """The line `some` of the processor's pressure-stall information, as key -> value."""
    try:
        line = Path("/proc/pressure/cpu").read_text(encoding="ascii").partition("\n")[0]
    except (OSError, ValueError):
        return {}
    return dict(field.split("=") for field in line.split() if "=" in field)
