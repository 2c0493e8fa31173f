"""Whether two states of a model say the same: merged and unmerged, saved and read again, before training and base."""

from typing import Any

from pipeline.core.errors import InputError
from pipeline.models.architectures.base import IGNORED, Example, LanguageModel
from pipeline.models.virtual_tokens import virtual_tokens

TOLERANCE = 1e-3  # of the largest logit; sums in another order differ by 1e-6 to 1e-5 of it


def logits_of(model: LanguageModel, examples: list[Example] | None = None) -> Any:
    """The logits of the labels of a few examples, (labels, vocabulary), without dropout; by default of some low ids."""
    import torch

    examples = examples or [model.encode_example(list(range(3, 11)), [5, 4, 3], model.completion_frame[1][-1])]
    training = model.network.training
    model.network.eval()
    with torch.no_grad():
        logits, labels = model.labelled_logits(model.collate(examples).to(model.device))
    model.network.train(training)
    return logits[labels.flatten() != IGNORED]


def check_start(method: str, model: LanguageModel, examples: list[Example], base: Any) -> None:
    """Raise InputError where an untrained method is not the base, with its logits `base`; virtual tokens never are."""
    if virtual_tokens(model.network):
        return
    start = logits_of(model, examples)
    if not same(base, start):
        share = difference(base, start)
        raise InputError(f"{method}: it does not start from the base model (logits {share:.1%} off)")


def difference(one: Any, other: Any) -> float:
    """The largest difference of two tensors, as a share of the largest value."""
    return ((one - other).abs().max() / one.abs().max().clamp(min=1e-9)).item()


def same(one: Any, other: Any, tolerance: float = TOLERANCE) -> bool:
    return difference(one, other) <= tolerance
