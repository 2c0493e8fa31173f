"""Dropout's random masks on a CPU in a quarter of the time: four elements from one random number instead of one.

torch draws them one by one, in one thread, a fifth of a T5's training step. Which elements are dropped is another draw
of the same chance, to within 1/131072; with the same seed it is always the same. GPUs draw as ever.
"""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch.library import Library

PARTS = 2**16  # of a random number of 64 bits each element gets 16


@contextlib.contextmanager
def quick_dropout_masks() -> Iterator[None]:
    """Inside, every dropout of this process on a CPU draws by `draw`, attention's too."""
    library = Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that its own function is replaced
        library.impl("bernoulli_.float", draw, "CPU", allow_override=True)
    try:
        yield
    finally:
        del library  # which takes it back


def draw(values: Any, p: float = 0.5, *, generator: torch.Generator | None = None) -> Any:
    """Fill a tensor with ones with the chance `p`, else zeros, as `Tensor.bernoulli_` does."""
    threshold = round(p * PARTS) - PARTS // 2
    if not -PARTS // 2 < threshold < PARTS // 2:
        return values.fill_(threshold > 0)
    numbers = torch.empty(-(-values.numel() // 4), dtype=torch.int64, device=values.device)
    numbers.random_(-(2**63), None, generator=generator)
    parts = numbers.view(torch.int16)[: values.numel()]
    if not values.is_contiguous():
        return values.copy_((parts < threshold).view(values.shape))
    torch.lt(parts, threshold, out=values.view(-1))
    return values
