"""Cores and GPUs of the workers of DVC's queue. DVC gives every worker all of them."""

import re
import shutil
import subprocess
from collections.abc import MutableMapping, Sequence

from pipeline.core.cores import available_cores

THREADS, GPUS = "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"


def share_machine(arguments: Sequence[str], environment: MutableMapping[str, str]) -> str | None:
    """Set the threads of the workers that `dvc queue start` starts, and the GPU of one that begins.

    arguments: of `dvc`. environment: what its processes inherit. Threads that the user has set stay; of GPUs that the
    user has named the workers share those. Returns what was decided, for the terminal.
    """
    if list(arguments[:2]) == ["queue", "start"]:
        return share_cores(number_of_jobs(arguments[2:]), environment)
    if list(arguments[:2]) == ["exp", "queue-worker"] and (found := re.search(r"-(\d+)@", " ".join(arguments[2:]))):
        return choose_gpu(int(found[1]), environment)
    return None


def number_of_jobs(options: Sequence[str]) -> int:
    """The value of --jobs, or -j; 1 where there is none that is a number."""
    found = re.search(r"(?:^|\s)(?:--jobs|-j)[\s=]*(\d+)(?:\s|$)", " ".join(options))
    return int(found[1]) if found else 1


def share_cores(jobs: int, environment: MutableMapping[str, str]) -> str | None:
    """An equal number of threads for each of several workers."""
    if jobs < 2 or THREADS in environment:
        return None
    cores = available_cores()
    environment[THREADS] = str(max(1, cores // jobs))
    return f"{jobs} workers on {cores} cores: {THREADS}={environment[THREADS]} for each"


def choose_gpu(worker: int, environment: MutableMapping[str, str]) -> str | None:
    """One GPU for a worker, counted from 1, where there are several: the workers go round them."""
    gpus = environment[GPUS].split(",") if GPUS in environment else installed_gpus()
    if len(gpus) < 2:
        return None
    environment[GPUS] = gpus[(worker - 1) % len(gpus)].strip()
    return f"worker {worker}: {GPUS}={environment[GPUS]}"


def installed_gpus() -> list[str]:
    """The numbers of NVIDIA's GPUs, as nvidia-smi lists them; none where it is not installed or fails."""
    if not shutil.which("nvidia-smi"):
        return []
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    return subprocess.run(command, capture_output=True, text=True).stdout.split()
