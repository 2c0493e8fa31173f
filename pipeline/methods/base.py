"""What several methods need: types of their parameters, hooks into training, PEFT's layers."""

from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.params import section
from pipeline.models.architectures.base import LanguageModel
from pipeline.parameters.train import TrainingParams
from pipeline.parameters.types import Count, Modules, Positive, Share, SoftTokens, Width

__all__ = [
    "Count",
    "LanguageModel",
    "MethodHooks",
    "Modules",
    "Positive",
    "Share",
    "SoftTokens",
    "TrainingParams",
    "Width",
    "inject",
    "section",
    "targets",
]


class MethodHooks:
    """What a method does during training beside gradient steps. This one, for most methods, does nothing."""

    def __init__(self, network: Any = None, params: TrainingParams | None = None, steps: int = 0) -> None:
        """network: what `adapt` returned. steps: optimizer steps of the whole training."""

    def penalty(self) -> Any:
        """A scalar that is added to the loss that is minimized; curves show the loss without it."""
        import torch

        return torch.zeros(())

    def after_optimizer_step(self, step: int) -> None:
        """Called after each optimizer step (the first is 1), while its gradients are still there."""

    def state(self) -> dict[str, Any]:
        """The tensors that a checkpoint keeps beside the trained weights, by name."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint's `state`, or end with it. The checkpoint's weights are already in the network."""


def inject(model: LanguageModel, config: Any, method: str) -> Any:
    """The network with PEFT's layers in it. Raises InputError where it lacks the modules that `config` names."""
    from peft import get_peft_model

    try:
        return get_peft_model(model.network, config)
    except ValueError as error:
        raise InputError(f"{method}.target_modules: {error}") from error


def targets(modules: list[str] | None) -> list[str] | str | None:
    """`target_modules` as PEFT expects it: its word for every linear layer but the output's is not a list."""
    return "all-linear" if modules == ["all-linear"] else modules
