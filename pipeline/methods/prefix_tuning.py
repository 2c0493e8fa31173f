"""Prefix tuning: trained keys and values that every layer attends to before those of the text.

Li and Liang (2021), Prefix-Tuning: Optimizing Continuous Prompts for Generation. With a seq2seq model PEFT puts them
before the decoder's own keys and values only; the paper also had them in the encoder and the cross-attention.
"""

from typing import Any, Literal

from pipeline.methods.base import LanguageModel, SoftTokens, TrainingParams, Width, section


@section
class Params(TrainingParams):
    num_virtual_tokens: SoftTokens
    init_weights: Literal["zero"] | None
    prefix_projection: bool
    encoder_hidden_size: Width


def adapt(model: LanguageModel, params: Params, seed: int) -> Any:
    """The network with a prefix of `num_virtual_tokens` in its cache; with `prefix_projection` an MLP makes it."""
    from peft import PrefixTuningConfig, get_peft_model

    layers, heads, width = model.cache_shape()  # PEFT would take the encoder's layers, and d_model
    config = PrefixTuningConfig(
        task_type=model.task_type,
        num_virtual_tokens=params.num_virtual_tokens,
        num_layers=layers,
        num_attention_heads=heads,
        token_dim=heads * width,
        init_weights=params.init_weights,
        prefix_projection=params.prefix_projection,
        encoder_hidden_size=params.encoder_hidden_size,
    )
    return get_peft_model(model.network, config)
