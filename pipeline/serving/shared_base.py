"""One base model in memory, and beside it what methods trained: LoRA by name, soft prompts, networks of their own.

PEFT puts one kind of adapter into a network, and LoRA alone lets the rows of a batch have different ones. So LoRA
shares one network, soft prompts are vectors before the text of the same one, and every other kind gets a network of its
own, whose weights are the base's where it did not train them.
"""

import copy
import gc
import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import Chat
from pipeline.models.devices import to_device
from pipeline.models.loading import load_model
from pipeline.models.tuned import PARTIAL, add_tuned, needs_base
from pipeline.models.virtual_tokens import embedding_scale, soft_tokens

BASE = "__base__"  # PEFT's name for a row of a batch without an adapter


@dataclass(frozen=True, eq=False)
class Trained:
    """What a method's rows need of a batch. network: None for those that share one; soft: (tokens, width) vectors."""

    network: Any = None
    adapter: str = BASE
    soft: Any = None


class SharedBase:
    """The base of `folder`, on the best device."""

    def __init__(self, folder: Path, architecture: str) -> None:
        self.architecture = architecture
        self.model = load_model(folder, architecture, None)
        self.model.network = to_device(self.model.network)
        self.with_adapters: Any = None  # PEFT's model around a copy of the base, from the first LoRA on
        self.scale: float | None = None  # of the text's embeddings beside soft tokens
        self.numbers = itertools.count()

    def speaker(self, trained: Trained, chat: Chat | None) -> LanguageModel:
        """The language model that encodes and decodes a method's texts."""
        return type(self.model)(trained.network or self.model.network, self.model.tokenizer, chat)

    def writer(self, adapters: set[str], own: Any = None) -> LanguageModel:
        """What writes rows with these adapters; `own`: a method's own network."""
        network = own or (self.model.network if adapters == {BASE} else self.with_adapters)
        if len(adapters) == 1 and adapters != {BASE}:  # for one adapter alone PEFT takes no row apart
            network.set_adapter(next(iter(adapters)), inference_mode=True)
        return type(self.model)(network, self.model.tokenizer, self.model.chat)

    def load(self, folder: Path) -> Trained:
        """What a method left in `folder`. Raises ValueError where it does not fit the base."""
        if not needs_base(folder):
            own = load_model(folder, self.architecture, None)
            return Trained(to_device(own.network))
        config = folder / "adapter_config.json"
        if config.exists() and is_plain_lora(json.loads(config.read_text(encoding="utf-8"))):
            return Trained(adapter=self.add_adapter(folder))
        if not config.exists() and not (folder / PARTIAL).exists():
            return Trained()  # nothing was trained
        network = add_tuned(self.copy(stored_names(folder / PARTIAL)), folder).network.to(self.model.device).eval()
        if soft_tokens(network):
            import torch

            with torch.inference_mode():
                return Trained(soft=network.get_prompt(1)[0].clone())
        return Trained(network)

    def add_adapter(self, folder: Path) -> str:
        """Load a LoRA beside those that are there; its name among them."""
        from peft import PeftModel

        name = f"lora{next(self.numbers)}"
        if self.with_adapters is None:
            network = PeftModel.from_pretrained(self.copy().network, folder, adapter_name=name)
            check_adapter(network, folder, name)
            self.with_adapters = network.to(self.model.device).eval()
            return name
        try:
            self.with_adapters.load_adapter(folder, name, torch_device=str(self.model.device))
            check_adapter(self.with_adapters, folder, name)
        except Exception:
            self.forget(Trained(adapter=name))
            raise
        finally:
            self.with_adapters.eval()
        return name

    def forget(self, trained: Trained) -> None:
        """Give the memory of a LoRA back; other kinds go with their last reference."""
        if self.with_adapters is not None and trained.adapter in self.with_adapters.peft_config:
            if len(self.with_adapters.peft_config) == 1:
                self.with_adapters = None
            else:
                self.with_adapters.delete_adapter(trained.adapter)
        gc.collect()  # PEFT's models hold each other

    def copy(self, own: Iterable[str] = ()) -> LanguageModel:
        """The base as a network of other modules with the same weights in memory, but for copies of those in `own`."""
        network = self.model.network
        tensors = itertools.chain(network.parameters(), network.buffers())
        kept = {id(tensor): tensor for tensor in tensors}
        for name in own:
            kept.pop(id(network.get_parameter(name)), None)
        return type(self.model)(copy.deepcopy(network, kept), self.model.tokenizer, self.model.chat)

    def text_embeddings(self, ids: Any) -> Any:
        """Of token ids (rows, tokens) the vectors that stand beside soft tokens, (rows, tokens, width)."""
        network = self.model.network
        if self.scale is None:
            self.scale = embedding_scale(network)
        vectors = network.get_input_embeddings()(ids)
        return vectors if self.scale == 1 else vectors * self.scale


def is_plain_lora(config: dict[str, Any]) -> bool:
    """Whether PEFT can give it to some rows of a batch: LoRA without DoRA, whole modules or trained tokens."""
    others = ("use_dora", "modules_to_save", "trainable_token_indices", "use_qalora", "alora_invocation_tokens")
    return config.get("peft_type") == "LORA" and not any(config.get(name) for name in others)


def check_adapter(network: Any, folder: Path, name: str) -> None:
    """Raise ValueError where the file of an adapter lacks a parameter: PEFT would leave it as it was made."""
    from peft import get_peft_model_state_dict

    there = set(stored_names(folder / "adapter_model.safetensors"))
    needed = get_peft_model_state_dict(network, adapter_name=name, save_embedding_layers=False)
    if missing := sorted(set(needed) - there):
        raise ValueError(f"no values for {missing[0]}")


def stored_names(path: Path) -> list[str]:
    """The names in a safetensors file; none where there is no file."""
    from safetensors import safe_open

    if not path.exists():
        return []
    with safe_open(path, framework="numpy") as saved:
        return list(saved.keys())
