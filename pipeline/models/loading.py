"""A base model folder as a `LanguageModel`, offline."""

import math
from pathlib import Path
from typing import Any

from pipeline.models import architectures
from pipeline.models.architectures.base import LanguageModel


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder. Without a pad token it pads with the end token."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_text_encoder(folder: Path, architecture: str, chat: bool) -> LanguageModel:
    """A language model without its network, for what needs the tokenizer alone."""
    return architectures.find(architecture)(None, load_tokenizer(folder), chat)


def load_model(folder: Path, architecture: str, chat: bool, attention: str = "sdpa") -> LanguageModel:
    """A language model from a folder, with weights in fp32."""
    found = architectures.find(architecture)
    return found(found.load_network(folder, attention), load_tokenizer(folder), chat)


def missing_weights(folder: Path, architecture: str) -> list[str]:
    """The parameters that a model folder does not give, or not in their own shape: these would be random."""
    import transformers

    auto_class = getattr(transformers, architectures.find(architecture).auto_class)
    verbosity = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()  # it would list them in a table of its own
    _, report = auto_class.from_pretrained(
        folder, use_safetensors=True, output_loading_info=True, ignore_mismatched_sizes=True, local_files_only=True
    )
    transformers.utils.logging.set_verbosity(verbosity)
    return sorted([*report["missing_keys"], *(str(key) for key in report["mismatched_keys"])])


def count_parameters(folder: Path) -> int:
    """Parameters of a model folder, from the headers of its safetensors."""
    from safetensors import safe_open

    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="numpy") as weights:
            total += sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
    return total
