"""A network whose parameters are shared out over processes (FSDP2), and what each process holds of it.

A network that is not shared out is its own part.
"""

import os
from typing import Any

from pipeline.models import processes

ASKED_FOR = "ACCELERATE_USE_FSDP"  # `accelerate launch --use_fsdp` sets it


def is_asked_for() -> bool:
    """Whether the launcher asks for FSDP; not of a process that is alone."""
    return processes.count() > 1 and os.environ.get(ASKED_FOR, "").lower() in ("1", "true")


def shard(network: Any) -> None:
    """Share out a network's parameters: each of its blocks is gathered when it is needed, and then let go.

    transformers names the classes of the blocks. Accelerate's FSDP does the same, but not on CPUs.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(next(network.parameters()).device.type, (processes.count(),))
    blocks = set(getattr(network, "_no_split_modules", None) or [])
    for module in [one for one in network.modules() if type(one).__name__ in blocks]:
        fully_shard(module, mesh=mesh)
    # By default the outermost parameters stay gathered after a validation, and a checkpoint would take them for parts.
    fully_shard(network, mesh=mesh, reshard_after_forward=True)


def is_sharded(network: Any) -> bool:
    """Whether its parameters are shared out."""
    return any(hasattr(parameter, "device_mesh") for parameter in network.parameters())


def own_part(value: Any) -> Any:
    """The part of a tensor that this process holds; it shares memory with the tensor."""
    return value.to_local() if hasattr(value, "device_mesh") else value


def from_own_part(part: Any, like: Any) -> Any:
    """The reverse of `own_part`: a tensor shared out as `like` is."""
    if not hasattr(like, "device_mesh") or part.ndim == 0:
        return part
    from torch.distributed.tensor import DTensor

    layout = {"shape": like.shape, "stride": like.stride()}
    return DTensor.from_local(part, like.device_mesh, like.placements, run_check=False, **layout)


def collect(network: Any, whole: Any) -> None:
    """Copy all parameters of a network that is shared out into another one, `whole`, in the first process."""
    import torch

    into = dict(whole.named_parameters()) if whole is not None else {}
    with torch.no_grad():
        for name, value in network.named_parameters():
            full = value.full_tensor()  # every process has to take part
            if into:
                into[name].copy_(full)
