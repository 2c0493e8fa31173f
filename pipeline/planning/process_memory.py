"""What a process holds beside its tensors: libraries, and the gaps of its heap.

Constants of CPU runs of the benchmark `benchmarks/plan_memory.py` (docs/memory.md). On CUDA memory is what the
allocator has reserved. Libraries are no part of it; its rounding and gaps are not counted (2 to 15 % on an H100).
"""

from dataclasses import dataclass

LOADING = 110 * 2**20  # readers of Parquet and of tokenizers, code of the model's class; 108 to 122 MiB
COMPUTING = 50 * 2**20  # kernels, the writer of curves
# Blocks below 32 MiB come from the C library's heap, which keeps the gaps between those in use. With every block mapped
# on its own (MALLOC_MMAP_THRESHOLD_=131072) the gaps are gone, and a step takes twice as long. Measured: 0.15 to 0.6.
GAPS = 0.28  # of activations and temporary memory


@dataclass(frozen=True)
class ProcessMemory:
    """Bytes beside the tensors."""

    libraries: int
    gaps: int


def process_memory(device: str, imports: int, movable: int) -> ProcessMemory:
    """imports: bytes of a process after its imports. movable: bytes of tensors that come and go within a step."""
    if device != "cpu":
        return ProcessMemory(0, 0)
    return ProcessMemory(imports + LOADING + COMPUTING, int(GAPS * movable))
