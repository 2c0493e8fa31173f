"""Every allocation of a computation that is only imagined: what is held at once, and of which kind.

Tensors are fake (torch's FakeTensorMode): they have shapes and no memory. What torch would allocate and free for them
is counted by the life of their storages.
"""

import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only


class Allocations(TorchDispatchMode):
    """Counts storages while it is entered. kind: what new ones are counted as.

    held: bytes by kind now. peak: the same at the moment of the largest sum since `reset`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kind = "weights"
        self.held: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        self._largest = 0
        self._live: dict[int, tuple[str, int]] = {}  # kind and bytes, by address

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        tree_map_only(torch.Tensor, self.add, out)
        return out

    def add(self, tensor: Any) -> None:
        """Count a tensor's storage, once."""
        storage = tensor.untyped_storage()
        address = storage._cdata
        if address in self._live:
            return
        size = storage.nbytes()
        self._live[address] = (self.kind, size)
        self.held[self.kind] += size
        weakref.finalize(storage, self._free, address)
        if self.held.total() > self._largest:
            self._largest, self.peak = self.held.total(), self.held.copy()

    def _free(self, address: int) -> None:
        kind, size = self._live.pop(address)
        self.held[kind] -= size

    def relabel(self, tensor: Any, kind: str) -> None:
        """Count a tensor that is already there as another kind from now on."""
        address = tensor.untyped_storage()._cdata
        before, size = self._live[address]
        self._live[address] = (kind, size)
        self.held[before] -= size
        self.held[kind] += size

    def resize(self, tensor: Any, size: int) -> None:
        """Count a tensor that is already there with so many bytes from now on."""
        address = tensor.untyped_storage()._cdata
        kind, before = self._live[address]
        self._live[address] = (kind, size)
        self.held[kind] += size - before

    def reset(self) -> None:
        """Begin a new peak."""
        self._largest, self.peak = self.held.total(), self.held.copy()

    @contextmanager
    def counted_as(self, kind: str) -> Iterator[None]:
        """Count what is allocated inside as `kind`."""
        before, self.kind = self.kind, kind
        try:
            yield
        finally:
            self.kind = before
