"""What a method trained, on disk: the whole model, an adapter, or some of the base's own parameters."""

import json
import warnings
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.models.agreement import logits_of, same
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import Chat
from pipeline.models.loading import load_model
from pipeline.models.sharding import own_part
from pipeline.models.virtual_tokens import embed_as_the_network, soft_tokens

PARTIAL = "trained.safetensors"  # of the base's parameters those that were trained, by name
DEMONSTRATIONS = "demonstrations.jsonl"  # of a method that trains nothing: its worked examples, if any
LEFT = ("config.json", "adapter_config.json", PARTIAL, DEMONSTRATIONS)  # by one of them a method's folder is known


def trained_parameters(network: Any) -> dict[str, Any]:
    """The parameters that are trained, by name."""
    return {name: value for name, value in network.named_parameters() if value.requires_grad}


def save_tuned(model: LanguageModel, output: Path) -> None:
    """Save what was trained and nothing more; the same weights give the same bytes.

    An adapter in PEFT's format; where every parameter was trained a whole model with its tokenizer; else the trained
    parameters by name.
    """
    from peft import PeftModel
    from safetensors.torch import save_file

    network, trained = model.network, trained_parameters(model.network)
    if isinstance(network, PeftModel):
        save_adapter(network, output)
    elif len(trained) == len(dict(network.named_parameters())):
        network.save_pretrained(output)
        model.tokenizer.save_pretrained(output)
    else:
        output.mkdir(parents=True, exist_ok=True)
        save_file({name: value.detach().contiguous() for name, value in trained.items()}, output / PARTIAL)


def save_adapter(network: Any, output: Path) -> None:
    """PEFT's files without the model card, and with sorted lists: PEFT writes them from sets."""
    # save_embedding_layers would ask the hub whether the base's vocabulary was resized.
    network.save_pretrained(output, save_embedding_layers=False)
    (output / "README.md").unlink(missing_ok=True)
    config = json.loads((output / "adapter_config.json").read_text())
    config = {key: sorted(value) if isinstance(value, list) else value for key, value in config.items()}
    files.write_json(output / "adapter_config.json", dict(sorted(config.items())))


def needs_base(output: Path) -> bool:
    """Whether what was saved is used on top of the base model."""
    return not (output / "config.json").exists()


def load_tuned(base: Path, output: Path, architecture: str, chat: Chat | None, merge: bool) -> LanguageModel:
    """The model that a method left in `output`; the base itself where it trained nothing.

    `merge` folds an adapter into the base's weights where its kind allows it (LoRA does, soft prompts do not).
    """
    if not any((output / name).exists() for name in LEFT):
        raise files.damaged(output, f"has none of {', '.join(LEFT)}") if output.exists() else files.missing(output)
    if not needs_base(output):
        with files.explain_damage(output):
            return load_model(output, architecture, chat)
    with files.explain_damage(base):
        model = load_model(base, architecture, chat)
    with files.explain_damage(output):
        model = add_tuned(model, output)
    if merge and is_mergeable(model.network) and not merge_same(model):
        print("not merged: with the adapter in its weights this model says something else (tied weights?)")
        return load_tuned(base, output, architecture, chat, merge=False)
    return model


def add_tuned(model: LanguageModel, output: Path) -> LanguageModel:
    """A base with the parameters or the adapter of a method's folder."""
    if (output / PARTIAL).exists():
        load_parameters(model.network, output / PARTIAL)
    if (output / "adapter_config.json").exists():
        from peft import PeftModel

        with warnings.catch_warnings():  # PEFT takes AdaLoRA's ranks for LoRA's and warns, but uses them correctly
            warnings.filterwarnings("ignore", "The following rank_pattern keys did not match")
            model.network = PeftModel.from_pretrained(model.network, output)
        if soft_tokens(model.network):
            embed_as_the_network(model.network)
        check_adapter(model.network, output)
    return model


def merge_same(model: LanguageModel) -> bool:
    """Fold the adapter into the base's weights; whether the model then says the same.

    It does not where a weight is used twice, as an output layer that is tied to the embeddings is.
    """
    before = logits_of(model)
    model.network = model.network.merge_and_unload(safe_merge=True)
    return same(before, logits_of(model))


def load_parameters(network: Any, path: Path) -> None:
    """Overwrite parameters with those of a safetensors file, by name."""
    import torch
    from safetensors.torch import load_file

    parameters, saved = dict(network.named_parameters()), load_file(path)
    if not saved:
        raise ValueError(f"{path.name} holds no parameter")
    with torch.no_grad():
        for name, value in saved.items():
            own_part(parameters[name]).copy_(value)


def check_adapter(network: Any, output: Path) -> None:
    """Raise ValueError where the file of an adapter lacks a parameter: PEFT would leave it as it was made."""
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    with safe_open(output / "adapter_model.safetensors", framework="numpy") as saved:
        names = set(saved.keys())
    if missing := sorted(set(get_peft_model_state_dict(network, save_embedding_layers=False)) - names):
        raise ValueError(f"no values for {missing[0]}")


def is_tuned_with_peft(network: Any) -> bool:
    """Whether the network carries an adapter or soft prompt, which it computes beside the base's weights."""
    return hasattr(network, "peft_config")


def is_mergeable(network: Any) -> bool:
    """Whether the network carries an adapter that can be folded into its weights."""
    return is_tuned_with_peft(network) and hasattr(network.base_model, "merge_and_unload")


def is_merged(output: Path, network: Any) -> bool:
    """Whether the adapter that a method left in `output` is folded into this network's weights."""
    return (output / "adapter_config.json").exists() and not is_tuned_with_peft(network)


def directory_size(output: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
