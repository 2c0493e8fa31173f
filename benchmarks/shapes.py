"""Models of known shapes with random weights: speed and memory do not depend on the weights' values."""

from typing import Any

from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, LlamaConfig, T5Config

from pipeline.models.architectures.base import LanguageModel
from pipeline.models.architectures.causal import Causal
from pipeline.models.architectures.seq2seq import Seq2Seq


def flan_t5(width: int, inner: int, layers: int, heads: int) -> T5Config:
    return T5Config(
        vocab_size=32128,
        d_model=width,
        d_kv=64,
        d_ff=inner,
        num_layers=layers,
        num_heads=heads,
        feed_forward_proj="gated-gelu",
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )


def shape(name: str) -> Any:
    """transformers' configuration of a published model."""
    if name == "flan_t5_small":  # 77 M parameters
        return flan_t5(512, 1024, 8, 6)
    if name == "flan_t5_base":  # 248 M
        return flan_t5(768, 2048, 12, 12)
    if name == "smollm2_135m":
        return LlamaConfig(
            vocab_size=49152,
            hidden_size=576,
            intermediate_size=1536,
            num_hidden_layers=30,
            num_attention_heads=9,
            num_key_value_heads=3,
            max_position_embeddings=8192,
            tie_word_embeddings=True,
        )
    raise ValueError(f"no shape {name!r}; there are {', '.join(SHAPES)}")


SHAPES = ("flan_t5_small", "flan_t5_base", "smollm2_135m")


def random_model(name: str, tokenizer: Any, attention: str = "sdpa") -> LanguageModel:
    """A model of a shape, as the pipeline holds it."""
    config = shape(name)
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    network = auto.from_config(config, attn_implementation=attention)
    return (Seq2Seq if config.is_encoder_decoder else Causal)(network, tokenizer)


def widths(config: Any) -> tuple[int, int]:
    """The width of a layer and the inner width of its feed-forward part."""
    return (
        (config.d_model, config.d_ff) if config.is_encoder_decoder else (config.hidden_size, config.intermediate_size)
    )
