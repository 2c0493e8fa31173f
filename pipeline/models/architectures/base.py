"""The interface of all architectures, and what they have in common."""

from abc import ABC, abstractmethod
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

from pipeline.models import tokenizer as tokens
from pipeline.models.chat import Chat

IGNORED = -100  # the label that cross entropy leaves out

Example = dict[str, list[int]]  # input_ids and labels


class LanguageModel(ABC):
    """A network with its tokenizer.

    network: a transformers model, or PEFT's model around one; None where only text is encoded. chat: settings of the
    tokenizer's chat template where prompts are turns in it.
    """

    task_type: ClassVar[str]  # PEFT's name of the architecture
    auto_class: ClassVar[str]  # the class of transformers that loads it
    separator: ClassVar[str]  # between a plain prompt and its completion
    prompt_padding_side: ClassVar[str]  # of a batch of prompts to generate from
    allows_fp16: ClassVar[bool]
    reads_end_of_prompt: ClassVar[bool]  # whether an end token follows a prompt that is not a training example

    def __init__(self, network: Any, tokenizer: Any, chat: Chat | None = None) -> None:
        self.network, self.tokenizer, self.chat = network, tokenizer, chat

    @classmethod
    @abstractmethod
    def matches(cls, config: Any) -> bool:
        """Whether a transformers configuration is of this architecture."""

    @classmethod
    def load_network(cls, folder: Path, attention: str = "sdpa", **options: Any) -> Any:
        """A model folder's weights in fp32, with eager attention where its class has no other.

        Pure bf16 weights would lose small updates. options: further ones of transformers' reader. Raises ValueError
        where the folder lacks a weight.
        """
        network, report = cls.load_with_report(folder, attention, **options)
        if report["missing_keys"]:  # transformers would take random ones
            raise ValueError(f"no values for {sorted(report['missing_keys'])[0]}")
        for module in network.modules():
            if hasattr(module, "layerdrop"):  # a step that skips every layer has no gradient
                module.layerdrop = 0.0
        return network

    @classmethod
    def load_with_report(cls, folder: Path, attention: str = "sdpa", **options: Any) -> tuple[Any, dict[str, Any]]:
        """The network, and transformers' report of what the folder lacks. options: further ones of its reader."""
        import torch
        import transformers

        options |= {"dtype": torch.float32, "use_safetensors": True, "trust_remote_code": False}
        options |= {"local_files_only": True, "output_loading_info": True}
        load = partial(getattr(transformers, cls.auto_class).from_pretrained, folder, **options)
        try:
            return load(attn_implementation=attention)
        except ValueError as error:
            if attention == "eager" or "does not support an attention implementation" not in str(error):
                raise
            return load(attn_implementation="eager")

    @property
    def base_network(self) -> Any:
        """The transformers model itself, without PEFT's model around it."""
        return getattr(self.network, "get_base_model", lambda: self.network)()

    @property
    def device(self) -> Any:
        return next(self.network.parameters()).device

    @cached_property
    def control_tokens(self) -> tuple[str, ...]:
        """The tokens that say how a text is built, not what it says: end, padding, a chat's turns."""
        return tokens.control_tokens(self.tokenizer, self.chat)

    @cached_property
    def prompt_frame(self) -> tuple[list[int], list[int]]:
        """The tokens that the tokenizer puts before and after a plain text."""
        return tokens.frame(self.tokenizer, "text")

    @property
    def completion_frame(self) -> tuple[list[int], list[int]]:
        """The tokens before and after every completion; after it at least one."""
        return [], [self.tokenizer.eos_token_id]

    @abstractmethod
    def prompt_positions(self, config: Any, new_tokens: int) -> int | None:
        """How long a prompt can be with `new_tokens` after it; None: no bound. config: transformers' of the network."""

    @abstractmethod
    def completion_positions(self, config: Any) -> int | None:
        """How long a completion can be, its end included; None where only the sum with its prompt counts."""

    # Examples

    @abstractmethod
    def encode_example(self, prompt: list[int], completion: list[int], end: int) -> Example:
        """Token ids of one example. `end`, the last label, follows the completion; no label is of the prompt."""

    @abstractmethod
    def count_tokens(self, example: Example) -> int:
        """Tokens of an example that the network computes over."""

    @abstractmethod
    def count_batch_tokens(self, batch: dict[str, Any]) -> Any:
        """`count_tokens` over a padded batch, padding left out; a tensor."""

    def collate(self, examples: list[Example]) -> Any:
        """Pad examples to the longest: input_ids, attention_mask and labels, (examples, tokens) each.

        Padded labels are ignored. Masks go by length, so padding with the end token does no harm.
        """
        from transformers import DataCollatorForSeq2Seq

        self.tokenizer.padding_side = "right"
        collator = DataCollatorForSeq2Seq(self.tokenizer, label_pad_token_id=IGNORED)
        return collator([{**one, "attention_mask": [1] * len(one["input_ids"])} for one in examples])

    # Losses

    @abstractmethod
    def labelled_logits(self, batch: dict[str, Any]) -> tuple[Any, Any]:
        """(positions, vocabulary) logits in fp32, and the labels of the same positions."""

    @abstractmethod
    def row_of_position(self, labels: Any) -> Any:
        """The row of the batch that each position of `labelled_logits` belongs to; labels: (rows, tokens)."""

    def loss(self, batch: dict[str, Any]) -> tuple[Any, Any]:
        """Summed cross entropy of the labels of a collated batch, and the number of labels; two scalars."""
        import torch.nn.functional as F

        logits, labels = self.labelled_logits(batch)
        total = F.cross_entropy(logits, labels.flatten(), ignore_index=IGNORED, reduction="sum")
        return total, (labels != IGNORED).sum()

    def log_likelihoods(self, batch: dict[str, Any]) -> tuple[Any, Any]:
        """Of each row, the summed log-probability of its labels and their number; two (rows,) tensors."""
        import torch
        import torch.nn.functional as F

        logits, labels = self.labelled_logits(batch)
        each = -F.cross_entropy(logits, labels.flatten(), ignore_index=IGNORED, reduction="none")
        counts = (batch["labels"] != IGNORED).sum(dim=1)
        sums = torch.zeros(len(counts), device=each.device)
        return sums.index_add(0, self.row_of_position(batch["labels"]), each), counts

    # Generation

    def generation_tokens(self) -> dict[str, int]:
        """The tokens that generation has to begin with, by their names in transformers' GenerationConfig."""
        return {}

    @abstractmethod
    def generate(self, batch: dict[str, Any], config: Any) -> Any:
        """New token ids for a padded batch of prompts, (rows, new tokens): no prompt, no decoder start token."""

    @abstractmethod
    def cache_shape(self) -> tuple[int, int, int]:
        """Layers of the decoder's own cache, the heads of each and their width; found by running the network."""
