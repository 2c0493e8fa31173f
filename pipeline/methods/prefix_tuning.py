"""Prefix tuning: trained keys and values that every layer attends to before those of the text.

Li and Liang (2021), Prefix-Tuning: Optimizing Continuous Prompts for Generation. With a seq2seq model PEFT puts them
before the decoder's own keys and values alone; the paper had them in the encoder and the cross-attention as well.
"""

from typing import Literal

from pipeline.core.params import section
from pipeline.methods import Trained
from pipeline.models import families
from pipeline.parameters.types import Count


@section
class Params(Trained):
    num_virtual_tokens: Count
    init_weights: Literal["zero"] | None
    prefix_projection: bool
    encoder_hidden_size: Count


def adapt(model, tokenizer, params: Params, arch: str, seed: int):
    """The model with a prefix of `num_virtual_tokens` in its cache, while trained made by an MLP if so wished."""
    from peft import PrefixTuningConfig, get_peft_model

    layers, heads, width = families.cache_shape(model, arch)  # PEFT would take the encoder's layers, and d_model
    config = PrefixTuningConfig(
        task_type=families.task_type(arch),
        num_virtual_tokens=params.num_virtual_tokens,
        num_layers=layers,
        num_attention_heads=heads,
        token_dim=heads * width,
        init_weights=params.init_weights,
        prefix_projection=params.prefix_projection,
        encoder_hidden_size=params.encoder_hidden_size,
    )
    return get_peft_model(model, config)
