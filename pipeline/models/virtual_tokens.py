"""The positions that a trained prompt or prefix adds."""

from typing import Any

IN_THE_CACHE = ("PREFIX_TUNING", "CARTRIDGE")  # PEFT's kinds whose virtual tokens are keys and values


def virtual_tokens(network: Any) -> int:
    """How many trained positions a network puts before its prompt: soft tokens, or a prefix."""
    config = getattr(network, "peft_config", {}).get("default")
    return config.num_virtual_tokens if config is not None and config.is_prompt_learning else 0


def soft_tokens(network: Any) -> int:
    """Those of them that are among the inputs and have logits; a prefix is in the cache."""
    count = virtual_tokens(network)
    return count if count and network.peft_config["default"].peft_type not in IN_THE_CACHE else 0
