"""Decoder-only models: Llama, GPT and their like. Prompt and completion are one text."""

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

from pipeline.core.errors import InputError
from pipeline.models.architectures.base import IGNORED, Example, LanguageModel
from pipeline.models.positions import decoder_positions
from pipeline.models.virtual_tokens import soft_tokens


class Causal(LanguageModel):
    task_type = "CAUSAL_LM"
    auto_class = "AutoModelForCausalLM"
    separator = " "
    prompt_padding_side = "left"  # the model must continue right after the prompt's last token
    reads_end_of_prompt = False
    allows_fp16 = True

    @classmethod
    def matches(cls, config: Any) -> bool:
        return not config.is_encoder_decoder

    def prompt_positions(self, config: Any, new_tokens: int) -> int | None:
        found = decoder_positions(config)
        return found and found - new_tokens

    def completion_positions(self, config: Any) -> int | None:
        return None

    def encode_example(self, prompt: list[int], completion: list[int], end: int) -> Example:
        return {"input_ids": [*prompt, *completion, end], "labels": [IGNORED] * len(prompt) + [*completion, end]}

    def count_tokens(self, example: Example) -> int:
        return len(example["input_ids"])

    def count_batch_tokens(self, batch: dict[str, Any]) -> Any:
        return batch["attention_mask"].sum()

    def labelled_logits(self, batch: dict[str, Any]) -> tuple[Any, Any]:
        """As in the interface; only positions with a label are computed."""
        import torch.nn.functional as F

        inputs = {name: value for name, value in batch.items() if name != "labels"}
        following = batch["labels"][:, 1:]  # position t predicts the token at t + 1
        labelled = following != IGNORED
        kept = F.pad(labelled, (soft_tokens(self.network), 1))
        if "logits_to_keep" in inspect.signature(self.base_network.forward).parameters:
            logits = self.network(**inputs, use_cache=False, logits_to_keep=kept).logits.flatten(0, -2)
        else:
            logits = self.network(**inputs, use_cache=False).logits[kept]
        return logits.float(), following[labelled]

    def row_of_position(self, labels: Any) -> Any:
        import torch

        counts = (labels != IGNORED).sum(dim=1)
        return torch.arange(len(labels), device=labels.device).repeat_interleave(counts)

    def generate(self, batch: dict[str, Any], config: Any) -> Any:
        """As in the interface. A soft prompt goes between a row's left padding and its text, as in training.

        PEFT's own `generate` puts it before the padding, so that its distance to the text, and with it the answer,
        changes with the batch.
        """
        import torch

        if not soft_tokens(self.network):
            return self.network.generate(**batch, generation_config=config)[:, batch["input_ids"].shape[1] :]
        texts, mask = self.network.word_embeddings(batch["input_ids"]), batch["attention_mask"]
        prompts = self.network.get_prompt(len(texts))
        embeddings = torch.cat([prompts, texts], dim=1)
        mask = torch.cat([mask.new_ones(prompts.shape[:2]), mask], dim=1)
        order = mask.argsort(dim=1, stable=True)  # padding to the front, everything else in its order
        embeddings = embeddings.gather(1, order[..., None].expand_as(embeddings))
        with naming_embeddings(self.base_network):
            return self.base_network.generate(
                inputs_embeds=embeddings, attention_mask=mask.gather(1, order), generation_config=config
            )

    def cache_shape(self) -> tuple[int, int, int]:
        import torch

        token = torch.zeros((1, 1), dtype=torch.long, device=self.network.device)
        with torch.no_grad():
            cache = getattr(self.network(input_ids=token, use_cache=True), "past_key_values", None)
        layers = cache.layers if cache is not None else []
        if not layers or any(getattr(layer, "keys", None) is None for layer in layers):
            raise InputError("prefix_tuning: this model has layers that keep no keys and values of attention")
        _, heads, _, width = layers[0].keys.shape
        return len(layers), heads, width


@contextlib.contextmanager
def naming_embeddings(network: Any) -> Iterator[None]:
    """Let a network write after embeddings.

    transformers refuses that where a class hands its arguments on without naming them, as Gemma 3 with images does.
    Raises InputError where a class does not hand them on.
    """
    prepare = network.prepare_inputs_for_generation

    def named(input_ids: Any, inputs_embeds: Any = None, **kwargs: Any) -> dict[str, Any]:
        # transformers looks for an argument of the name `kwargs`.
        inputs = prepare(input_ids, inputs_embeds=inputs_embeds, **kwargs)
        if kwargs.get("is_first_iteration") and inputs.get("inputs_embeds") is None:
            raise InputError(
                "soft prompts: this model's class writes after tokens only, not after embeddings; leave such methods "
                "(prompt_tuning, p_tuning) out of `methods`"
            )
        return inputs

    network.prepare_inputs_for_generation = named
    try:
        yield
    finally:
        network.prepare_inputs_for_generation = prepare
