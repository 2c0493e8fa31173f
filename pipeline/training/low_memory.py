"""What makes a training fit into less memory: recomputed activations, a frozen base in half precision, one kernel for
what transformers computes in many.

A base in 8 or 4 bits is loaded so: quantized_base.py.
"""

from typing import Any

from pipeline.core.errors import InputError
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.virtual_tokens import soft_tokens, virtual_tokens
from pipeline.parameters.train import QUANTIZED, Train


def save_memory(method: str, model: LanguageModel, train: Train, precision: str) -> None:
    """Prepare a network that `adapt` has returned, as `train` says. Raises InputError where that cannot work."""
    if train.gradient_checkpointing:
        recompute_activations(method, model)
    if train.base_weights == "bf16":
        if precision != "bf16":
            raise InputError(f"train.base_weights=bf16 needs train.precision=bf16, and it is {precision}")
        if not halve_frozen_weights(model.network):
            raise InputError(
                f"{method}: train.base_weights=bf16 is for methods that leave the base frozen; set it to fp32"
            )
    if train.base_weights in QUANTIZED and precision == "bf16":
        halve_frozen_weights(model.network)  # those that are not quantized, such as T5's `wo`
    if train.base_weights != "fp32":
        let_go_of_file(model.network)
    if precision != "fp32":
        fuse_activations(model.network)


def recompute_activations(method: str, model: LanguageModel) -> None:
    """Keep the inputs of each layer alone, and compute the rest again in the backward pass."""
    network = model.base_network
    if virtual_tokens(model.network) > soft_tokens(model.network):
        raise InputError(
            f"{method}: its prefix is in the cache, which train.gradient_checkpointing turns off; set it to false"
        )
    try:
        network.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
    except ValueError as error:
        raise InputError(f"train.gradient_checkpointing: {' '.join(str(error).split())}; set it to false") from None


def let_go_of_file(network: Any) -> None:
    """Copy what stays in fp32: weights are loaded as parts of a mapped file, and a single part keeps all of it."""
    for tensor in [*network.parameters(), *network.buffers()]:
        if tensor.is_floating_point() and tensor.device.type == "cpu":
            tensor.data = tensor.data.clone()


def fuse_activations(network: Any) -> None:
    """Compute GELU's approximation by tanh (T5 v1.1, FLAN-T5, GPT-2) in one operation of torch.

    transformers has eight, each rounded to half precision or kept in fp32 for the backward pass. The formula is the
    same; results differ by rounding.
    """
    import torch
    from transformers.activations import NewGELUActivation

    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, torch.nn.GELU(approximate="tanh"))


def halve_frozen_weights(network: Any) -> int:
    """Hold the weights of frozen linear layers in bf16, which is what bf16 autocast multiplies anyway.

    So no sum changes. Embeddings, norms, a tied output layer and everything that is trained stay in fp32, and what is
    quantized as it is. Returns the number of these layers.
    """
    import torch

    linear = [module for module in network.modules() if isinstance(module, torch.nn.Linear)]
    embeddings = {id(one.weight) for one in network.modules() if isinstance(one, torch.nn.Embedding)}
    frozen = [one for one in linear if not one.weight.requires_grad and id(one.weight) not in embeddings]
    frozen = [one for one in frozen if one.weight.is_floating_point()]
    for module in frozen:
        module.weight.data = module.weight.data.to(torch.bfloat16)
    return len(frozen)
