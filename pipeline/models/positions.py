"""How many tokens a model can read and write: its positions. None where there is no bound, as in T5."""

from typing import Any


def encoder_positions(config: Any) -> int | None:
    """The positions of an encoder. config: transformers' configuration of a seq2seq model."""
    return _first(config, "max_encoder_position_embeddings", "max_position_embeddings")


def decoder_positions(config: Any) -> int | None:
    """The positions of a decoder, or of a causal model."""
    return _first(config, "max_decoder_position_embeddings", "max_position_embeddings")


def _first(config: Any, *names: str) -> int | None:
    for text in (config, config.get_text_config(decoder=True)):
        for name in names:
            if isinstance(value := getattr(text, name, None), int) and value > 0:
                return value
    return None
