"""A base in 8 or 4 bits, by bitsandbytes (an extra), for training alone: what is trained is used on the base in fp32.

Linear layers are quantized as they are loaded; embeddings, norms, output layers that are tied to embeddings and what a
method adds are in fp32, so PEFT's `prepare_model_for_kbit_training` would find nothing to do. Dettmers et al. (2022),
LLM.int8(); Dettmers et al. (2023), QLoRA: 4 bits are NF4, with the scales of its blocks in 8 bits.
"""

import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.models import architectures
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.loading import load_model
from pipeline.models.tokenizer import load_tokenizer
from pipeline.parameters.train import QUANTIZED, Train, TrainingParams

PRECISIONS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def import_bitsandbytes(train: Train) -> None:
    """Import bitsandbytes where `train` needs it, and before PEFT, which looks for it once.

    Raises InputError where it is not installed.
    """
    if train.base_weights not in QUANTIZED:
        return
    if sys.modules.get("bitsandbytes", "not imported") is None:  # hidden by pipeline/core/cli.py
        del sys.modules["bitsandbytes"]
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it has a line for every layer that casts its input
    try:
        import bitsandbytes  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"train.base_weights: {train.base_weights!r} needs bitsandbytes ({error}): pip install --constraint "
            "constraints.txt --editable '.[quantized]'"
        ) from None


def load_base(folder: Path, architecture: str, train: Train, precision: str) -> LanguageModel:
    """A base as `train` says, with all its parameters frozen; a quantized one is on its device already.

    precision: that of training, in which quantized layers multiply. Raises InputError for a model that has no layer to
    quantize, and DamagedError as `load_model`.
    """
    if train.base_weights not in QUANTIZED:
        with files.explain_damage(folder):
            model = load_model(folder, architecture, None, train.attn_implementation)
    else:
        import_bitsandbytes(train)
        found = architectures.find(architecture)
        with files.explain_damage(folder):
            config = quantization(train.base_weights, precision)
            network = found.load_network(folder, train.attn_implementation, quantization_config=config)
            model = found(network, load_tokenizer(folder), None)
        if not keep_differentiable(network):
            raise InputError(f"train.base_weights: {train.base_weights!r}: this model has no linear layer to quantize")
        for layer in quantized_layers(network):
            layer.register_forward_pre_hook(cast_as_autocast)
    model.network.requires_grad_(False)
    return model


def quantization(base_weights: str, precision: str) -> Any:
    """transformers' configuration of it."""
    import torch
    from transformers import BitsAndBytesConfig

    if base_weights == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, PRECISIONS[precision]),
    )


def keep_differentiable(network: Any) -> int:
    """Turn off a form of 4-bit weights that has no gradients; returns the number of quantized layers.

    On CPUs with AVX512-BF16, bitsandbytes packs weights in the first forward pass without gradients, such as a
    validation, and never unpacks them. Later training steps then pass no gradient to earlier layers, without an error.
    """
    layers = quantized_layers(network)
    for layer in layers:
        layer.support_avx512bf16_for_cpu = False  # one in 8 bits does not look at it
    return len(layers)


def quantized_layers(network: Any) -> list[Any]:
    import bitsandbytes

    kinds = (bitsandbytes.nn.Linear4bit, bitsandbytes.nn.Linear8bitLt)
    return [one for one in network.modules() if isinstance(one, kinds)]


def cast_as_autocast(layer: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs of a quantized layer in the precision of autocast, as it casts those of other linear layers.

    bitsandbytes would give out the precision it got: fp32, and activations twice as large. In 4 bits the forward pass
    multiplies the same numbers either way; in 8 bits they are rounded to bf16 before they are quantized.
    """
    import torch

    first, *others = inputs
    if not torch.is_autocast_enabled(first.device.type):
        return inputs
    return (first.to(torch.get_autocast_dtype(first.device.type)), *others)


def adapt(
    method: str, module: ModuleType, model: LanguageModel, params: TrainingParams, seed: int, train: Train
) -> Any:
    """The network of a base that `load_base` loaded, with what the method trains. Raises as `check_quantized`."""
    try:
        network = module.adapt(model, params, seed)
    except RuntimeError as error:  # torch's, of a weight that is an integer
        if train.base_weights not in QUANTIZED or "can require gradients" not in str(error):
            raise
        raise trains_the_base(method, train) from None
    check_quantized(method, network, [], train, model.device.type)
    return network


def check_quantized(method: str, network: Any, weights: list[Any], train: Train, device: str) -> None:
    """Raise InputError for a method that does not work with a quantized base, of which `weights` are quantized.

    It cannot train these. PEFT's DoRA reads weights in 8 bits on a CPU and loses their scales.
    """
    if train.base_weights not in QUANTIZED:
        return
    if any(weight.requires_grad for weight in weights):
        raise trains_the_base(method, train)
    dora = any(getattr(one, "use_dora", False) for one in getattr(network, "peft_config", {}).values())
    if dora and train.base_weights == "8bit" and device == "cpu":
        raise InputError(f"{method}: DoRA does not work with train.base_weights=8bit on a CPU; use 4bit, bf16 or fp32")


def trains_the_base(method: str, train: Train) -> InputError:
    return InputError(
        f"{method}: train.base_weights={train.base_weights} is for methods that leave the base frozen; set it to fp32"
    )
