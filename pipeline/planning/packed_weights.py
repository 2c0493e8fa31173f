"""The weights of a base in 8 or 4 bits: which of them are quantized, and what they and their products take."""

import math
from typing import Any

import torch

from pipeline.training.quantized_base import cast_as_autocast

BLOCK, BLOCKS = 64, 256  # 4-bit weights have a scale of 8 bits a block, and these one of 32 bits for so many blocks


def quantizable(network: Any) -> list[Any]:
    """The weights of the layers that transformers quantizes when it loads a model: linear ones, but for the output's
    and those that its class keeps in fp32."""
    from transformers.pytorch_utils import Conv1D
    from transformers.quantizers.base import get_keys_to_not_convert
    from transformers.quantizers.quantizers_utils import should_convert_module

    kept = [*get_keys_to_not_convert(network), *(network._keep_in_fp32_modules or ())]
    layers = {name: one for name, one in network.named_modules() if isinstance(one, torch.nn.Linear | Conv1D)}
    return [one.weight for name, one in layers.items() if should_convert_module(name, kept)]


def keep_inputs(network: Any, weights: list[Any]) -> None:
    """Let the layers of these weights keep their inputs for the backward pass.

    bitsandbytes' products in 8 bits do, and those of frozen weights in other precisions need not (0.50,
    bitsandbytes.autograd.MatMul8bitLt).
    """
    found = {id(weight) for weight in weights}
    for module in network.modules():
        if id(module._parameters.get("weight")) in found:  # PEFT's layers have the base's as an attribute
            module.register_forward_pre_hook(lambda layer, inputs: (_Kept.apply(*cast_as_autocast(layer, inputs)),))


class _Kept(torch.autograd.Function):
    """Its input, kept until the backward pass."""

    @staticmethod
    def forward(context: Any, inputs: Any) -> Any:
        context.save_for_backward(inputs)
        return inputs.view_as(inputs)

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:
        return gradients[0]


def packed_bytes(weight: Any, base_weights: str) -> int:
    """Bytes of a weight, (rows, columns), with its scales."""
    if base_weights == "8bit":
        return weight.numel() + 4 * weight.shape[0]
    blocks = math.ceil(weight.numel() / BLOCK)
    return math.ceil(weight.numel() / 2) + blocks + 4 * math.ceil(blocks / BLOCKS)


def unpacked_bytes(weights: list[Any], precision: str) -> int:
    """Of the largest weight, which is unpacked to be multiplied."""
    return max((weight.numel() for weight in weights), default=0) * (4 if precision == "fp32" else 2)
