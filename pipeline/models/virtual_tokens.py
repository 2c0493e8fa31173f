"""The positions that a trained prompt or prefix adds, and the embeddings that a soft prompt stands beside."""

import math
from typing import Any

from pipeline.core.errors import InputError

IN_THE_CACHE = ("PREFIX_TUNING", "CARTRIDGE")  # PEFT's kinds whose virtual tokens are keys and values


def virtual_tokens(network: Any) -> int:
    """How many trained positions a network puts before its prompt: soft tokens, or a prefix."""
    config = getattr(network, "peft_config", {}).get("default")
    return config.num_virtual_tokens if config is not None and config.is_prompt_learning else 0


def soft_tokens(network: Any) -> int:
    """Those of them that are among the inputs and have logits; a prefix is in the cache."""
    count = virtual_tokens(network)
    return count if count and network.peft_config["default"].peft_type not in IN_THE_CACHE else 0


def embed_as_the_network(network: Any) -> None:
    """Let PEFT embed the text of a network with soft tokens as the network itself does.

    PEFT embeds a text and gives the vectors to the network. Most embeddings are scaled where they are looked up, if at
    all; Pegasus and Marian scale them afterwards, and not those that they are given.
    """
    import torch

    if (scale := embedding_scale(network.get_base_model())) == 1:
        return

    class Scaled(torch.nn.Module):
        def __init__(self, embeddings: Any) -> None:
            super().__init__()
            self.embeddings = embeddings

        @property
        def weight(self) -> Any:
            return self.embeddings.weight

        def forward(self, ids: Any) -> Any:
            return self.embeddings(ids) * scale

    network.word_embeddings = Scaled(network.word_embeddings)


def embedding_scale(network: Any) -> float:
    """By what the text's embeddings have to be multiplied for a network that is given them instead of ids.

    Found by trying. Raises InputError where neither 1 nor the square root of their width gives the same logits.
    """
    import torch

    embeddings, ids = network.get_input_embeddings(), torch.arange(3, 11, device=network.device)[None]
    decoder = {"decoder_input_ids": ids[:, :2]} if network.config.is_encoder_decoder else {}
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            vectors = embeddings(ids)
            expected = network(input_ids=ids, **decoder).logits
            for scale in (1.0, math.sqrt(vectors.shape[-1])):
                found = network(inputs_embeds=scale * vectors, **decoder).logits
                if torch.allclose(found, expected, rtol=1e-4, atol=1e-4):
                    return scale
    finally:
        network.train(training)
    raise InputError("soft prompts: this model reads another text when it is given embeddings instead of tokens")
