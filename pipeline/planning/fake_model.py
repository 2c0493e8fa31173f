"""A model with a method's adapter, as fake tensors: shapes without memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode

from pipeline.core.errors import InputError
from pipeline.core.messages import first_line
from pipeline.methods.base import TrainingParams
from pipeline.models import architectures
from pipeline.models.architectures.base import LanguageModel


class KnownAnswers(TorchFunctionMode):
    """Answers what only values could: two ways to compute the same agree, and a mask picks `labels` positions."""

    def __init__(self) -> None:
        super().__init__()
        self.labels = 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.allclose:
            return True
        if function is torch.Tensor.__getitem__:
            args = (args[0], self._without_masks(args[1]))
        return function(*args, **(kwargs or {}))

    def _without_masks(self, index: Any) -> Any:
        """An index with positions in place of each mask: as many as there are labels."""
        parts = index if isinstance(index, tuple) else (index,)
        if not any(_is_mask(part) for part in parts):
            return index
        found: list[Any] = []
        for part in parts:
            chosen = (
                [torch.zeros(self.labels, dtype=torch.long) for _ in range(part.dim())] if _is_mask(part) else [part]
            )
            found += chosen
        return tuple(found)


def _is_mask(part: Any) -> bool:
    return isinstance(part, torch.Tensor) and part.dtype == torch.bool


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Whatever a model's class runs into without values, as an InputError in one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # any code of the model's class may run
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise InputError(f"{what}: this model cannot be planned without its weights ({reason[:300]})") from error


class NoTokenizer:
    """Stands where methods ask for token ids: which ones does not matter, because there are no values."""

    all_special_ids: tuple[int, ...] = ()
    pad_token_id = eos_token_id = 0

    def __call__(self, text: str, **options: Any) -> dict[str, list[int]]:
        return {"input_ids": [0]}


def describe_model(config: Any, architecture: str, attention: str) -> LanguageModel:
    """The network that a configuration describes, on torch's meta device: shapes alone, in fp32."""
    import transformers

    found = architectures.find(architecture)
    auto = getattr(transformers, found.auto_class)
    with torch.device("meta"), KnownAnswers():
        try:
            network = auto.from_config(config, attn_implementation=attention, dtype=torch.float32)
        except ValueError as error:
            if "does not support an attention implementation" not in str(error):
                raise
            network = auto.from_config(config, attn_implementation="eager", dtype=torch.float32)
    return found(network, NoTokenizer())


def adapt(model: LanguageModel, module: ModuleType, params: TrainingParams) -> None:
    """Put what a method trains into a network that `describe_model` made."""
    with torch.device("meta"), KnownAnswers():
        model.network.requires_grad_(False)
        model.network = module.adapt(model, params, 0)


def materialize(network: Any, device: str) -> None:
    """Replace the parameters and buffers on the meta device by fake ones on a device; call it inside FakeTensorMode."""
    made: dict[int, Any] = {}

    def fake(tensor: Any) -> Any:
        if id(tensor) not in made:
            new = torch.empty(tensor.shape, dtype=tensor.dtype, device=device)
            is_parameter = isinstance(tensor, torch.nn.Parameter)
            made[id(tensor)] = torch.nn.Parameter(new, tensor.requires_grad) if is_parameter else new
        return made[id(tensor)]

    for module in network.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    tensors[name] = fake(tensor)


def fake_tensors() -> FakeTensorMode:
    return FakeTensorMode(allow_non_fake_inputs=True)
