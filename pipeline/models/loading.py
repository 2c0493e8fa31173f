"""A base model folder as a `LanguageModel`, offline."""

import math
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.models import architectures
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import Chat
from pipeline.models.tokenizer import load_tokenizer


def load_config(folder: Path) -> Any:
    """transformers' configuration of a model folder."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def load_text_encoder(folder: Path, architecture: str, chat: Chat | None) -> LanguageModel:
    """A language model without its network, for what needs the tokenizer alone."""
    return architectures.find(architecture)(None, load_tokenizer(folder), chat)


def load_model(folder: Path, architecture: str, chat: Chat | None, attention: str = "sdpa") -> LanguageModel:
    """A language model from a folder, with weights in fp32."""
    found = architectures.find(architecture)
    return found(found.load_network(folder, attention), load_tokenizer(folder), chat)


def missing_weights(folder: Path, architecture: str) -> list[str]:
    """The parameters that a model folder does not give, or not in their own shape: these would be random."""
    import transformers

    described, given = described_parameters(folder, architecture), count_parameters(folder)
    if described > 10 * given:  # to make up what is missing could take all memory
        raise InputError(
            f"its config.json describes {described:,} parameters and its weights have {given:,}: another model's file?"
        )
    verbosity = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()  # it would list them in a table of its own
    found = architectures.find(architecture)
    _, report = found.load_with_report(folder, ignore_mismatched_sizes=True)
    transformers.utils.logging.set_verbosity(verbosity)
    return sorted([*report["missing_keys"], *(str(key) for key in report["mismatched_keys"])])


def described_parameters(folder: Path, architecture: str) -> int:
    """The parameters of the network that a folder's configuration describes, without making them."""
    import torch
    import transformers

    auto = getattr(transformers, architectures.find(architecture).auto_class)
    with torch.device("meta"):
        network = auto.from_config(load_config(folder), attn_implementation="eager", trust_remote_code=False)
    return sum(parameter.numel() for parameter in network.parameters())


def count_parameters(folder: Path) -> int:
    """Parameters of a model folder, from the headers of its safetensors."""
    from safetensors import safe_open

    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="numpy") as weights:
            total += sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
    return total
