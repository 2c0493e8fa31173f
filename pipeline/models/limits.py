"""The lengths and batch sizes that `auto` stands for, found from the data, the model's positions and memory."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.shapes import TokenLimits
from pipeline.models.architectures.base import LanguageModel
from pipeline.parameters.generate import Generate
from pipeline.parameters.tokenize import Tokenize
from pipeline.parameters.train import Train

LONGEST_AUTO = 4096  # tokens of a prompt; attention needs memory with its square
BATCH, GENERATION_BATCH = 8, 32  # where memory allows
SHARE_OF_MEMORY = 0.5  # what activations may take of what is free; the rest is for what is not counted


@dataclass(frozen=True)
class Limits:
    """Tokens of a prompt, of a training output with its end, of a generated output."""

    max_source_tokens: int
    max_target_tokens: int
    max_new_tokens: int


def write_limits(paths: Paths, limits: Limits, settings: Tokenize) -> None:
    """Keep what generation needs, and nothing that would run it again without need.

    The length of what is written is only there where it was asked for, with tokenize.max_target_tokens=auto.
    """
    new = limits.max_new_tokens if settings.max_target_tokens == "auto" else None
    files.write_json(paths.limits, {"max_source_tokens": limits.max_source_tokens, "max_new_tokens": new})


def read_limits(paths: Paths) -> TokenLimits:
    """What `write_limits` wrote."""
    found: Any = files.read_json(paths.limits, TokenLimits)
    return found


def choose_limits(
    sources: Sequence[int],
    targets: Sequence[int],
    settings: Tokenize,
    model: LanguageModel,
    config: Any,
    parameters: int,
    reserved: int = 0,
) -> Limits:
    """The limits that apply. Lengths in tokens are of every prompt and framed completion of train and validation.

    reserved: positions that a method's virtual tokens take.

    `auto` takes the longest prompt and the longest output, as far as the model has positions and the machine memory
    for them; generated outputs get a quarter more than 99 % of the references need. Outputs of a causal model get
    at most half of its positions.
    """
    most = model.completion_positions(config) or half(model.prompt_positions(config, 0))
    target, new = up_to(8, max(targets)), up_to(8, math.ceil(1.25 * percentile(targets, 0.99)))
    target, new = min(target, most or target), max(16, min(new, most or new))
    if settings.max_target_tokens != "auto":
        target = min(settings.max_target_tokens, model.completion_positions(config) or settings.max_target_tokens)
    source = settings.max_source_tokens
    if source == "auto":
        source = min(up_to(16, max(sources)), LONGEST_AUTO)
        while source > 256 and activation_bytes(config, source, target) > free_memory(parameters):
            source //= 2
    positions = model.prompt_positions(config, target)
    if positions is not None:
        if positions - reserved < 16:
            raise InputError(
                f"the model's positions leave {max(0, positions - reserved)} tokens for a prompt beside {target} of a "
                f"output and {reserved} virtual ones: lower tokenize.max_target_tokens, or choose another model"
            )
        source = min(source, positions - reserved)
    return Limits(source, target, new)


def generation_settings(generate: Generate, limits: TokenLimits, config: Any, parameters: int) -> Generate:
    """`generate` without `auto`. Raises InputError where no length was found for it."""
    new = limits["max_new_tokens"] if generate.max_new_tokens == "auto" else generate.max_new_tokens
    if new is None:
        raise InputError("generate.max_new_tokens=auto needs tokenize.max_target_tokens=auto")
    size = generate.batch_size
    if size == "auto":
        size = batch_size(config, limits["max_source_tokens"], new, parameters, GENERATION_BATCH)
    return replace(generate, max_new_tokens=new, batch_size=size)


def training_settings(train: Train, longest: int, config: Any, parameters: int) -> Train:
    """`train` without `auto`; longest: tokens of the longest example, its labels counted."""
    if train.batch_size != "auto":
        return train
    return replace(train, batch_size=batch_size(config, longest, 0, parameters))


def batch_size(config: Any, source: int, target: int, parameters: int, most: int = BATCH) -> int:
    """The largest power of two, at most `most`, whose activations fit into memory beside the model."""
    fitting = free_memory(parameters) // activation_bytes(config, source, target)
    return min(most, 2 ** max(0, int(fitting).bit_length() - 1))


def activation_bytes(config: Any, source: int, target: int) -> int:
    """About how many bytes the training of one example keeps, in fp32.

    A layer keeps s h (34 + 5 a s / h) values of two bytes for s tokens, h hidden values and a heads (Korthikanti et
    al., 2022, Reducing Activation Recomputation in Large Transformer Models); the logits take the
    vocabulary's size a label.
    """
    text = config.get_text_config()
    layers = getattr(text, "num_hidden_layers", 12)
    hidden, heads = getattr(text, "hidden_size", 768), getattr(text, "num_attention_heads", 12)
    tokens = source + target
    return 2 * layers * tokens * (34 * hidden + 5 * heads * tokens) + 12 * target * text.vocab_size


def free_memory(parameters: int) -> int:
    """The bytes for activations, beside weights, gradients and optimizer of a model that is trained whole."""
    return max(1, int(SHARE_OF_MEMORY * (available_memory() - 16 * parameters)))


def available_memory() -> int:
    """Bytes of the device that nothing uses yet."""
    import psutil
    import torch

    return int(torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else psutil.virtual_memory().available)


def fit_together(parameters: int, count: int) -> bool:
    """Whether so many models of this size, in fp32, fit into memory with room to generate."""
    return 4 * parameters * count <= SHARE_OF_MEMORY * available_memory()


def half(positions: int | None) -> int | None:
    return positions and positions // 2


def percentile(values: Sequence[int], share: float) -> int:
    """The value that this share of all values does not exceed."""
    return sorted(values)[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def up_to(multiple: int, value: int) -> int:
    return multiple * math.ceil(value / multiple)
