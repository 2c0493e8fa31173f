"""What several methods need: types of their parameters, hooks into training, PEFT's layers."""

from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.params import section
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.virtual_tokens import embed_as_the_network
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
    "inject_prompt",
    "section",
    "targets",
]


# PEFT refuses these layers of models with a state space, which read their weights without calling them.
STATE_SPACE = ("falcon_h1", "mamba", "mamba2", "falcon_mamba", "nemotron_h")
STATE_SPACE_EXCLUDED = ["out_proj", "conv1d", "dt_proj"]


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
    """The network with PEFT's layers in it.

    Raises InputError where it lacks a module that `config` names, and for a rank above the width of all its layers.
    """
    from peft import get_peft_model

    check_targets(model.network, config.target_modules, method)
    check_rank(model.network, getattr(config, "init_r", getattr(config, "r", 0)), method)
    if config.target_modules == "all-linear" and model.network.config.model_type in STATE_SPACE:
        config.exclude_modules = STATE_SPACE_EXCLUDED
    try:
        return get_peft_model(model.network, config)
    except ValueError as error:
        reason = " ".join(str(error).split())[:300]
        if "Please specify `target_modules`" in reason:
            kinds = sorted({name.rpartition(".")[2] for name, _ in linear_layers(model.network)})
            reason = f"PEFT has no choice for {model.network.config.model_type}; name some of {', '.join(kinds)}"
        raise InputError(f"{method}.target_modules: {reason}") from error


def check_targets(network: Any, modules: object, method: str) -> None:
    """Raise InputError for a list of modules of which the network lacks some: PEFT would leave them out silently."""
    if not isinstance(modules, list | set):
        return
    names = [name for name, _ in network.named_modules()]
    missing = sorted(one for one in modules if not any(name == one or name.endswith(f".{one}") for name in names))
    if missing:
        linear = sorted({name.rpartition(".")[2] for name, _ in linear_layers(network)})
        raise InputError(
            f"{method}.target_modules: this model has no {', '.join(missing)}; its linear layers are "
            f"{', '.join(linear)} (or [all-linear])"
        )


def check_rank(network: Any, rank: int, method: str) -> None:
    widest = max((min(shape) for _, shape in linear_layers(network)), default=0)
    if widest and rank > widest:
        raise InputError(f"{method}: rank {rank} is above the width of every layer of this model; at most {widest}")


def linear_layers(network: Any) -> list[tuple[str, tuple[int, int]]]:
    """(name, shape) of the layers that are matrices, as nn.Linear or transformers' Conv1D, but for the output's.

    Weights of a quantized layer are packed and have another shape than the layer.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    head = network.get_output_embeddings()
    found = []
    for name, one in network.named_modules():
        if isinstance(one, torch.nn.Linear) and one is not head:
            found.append((name, (one.out_features, one.in_features)))
        elif isinstance(one, Conv1D) and one is not head:
            found.append((name, (one.nx, one.nf)))
    return found


def inject_prompt(model: LanguageModel, config: Any) -> Any:
    """The network with PEFT's soft tokens before its input, beside the text as the network itself embeds it."""
    from peft import get_peft_model

    text = model.network.config.get_text_config(decoder=True)
    # PEFT wants these three of every model, though soft tokens have only a width.
    config.num_layers = getattr(text, "num_hidden_layers", 1)
    config.num_attention_heads = getattr(text, "num_attention_heads", 1)
    config.token_dim = model.network.get_input_embeddings().weight.shape[1]
    network = get_peft_model(model.network, config)
    embed_as_the_network(network)
    return network


def targets(modules: list[str] | None) -> list[str] | str | None:
    """`target_modules` as PEFT expects it: its word for every linear layer but the output's is not a list."""
    return "all-linear" if modules == ["all-linear"] else modules
