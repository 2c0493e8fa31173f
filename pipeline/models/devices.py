"""The device, its precision, and the versions that a figure depends on."""

import platform
from typing import Any

from pipeline.models import processes


def best_device() -> str:
    """`cuda` or `mps` where there is one, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def to_device(network: Any) -> Any:
    """The network on the best device, in evaluation mode."""
    return network.eval().to(best_device())


def hardware_precision() -> str:
    """bf16 where the hardware multiplies it natively, else fp32; never fp16, in which T5 overflows."""
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() else "fp32"


def device_name() -> str:
    """The accelerator's name, or the processor's kind."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"cpu ({platform.machine()})"


def environment(*, quantized: bool = False) -> dict[str, Any]:
    """Device, processes, threads of each and versions, for a run record; quantized: of a base in 8 or 4 bits."""
    import torch

    threads, versions = torch.get_num_threads(), library_versions(quantized=quantized)
    return {"device": device_name(), "processes": processes.count(), "threads": threads, "versions": versions}


def library_versions(*, quantized: bool = False) -> dict[str, str]:
    from importlib.metadata import version

    names: tuple[str, ...] = ("torch", "transformers", "peft", "accelerate", "tokenizers")
    names += ("bitsandbytes",) * quantized
    return {"python": platform.python_version()} | {name: version(name) for name in names}
