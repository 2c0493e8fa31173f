"""Several processes that share the work of one stage: who they are, and what they tell each other.

A process that no launcher has started is the only one, and none of these functions then does anything for others.
torch's distributed runtime carries it all: gloo between CPUs, NCCL between CUDA devices.
"""

import atexit
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from pipeline.core.errors import InputError
from pipeline.core.launcher import is_rank

T = TypeVar("T")
TIMEOUT = timedelta(hours=1)  # the first process may save a large checkpoint meanwhile


def join() -> None:
    """Meet the other processes of this stage, on a device each. Raises InputError where there are too few devices."""
    if not is_rank():
        return
    if os.environ["WORLD_SIZE"] == "1":  # as without a launcher, in every bit
        for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
            del os.environ[name]
        return
    import torch
    from torch import distributed

    if distributed.is_initialized():
        return
    if torch.backends.mps.is_available():
        raise InputError("LAUNCHER: several processes work on CPUs and CUDA devices, not on MPS; unset it")
    if torch.cuda.is_available():
        place, devices = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if place >= devices:
            raise InputError(f"LAUNCHER: it starts more processes than this machine has CUDA devices ({devices})")
        torch.cuda.set_device(place)
    atexit.register(distributed.destroy_process_group)  # its threads would abort a process that ends beside them
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=TIMEOUT)


def count() -> int:
    """How many processes share the work."""
    return int(os.environ["WORLD_SIZE"]) if is_rank() else 1


def number() -> int:
    """The number of this process, from 0 on."""
    return int(os.environ["RANK"]) if is_rank() else 0


def is_first() -> bool:
    """Whether this is the process that writes files and says how far the work is."""
    return number() == 0


def share(items: list[T]) -> list[T]:
    """The part of a list that this process works on: of sorted items each process gets alike ones."""
    return items[number() :: count()]


def gather(value: T) -> list[T]:
    """The values of all processes, in their order."""
    if count() == 1:
        return [value]
    from torch import distributed

    values: list[Any] = [None] * count()
    distributed.all_gather_object(values, value)
    return values


def from_first(make: Callable[[], T]) -> T:
    """What `make` returns in the first process, in every one; it is called there alone."""
    if count() == 1:
        return make()
    from torch import distributed

    box: list[Any] = [make() if is_first() else None]
    distributed.broadcast_object_list(box)
    return box[0]


def add_up(value: Any) -> Any:
    """The sum of a tensor over all processes."""
    if count() == 1:
        return value
    from torch import distributed

    total = value.clone()
    distributed.all_reduce(total)
    return total


def wait() -> None:
    """Wait until every process is here."""
    if count() > 1:
        from torch import distributed

        distributed.barrier()
